// SPDX-License-Identifier: MIT
import { codec, type Operation, type Outcome, type Setup } from '@kernel-models/mm';
import { describe, expect, test } from 'vitest';
import { DIRECTED } from '../../src/mm/directed.ts';
import { isExecutable } from '../../src/mm/executable.ts';
import { directedCase, randomCase, type Guide } from '../../src/mm/generate.ts';
import { beginsAlike, lacks, processesOf, requires } from '../../src/mm/host.ts';
import { revisionOfRelease } from '../../src/mm/targets.ts';
import { THEMES } from '../../src/mm/themes.ts';
import { encodeOperation, encodeWorld } from '../../src/mm/wire.ts';
import type { Hello } from '../../src/probe/protocol.ts';
import { decodeWords, encodeWords } from '../../src/probe/words.ts';
import type { Case } from '../../src/target.ts';
import { HELLO } from './hello.ts';

const processes = processesOf(HELLO);
const [process] = processes;
if (process === undefined) throw new Error('hello: expected a process, got none');

/** Knows only where the process began. */
const blind: Guide = {
  initial: (setup) => setup,
  apply: (state) => ({ state, outcome: look(process), rule: '', trail: [] }),
};

function look({ vmas }: Setup): Outcome {
  const totals = { size: 0, locked: 0, data: 0, stack: 0 };
  return { kind: 'smaps', vmas: vmas.map((vma) => ({ ...vma, perms: 'rw-p' })), totals };
}

const directed = processes.flatMap((one) => DIRECTED.map((each) => directedCase(each, one)));
const random = THEMES.flatMap((theme, seed) =>
  processes.map((one) => randomCase(seed, one, blind, '', theme)),
);
const all: readonly Case<Setup, Operation>[] = [...directed, ...random];

describe('cases', () => {
  test('are the same each time', () => {
    expect(randomCase(7, process, blind, '')).toEqual(randomCase(7, process, blind, ''));
    expect(randomCase(8, process, blind, '')).not.toEqual(randomCase(7, process, blind, ''));
  });

  test('leave alone what the probe’s process needs, and a trace can hold them', () => {
    for (const one of all) {
      expect(isExecutable(one)).toBe(true);
      expect(codec.decodeSetup(codec.encodeSetup(one.setup))).toEqual(one.setup);
      for (const operation of one.operations) {
        expect(codec.decodeOperation(codec.encodeOperation(operation))).toEqual(operation);
      }
    }
  });

  test('touch every operation that a process can do', () => {
    const used = new Set(all.flatMap(({ operations }) => operations.map(({ op }) => op)));
    expect([...used].sort()).toEqual([
      ...['brk', 'dropCap', 'fork', 'madvise', 'mbind', 'mlock', 'mlock2', 'mlockall', 'mmap'],
      ...['mprotect', 'mremap', 'mseal', 'munlock', 'munlockall', 'munmap', 'setMdwe'],
      ...['setMemoryMerge', 'setrlimit', 'smaps', 'touchRead', 'touchWrite'],
    ]);
  });

  test('have names of their own', () => {
    expect(new Set(DIRECTED.map(({ name }) => name)).size).toBe(DIRECTED.length);
    expect(new Set(THEMES.map(({ name }) => name)).size).toBe(THEMES.length);
  });
});

describe('what must stay', () => {
  const harmful: readonly Operation[] = [
    { op: 'munmap', address: 0x400000n, length: 1n },
    { op: 'munmap', address: 0x3ff000n, length: 0x1001n },
    { op: 'mprotect', address: 0x401fffn, length: 1n, prot: 0 },
    { op: 'madvise', address: 0x401000n, length: 4096n, advice: 10 },
    { op: 'mmap', address: 0x401000n, length: 1n, prot: 0, flags: 0x32, fd: -1, offset: 0n },
    { op: 'mremap', address: 0x400000n, oldLength: 1n, newLength: 1n, flags: 0, newAddress: 0n },
    {
      op: 'mremap',
      address: 0x10000000n,
      oldLength: 4096n,
      newLength: 4096n,
      flags: 3,
      newAddress: 0x400000n,
    },
  ];

  test.each(harmful)('$op of it is not executed', (operation) => {
    expect(isExecutable({ setup: process, operations: [operation] })).toBe(false);
  });

  test('an i386 process is asked with the low 32 bits', () => {
    const narrow = processes.find(({ abi }) => abi === 'i386') ?? process;
    const operation: Operation = { op: 'munmap', address: 0x1_0040_0000n, length: 4096n };
    expect(isExecutable({ setup: process, operations: [operation] })).toBe(true);
    expect(isExecutable({ setup: narrow, operations: [operation] })).toBe(false);
  });
});

