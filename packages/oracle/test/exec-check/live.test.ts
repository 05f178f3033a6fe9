// SPDX-License-Identifier: MIT
import { spawn } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { execCheck, plainTask, type Operation, type Setup } from '@kernel-models/exec-check';
import { replay } from '@kernel-models/model-core';
import { afterAll, describe, expect, test } from 'vitest';
import { recordedCases } from '../../src/exec-check/cases.ts';
import { execCheckTarget } from '../../src/exec-check/targets.ts';
import { observedTrace } from '../../src/observe.ts';
import { buildProbe } from '../../src/probe/build.ts';
import { localTransport } from '../../src/probe/local.ts';
import { runCase } from '../../src/target.ts';

const target = execCheckTarget(localTransport('exec-check'));
const availability = await target.available();
if (!availability.ok) console.warn(`live tests of exec-check are skipped: ${availability.skip}`);
const revision = availability.ok ? availability.revision : undefined;
if (availability.ok && revision === undefined) {
  console.warn(`the comparison is skipped: no revision describes ${availability.source.kernel}`);
}
afterAll(() => target.close());

const plain: Setup = {
  mounts: [],
  nodes: [
    {
      kind: 'file',
      path: '/e/f',
      mode: 0o755,
      uid: 0,
      gid: 0,
      content: { kind: 'elf', program: 'exit', exitCode: 42 },
    },
    {
      kind: 'file',
      path: '/e/loop',
      mode: 0o755,
      uid: 0,
      gid: 0,
      // An endless loop: jmp to itself, at the entry point of an ELF file of 64-bit x86.
      content: { kind: 'bytes', base64: endlessProgram() },
    },
  ],
  tasks: [plainTask('t1', 7)],
};

function endlessProgram(): string {
  const file = Buffer.alloc(122);
  file.write('\x7fELF\x02\x01\x01', 'latin1');
  file.writeUInt16LE(2, 16); // ET_EXEC
  file.writeUInt16LE(62, 18); // EM_X86_64
  file.writeUInt32LE(1, 20);
  file.writeBigUInt64LE(0x400078n, 24); // entry
  file.writeBigUInt64LE(64n, 32); // program headers
  file.writeUInt16LE(64, 52);
  file.writeUInt16LE(56, 54);
  file.writeUInt16LE(1, 56);
  file.writeUInt32LE(1, 64); // PT_LOAD
  file.writeUInt32LE(5, 68); // readable, executable
  file.writeBigUInt64LE(0x400000n, 80);
  file.writeBigUInt64LE(122n, 96);
  file.writeBigUInt64LE(122n, 104);
  file.write('\xeb\xfe', 120, 'latin1'); // jmp .
  return file.toString('base64');
}

function exec(path: string, flags = 0): Operation {
  return {
    op: 'execveat',
    task: 't1',
    dirfd: -100,
    path: { kind: 'text', text: path },
    flags,
    argv: { kind: 'list', strings: [{ kind: 'text', text: 'a' }] },
    envp: { kind: 'null' },
  };
}

/** The processes that a process has started, and they. */
function descendants(pid: number | undefined): readonly number[] {
  const parents = readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((name) => {
      const parent = parentOf(Number(name));
      return parent === undefined ? [] : [[Number(name), parent] as const];
    });
  const below = (id: number): number[] =>
    parents.flatMap(([child, parent]) => (parent === id ? [child, ...below(child)] : []));
  return pid === undefined ? [] : below(pid);
}

function parentOf(pid: number): number | undefined {
  try {
    // The name of the program, in parentheses, may hold spaces.
    const [state, parent] = readFileSync(`/proc/${pid}/stat`, 'utf8')
      .replace(/^.*\) /s, '')
      .split(' ');
    return state === 'Z' ? undefined : Number(parent);
  } catch {
    return undefined;
  }
}

function isAlive(pid: number): boolean {
  return parentOf(pid) !== undefined;
}

describe.runIf(availability.ok)('the exec-check probe on this kernel', () => {
  test('runs a program in a task, which is gone then', async () => {
    const operations = [exec('/e/missing'), exec('/e/f'), exec('/e/f')];
    const outcomes = [];
    for await (const outcome of target.run(plain, operations)) outcomes.push(outcome);
    expect(outcomes).toEqual([
      { kind: 'errno', errno: 'ENOENT' },
      { kind: 'ran', exitCode: 42 },
      { kind: 'gone' },
    ]);
  });

  test.runIf(revision !== undefined)('agrees with the revision of this kernel', async () => {
    if (!availability.ok || revision === undefined) return;
    const cases = recordedCases(200);
    const facts = {
      model: execCheck.name,
      revision,
      source: availability.source,
      recordedAt: '2026-01-01T00:00:00Z',
    };
    let compared = 0;
    let index = 0;
    for await (const answer of target.runBatch?.(cases) ?? []) {
      const one = cases[index];
      index += 1;
      if (one === undefined) break;
      expect(answer.failure).toBeUndefined();
      const { trace } = observedTrace(one, answer, facts);
      expect(replay(execCheck, trace, { revision }).verdict, `case ${index - 1}`).toBe('agree');
      compared += trace.events.length;
    }
    expect(index).toBe(200);
    expect(compared).toBeGreaterThan(800);
  });

  test('fails a case that hangs, goes on with the next, and leaves no process', async () => {
    const impatient = execCheckTarget(localTransport('exec-check', { watchdogMs: 300 }));
    const cases = [
      { setup: plain, operations: [exec('/e/loop'), exec('/e/f')] },
      { setup: plain, operations: [exec('/e/f')] },
    ];
    const answers = [];
    for await (const answer of impatient.runBatch?.(cases) ?? []) answers.push(answer);
    await impatient.close();
    expect(answers).toEqual([
      { outcomes: [], failure: 'hung: killed after 300 ms' },
      { outcomes: [{ kind: 'ran', exitCode: 42 }] },
    ]);
  });

  test('ends with its namespace when it is killed, and when its parent is', async () => {
    const program = await buildProbe('exec-check');
    const direct = spawn(program, { stdio: ['pipe', 'pipe', 'ignore'] });
    await new Promise((resolve) => direct.stdout.once('data', resolve));
    const init = descendants(direct.pid);
    expect(init).toHaveLength(1);
    direct.kill('SIGKILL');
    await until(() => !init.some(isAlive));

    const options = "{ stdio: ['pipe', 'inherit', 'ignore'] }";
    const script = `require('child_process').spawn(${JSON.stringify(program)}, ${options})`;
    const parent = spawn(process.execPath, ['-e', script], { stdio: ['ignore', 'pipe', 'ignore'] });
    await new Promise((resolve) => parent.stdout.once('data', resolve));
    const both = descendants(parent.pid);
    expect(both).toHaveLength(2);
    parent.kill('SIGKILL');
    await until(() => !both.some(isAlive));
  });

  test('leaves the mounts of this host as they were', async () => {
    const before = readFileSync('/proc/self/mountinfo', 'utf8');
    await runCase(target, { setup: plain, operations: [exec('/e/f')] });
    expect(readFileSync('/proc/self/mountinfo', 'utf8')).toBe(before);
  });
});

async function until(condition: () => boolean): Promise<void> {
  for (let tries = 0; !condition(); tries += 1) {
    expect(tries).toBeLessThan(100);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}
