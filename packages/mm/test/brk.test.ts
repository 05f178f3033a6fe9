// SPDX-License-Identifier: MIT
import { describe, expect, test } from 'vitest';
import { MAP_ANONYMOUS, MAP_FIXED, MAP_GROWSDOWN, MAP_PRIVATE, PROT_READ } from '@kernel-models/mm';
import { TestProcess } from './process.ts';

const P = 0x1000;
const INFINITY = (1n << 64n) - 1n;

/** Pages from the start of the heap on. */
function mapped(process: TestProcess, first: number, pages: number, flags = 0, prot = 3): void {
  process.answer({
    op: 'mmap',
    address: BigInt(process.state.startBrk + first * P),
    length: BigInt(pages * P),
    prot,
    flags: MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED | flags,
    fd: -1,
    offset: 0n,
  });
}

function unmapped(process: TestProcess, first: number, pages: number): void {
  const address = BigInt(process.state.startBrk + first * P);
  process.answer({ op: 'munmap', address, length: BigInt(pages * P) });
}

describe('brk(2), as Linux 6.1, 6.12 and 6.18 answered', () => {
  const start = (revision: string): TestProcess => new TestProcess(revision);

  test.each(['linux-6.1', 'linux-6.12', 'linux-6.18'])('%s', (revision) => {
    const bytes = start(revision);
    expect(bytes.brk(1)).toBe(1n);
    expect(bytes.heap).toEqual(['0-1 rw-p']);
    expect(bytes.brk(P)).toBe(0x1000n);
    expect(bytes.heap).toEqual(['0-1 rw-p']);
    bytes.brk(P + 1);
    expect(bytes.heap).toEqual(['0-2 rw-p']);
    bytes.brk(0x800);
    expect(bytes.heap).toEqual(['0-1 rw-p']);

    const hole = start(revision);
    hole.brk(4 * P);
    unmapped(hole, 2, 2);
    expect(hole.brk(3 * P)).toBe(0x4000n);
    expect(hole.brk(2 * P)).toBe(0x4000n);
    expect(hole.brk(0)).toBe(0n);

    const gone = start(revision);
    gone.brk(4 * P);
    unmapped(gone, 0, 4);
    expect(gone.brk(5 * P)).toBe(0x5000n);
    expect(gone.heap).toEqual(['4-5 rw-p']);
    expect(gone.brk(2 * P)).toBe(0x2000n);
    expect(gone.brk(0)).toBe(0x2000n);

    const stranger = start(revision);
    mapped(stranger, 4, 1);
    expect(stranger.brk(3 * P)).toBe(0x3000n);
    expect(stranger.brk(3 * P + 1)).toBe(0x3000n);

    const stack = start(revision);
    mapped(stack, 0x200, 1, MAP_GROWSDOWN);
    expect(stack.brk(0x10_0000)).toBe(0n);
    expect(stack.brk(0xf_f000)).toBe(0xf_f000n);

    const striped = start(revision);
    striped.brk(3 * P);
    mapped(striped, 1, 1, 0, PROT_READ);
    expect(striped.brk(4 * P)).toBe(0x4000n);
    expect(striped.heap).toEqual(['0-1 rw-p', '1-2 r--p', '2-4 rw-p']);
    expect(striped.brk(0)).toBe(0n);
    expect(striped.heap).toEqual([]);

    const joined = start(revision);
    joined.brk(4 * P);
    unmapped(joined, 2, 2);
    mapped(joined, 2, 2);
    expect(joined.heap).toEqual(['0-4 rw-p']);
    expect(joined.brk(5 * P)).toBe(0x5000n);
    expect(joined.heap).toEqual(['0-5 rw-p']);
  });
});

test('a child grows its heap beside what it inherited', () => {
  const process = new TestProcess();
  process.brk(2 * P);
  process.answer({ op: 'touchWrite', address: BigInt(process.state.startBrk) });
  process.answer({ op: 'fork', follow: 'child' });
  process.brk(3 * P);
  expect(process.heap).toEqual(['0-2 rw-p', '2-3 rw-p']);
  process.brk(4 * P);
  expect(process.heap).toEqual(['0-2 rw-p', '2-4 rw-p']);
});

test('limits return the old break', () => {
  const process = new TestProcess();
  process.brk(P);
  process.answer({ op: 'setrlimit', resource: 'DATA', soft: 0x2000n, hard: INFINITY });
  expect(process.brk(2 * P + 1)).toBe(0x1000n);
  process.answer({ op: 'setrlimit', resource: 'DATA', soft: INFINITY, hard: INFINITY });
  process.answer({ op: 'mlockall', flags: 2 });
  process.answer({ op: 'setrlimit', resource: 'MEMLOCK', soft: 0x1000n, hard: INFINITY });
  expect(process.brk(3 * P)).toBe(0x1000n);
  expect(process.run({ op: 'brk', address: BigInt(process.state.startBrk + 3 * P) }).rule).toBe(
    'brk.rlimit-memlock',
  );
});

describe('shrinking over a heap that is not mapped', () => {
  function emptied(revision: string): TestProcess {
    const process = new TestProcess(revision);
    process.brk(4 * P);
    unmapped(process, 0, 4);
    return process;
  }

  test('succeeded before the maple tree', () => {
    expect(emptied('linux-6.0').brk(P)).toBe(0x1000n);
  });

  test('kills the kernel as posted', () => {
    const process = emptied('posted-v12');
    const step = process.run({ op: 'brk', address: BigInt(process.state.startBrk) });
    expect(step.outcome).toEqual({ kind: 'oops', at: 'brk' });
    expect(process.run({ op: 'smaps' }).rule).toBe('oops.dead');
  });

  test('is refused since', () => {
    expect(emptied('linux-6.1').brk(P)).toBe(0x4000n);
  });
});

test('vm_brk_flags() as posted returns with the lock held', () => {
  const process = new TestProcess('posted-v12');
  const operation = { op: 'vmBrkFlags', address: 0x1000_0000n, length: 0x1000n } as const;
  expect(process.answer({ ...operation, flags: 1 })).toBe('EINVAL');
  expect(process.answer({ ...operation, flags: 0 })).toBe('hangs');
});