describe('what the probe reads', () => {
  test('is what a case asks for, and operations of numbers', () => {
    for (const { setup, operations } of all.slice(0, 100)) {
      for (const wire of [encodeWorld(setup), ...operations.map(encodeOperation)]) {
        expect(decodeWords(encodeWords(wire))).toEqual(JSON.parse(JSON.stringify(wire)));
      }
    }
    expect(encodeWords(encodeOperation({ op: 'munmap', address: 0x1000n, length: 5n }))).toBe(
      "op=munmap address='0x1000 length='0x5",
    );
  });
});

describe('what a kernel must have', () => {
  const withFacts = (facts: Hello['facts']): Hello => ({
    ...HELLO,
    facts: { ...HELLO.facts, ...facts },
  });

  test('processes of 47 bits, and memory that it does not ration', () => {
    expect(requires(HELLO)).toBeUndefined();
    expect(requires(withFacts({ starts: [] }))).toMatch(/none could be started/);
    const change = (fields: object): Hello =>
      withFacts({
        starts: (HELLO.facts['starts'] as readonly object[]).map((one) => ({ ...one, ...fields })),
      });
    expect(requires(change({ taskSize: '0xfffffffffff000' }))).toMatch(/no5lvl/);
    const overcommit = { mode: 2, totalPages: 1, commitLimit: 1 };
    expect(requires(change({ overcommit }))).toMatch(/vm.overcommit_memory/);
  });

  test('the rights, and the process, that a case is about', () => {
    const none = { setup: process, operations: [] };
    expect(lacks(none, HELLO)).toBeUndefined();
    const privileged: Setup = { ...process, capabilities: ['CAP_SYS_RESOURCE'] };
    expect(lacks({ ...none, setup: privileged }, withFacts({ capabilities: [] }))).toMatch(
      'CAP_SYS_RESOURCE',
    );
    const planned: Setup = { ...process, failAllocations: [1] };
    expect(lacks({ ...none, setup: planned }, HELLO)).toMatch(/plan/);
    const moved: Setup = { ...process, mmapBase: 0x7fff_0000_0000n };
    expect(lacks({ ...none, setup: moved }, HELLO)).toMatch(/mmapBase/);
    const internal: Operation = { op: 'vmBrkFlags', address: 0n, length: 0n, flags: 0 };
    expect(lacks({ ...none, operations: [internal] }, HELLO)).toMatch(/vm_brk_flags/);
    const execute: Operation = { op: 'mprotect', address: 0n, length: 0n, prot: 4 };
    const keys = withFacts({ protectionKeys: true });
    expect(lacks({ ...none, operations: [execute] }, keys)).toMatch(/nopku/);
    expect(lacks({ ...none, operations: [execute] }, HELLO)).toBeUndefined();
  });
});

test('of a process, only what a case asks for can be shrunk', () => {
  expect(beginsAlike({ ...process, files: [], capabilities: ['CAP_IPC_LOCK'] }, process)).toBe(
    true,
  );
  expect(beginsAlike({ ...process, vmas: process.vmas.slice(1) }, process)).toBe(false);
  expect(beginsAlike({ ...process, maxMapCount: 1 }, process)).toBe(false);
});

test('a release has the revision that was measured on it, or none', () => {
  expect(revisionOfRelease('6.1.0-56-cloud-amd64')).toBe('linux-6.1');
  expect(revisionOfRelease('6.12.117+deb12-cloud-amd64')).toBe('linux-6.12');
  expect(revisionOfRelease('6.18.44')).toBe('linux-6.18');
  expect(revisionOfRelease('6.10.3')).toBeUndefined();
  expect(revisionOfRelease('6.17.0')).toBeUndefined();
});
