// SPDX-License-Identifier: MIT
import { spawn } from 'node:child_process';
import { buildProbe, type BuildOptions } from './build.ts';
import { processLink } from './process-link.ts';
import type { Link, Transport } from './transport.ts';
import { Unavailable } from './unavailable.ts';

/** Bytes that may wait unanswered in a pipe. */
export const PIPE_WINDOW: number = 1 << 20;

const WATCHDOG_MS = 10_000;

/** What this process is and where it runs. Tests set it. */
export interface Host {
  readonly platform: NodeJS.Platform;
  readonly arch: string;
  /** Undefined where there are no user ids. */
  readonly uid: number | undefined;
}

/** Where this runs. */
export function thisHost(): Host {
  return { platform: process.platform, arch: process.arch, uid: process.getuid?.() };
}

/**
 * What a probe for x86-64 Linux needs of the host that builds it.
 *
 * @throws Unavailable
 */
export function requireLinux({ platform, arch }: Host): void {
  if (platform !== 'linux') throw new Unavailable(`Linux: this host runs ${platform}`);
  if (arch !== 'x64') throw new Unavailable(`an x86-64 machine: this one is ${arch}`);
}

/** Options of {@link localTransport}, for tests. */
export interface LocalOptions extends BuildOptions {
  readonly host?: Host;
  /** A program to run in place of the probe. */
  readonly program?: readonly string[];
  readonly startTimeoutMs?: number;
  readonly watchdogMs?: number;
}

/** The probe as a child of this process: the running kernel answers. */
export function localTransport(probe: string, options: LocalOptions = {}): Transport {
  const { host = thisHost(), startTimeoutMs = 10_000, watchdogMs = WATCHDOG_MS } = options;
  return {
    name: 'live',
    touches:
      'runs a small program as root on this kernel, in mount and pid namespaces of its own; ' +
      'it writes nothing outside them',
    startTimeoutMs,
    watchdogMs,
    connect: async (): Promise<Link> => {
      requireLinux(host);
      if (host.uid !== 0) throw new Unavailable('root (CAP_SYS_ADMIN)');
      const [command, ...args] = options.program ?? [
        await buildProbe(probe, options),
        `--watchdog=${watchdogMs}`,
      ];
      const child = spawn(command ?? '', args, { stdio: ['pipe', 'pipe', 'pipe'] });
      const { stdin: input, stdout: output, stderr } = child;
      return processLink({ process: child, input, output, texts: [stderr], window: PIPE_WINDOW });
    },
  };
}
