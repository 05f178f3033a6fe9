// SPDX-License-Identifier: MIT
import { spawn } from 'node:child_process';
import type { Json } from '@kernel-models/model-core';
import { processLink } from '../probe/process-link.ts';
import type { Link } from '../probe/transport.ts';
import { Unavailable } from '../probe/unavailable.ts';
import type { TargetOptions } from '../subsystem.ts';
import { TargetError, type Availability, type Target } from '../target.ts';
import { buildProgram, sourceRelease } from './build.ts';
import { encodeOperation, type Operation } from './operation.ts';
import { decodeOutcome, type Outcome } from './outcome.ts';
import { treeFlags, type Machine, type Setup } from './setup.ts';

type MapleTarget = Target<Setup, Operation, Outcome>;

/** The kernel's own maple tree, built from the source tree that the command line names. */
export function mapleTreeTargets({ kernelSource }: TargetOptions): readonly MapleTarget[] {
  return [new MapleTreeTarget(kernelSource)];
}

/** lib/maple_tree.c in user space, one process for each machine. */
class MapleTreeTarget implements MapleTarget {
  readonly name = 'maple';
  readonly models = ['maple-tree'] as const;
  readonly touches = 'compiles lib/maple_tree.c and runs it as a child process, without privileges';
  readonly #source: string | undefined;
  readonly #links = new Map<Machine, Link>();

  constructor(source: string | undefined) {
    this.#source = source;
  }

  async available(): Promise<Availability> {
    if (this.#source === undefined) {
      return { ok: false, skip: '--kernel-source: a Linux 6.12 source tree to build from' };
    }
    try {
      const release = await sourceRelease(this.#source);
      await buildProgram('maple-probe', this.#source, '64-bit');
      await buildProgram('maple-probe', this.#source, '32-bit');
      return {
        ok: true,
        source: {
          kind: 'library',
          kernel: `Linux ${release}, lib/maple_tree.c`,
          config: 'user space, one thread, 64-bit and 32-bit',
          tool: 'maple-probe.c',
        },
        revision: /^6\.12\./.test(release) ? 'linux-6.12' : undefined,
      };
    } catch (error) {
      if (error instanceof Unavailable) return { ok: false, skip: error.message };
      throw error;
    }
  }

  async *run(setup: Setup, operations: readonly Operation[]): AsyncIterable<Outcome> {
    const link = await this.#link(setup.machine);
    link.write(`op=new flags=0x${treeFlags(setup).toString(16)}\n`);
    await this.#answer(link);
    const ahead = 2000; // Lines that may wait in the pipes.
    for (let sent = 0; sent < operations.length; sent += ahead) {
      const part = operations.slice(sent, sent + ahead);
      link.write(part.map(probeLine).join(''));
      for (let left = part.length; left > 0; left--) {
        yield decodeOutcome(await this.#answer(link));
      }
    }
  }

  async close(): Promise<void> {
    const links = [...this.#links.values()];
    this.#links.clear();
    await Promise.all(links.map((link) => link.close()));
  }

  async #link(machine: Machine): Promise<Link> {
    const open = this.#links.get(machine);
    if (open !== undefined) return open;
    if (this.#source === undefined) throw new TargetError('--kernel-source is missing');
    const program = await buildProgram('maple-probe', this.#source, machine);
    const child = spawn(program, { stdio: 'pipe' });
    const link = processLink({
      process: child,
      input: child.stdin,
      output: child.stdout,
      texts: [child.stderr],
      window: 1 << 16,
    });
    this.#links.set(machine, link);
    return link;
  }

  /** The next answer; a probe that died is forgotten, so that the next case starts another. */
  async #answer(link: Link): Promise<Json> {
    const line = await link.nextLine();
    if (line !== undefined && !line.includes('"fatal"')) return JSON.parse(line) as Json;
    for (const [machine, one] of this.#links) if (one === link) this.#links.delete(machine);
    throw new TargetError(`maple: the probe died: ${line ?? link.diagnosis()}`);
  }
}

/** An operation as the probe reads it. */
export function probeLine(operation: Operation): string {
  const words = Object.entries(encodeOperation(operation));
  return `${words.map(([key, value]) => `${key}=${String(value)}`).join(' ')}\n`;
}
