// SPDX-License-Identifier: MIT
import { describe, expect, test } from 'vitest';
import type { Capability, Operation, Setup } from '@kernel-models/mm';
import { ARENA, smallProcess } from '@kernel-models/mm/testing';
import { TestProcess } from './process.ts';

/* Histories for rules that chance seldom reaches: the last operation is decided by the rule. */

const PAGE = 4096n;
const INFINITY = (1n << 64n) - 1n;
const FIXED = 0x32;
const at = (page: number): bigint => ARENA + BigInt(page) * PAGE;
const bytes = (pages: number): bigint => BigInt(pages) * PAGE;

function map(
  page: number,
  pages: number,
  prot = 3,
  flags = FIXED,
  fd = -1,
  offset = 0n,
): Operation {
  return { op: 'mmap', address: at(page), length: bytes(pages), prot, flags, fd, offset };
}

function protect(page: number, pages: number, prot: number): Operation {
  return { op: 'mprotect', address: at(page), length: bytes(pages), prot };
}

function lock(page: number, pages: number): Operation {
  return { op: 'mlock', address: at(page), length: bytes(pages) };
}

function remap(page: number, from: number, to: number, flags: number, target = 100): Operation {
  return {
    op: 'mremap',
    address: at(page),
    oldLength: bytes(from),
    newLength: bytes(to),
    flags,
    newAddress: at(target),
  };
}

function advise(page: number, advice: number): Operation {
  return { op: 'madvise', address: at(page), length: PAGE, advice };
}

function limit(resource: 'AS' | 'DATA' | 'STACK' | 'MEMLOCK', soft: bigint): Operation {
  return { op: 'setrlimit', resource, soft, hard: INFINITY };
}

function seal(page: number): Operation {
  return { op: 'mseal', address: at(page), length: PAGE, flags: 0 };
}

const heap = (pages: number): Operation => ({ op: 'brk', address: 0x40_4000n + bytes(pages) });
const FULL: Partial<Setup> = { maxMapCount: 8 };
const TIGHT: Partial<Setup> = { overcommit: { mode: 2, totalPages: 64, commitLimit: 16 } };
const LOCKER: Partial<Setup> = { capabilities: ['CAP_IPC_LOCK'] satisfies Capability[] };
const WRITE_ONLY: Partial<Setup> = { files: [{ pages: 4, access: 'w', inode: 1 }] };
const seven = [0, 2, 4, 6, 8].map((page) => map(page, 1));
const { mmapBase } = smallProcess();
const vdso = mmapBase - 2n * PAGE;
const onVdso = { address: vdso, length: 2n * PAGE };

type Row = readonly [
  rule: string,
  operations: readonly Operation[],
  changes?: Partial<Setup>,
  revision?: string,
];

const ROWS: readonly Row[] = [
  [
    'brk.shrink-refused',
    [heap(2), { op: 'mseal', address: 0x40_4000n, length: PAGE, flags: 0 }, heap(0)],
  ],
  ['brk.map-count', [...seven, heap(1)], FULL],
  ['brk.overcommit', [heap(20)], TIGHT],
  ['vm-brk-flags.length', [{ op: 'vmBrkFlags', address: at(0), length: INFINITY, flags: 0 }]],
  ['mmap.unaligned-offset', [map(0, 1, 3, 0x12, 0, 1n)]],
  [
    'mmap.length-wraps',
    [{ op: 'mmap', address: 0n, length: INFINITY, prot: 3, flags: 0x22, fd: -1, offset: 0n }],
  ],
  ['mmap.offset-wraps', [map(0, 2, 3, 0x12, 0, 0xffff_ffff_000n)], { abi: 'arm' }],
  [
    'mmap.address-is-error',
    [{ op: 'mmap', address: INFINITY, length: PAGE, prot: 3, flags: FIXED, fd: -1, offset: 0n }],
  ],
  ['mmap.may-not-lock', [limit('MEMLOCK', 0n), map(0, 1, 3, 0x2032)]],
  ['mmap.offset-too-large', [map(0, 1, 1, 0x12, 0, 0x8000_0000_0000_0000n)]],
  ['mmap.unknown-flag', [map(0, 1, 1, 0x8_0013, 0)]],
  ['mmap.file-not-readable', [map(0, 1, 2, 0x12, 0)], WRITE_ONLY],
  ['mmap.growing-file', [map(0, 1, 1, 0x112, 0)]],
  ['mmap.growing-shared', [map(0, 1, 1, 0x131)]],
  ['mmap.droppable', [map(0, 1, 3, 0x2038)]],
  ['mmap.shared-overcommit', [map(0, 32, 3, 0x31)], TIGHT],
  [
    'mmap.unmap-refused',
    [...seven.slice(1), map(10, 3), map(11, 1, 1)],
    { maxMapCount: 9 },
    'linux-6.1',
  ],
  [
    'unmapped-area.longer-than-space',
    [{ op: 'mmap', address: 0n, length: 1n << 47n, prot: 3, flags: 0x22, fd: -1, offset: 0n }],
  ],
  [
    'unmapped-area.no-room',
    [
      {
        op: 'mmap',
        address: 0n,
        length: 0x7fff_fff0_0000n,
        prot: 0,
        flags: 0x4022,
        fd: -1,
        offset: 0n,
      },
    ],
  ],
  [
    'unmapped-area.above-stack',
    [
      {
        op: 'mmap',
        address: smallProcess().mmapLegacyBase + bytes(20),
        length: PAGE,
        prot: 3,
        flags: 0x132,
        fd: -1,
        offset: 0n,
      },
      { op: 'mmap', address: 0n, length: PAGE, prot: 3, flags: 0x22, fd: -1, offset: 0n },
    ],
    { layout: 'bottom-up' },
  ],
  [
    'munmap.map-count',
    [...seven.slice(1), map(10, 3), { op: 'munmap', address: at(11), length: PAGE }],
    { maxMapCount: 9 },
  ],
  [
    'anon-vma.of-next',
    [
      map(0, 1),
      map(1, 1, 7),
      { op: 'touchWrite', address: at(1) },
      { op: 'touchWrite', address: at(0) },
    ],
  ],
  ['mprotect.grows-both-ways', [protect(0, 1, 0x0300_0000)]],
  ['mprotect.unknown-protection', [map(0, 1), protect(0, 1, 0x10)]],
  ['mprotect.not-growing-down', [map(0, 1), protect(0, 1, 0x0100_0000)]],
  ['mprotect.grows-up', [map(0, 1), protect(0, 1, 0x0200_0000)]],
  ['mprotect.denied', [map(0, 1, 1, 0x11, 1), protect(0, 1, 3)]],
  ['mprotect.sealed', [map(0, 1), seal(0), protect(0, 1, 1)]],
  ['mprotect.rlimit-size', [map(0, 4, 1), limit('DATA', PAGE), protect(0, 4, 3)]],
  ['mprotect.overcommit', [map(0, 20, 1), protect(0, 20, 3)], TIGHT],
  ['mremap.unknown-flag', [map(0, 1), remap(0, 1, 2, 8)]],
  [
    'mremap.too-long',
    [
      map(0, 1),
      {
        op: 'mremap',
        address: at(0),
        oldLength: PAGE,
        newLength: 1n << 48n,
        flags: 1,
        newAddress: 0n,
      },
    ],
  ],
  ['mremap.needs-maymove', [map(0, 1), remap(0, 1, 1, 2)]],
  ['mremap.starts-with-hole', [map(1, 1), remap(0, 2, 2, 3)]],
  ['mremap.duplicates-private', [map(0, 1), remap(0, 0, 1, 1)]],
  [
    'mremap.resizes-special',
    [
      {
        op: 'mremap',
        address: vdso,
        oldLength: 2n * PAGE,
        newLength: 4n * PAGE,
        flags: 1,
        newAddress: 0n,
      },
    ],
  ],
  ['mremap.rlimit-memlock', [map(0, 1), limit('MEMLOCK', PAGE), lock(0, 1), remap(0, 1, 3, 1)]],
  ['mremap.rlimit-size', [map(0, 1), limit('AS', PAGE), remap(0, 1, 3, 1)]],
  ['mremap.overcommit', [map(0, 1), remap(0, 1, 30, 0)], TIGHT],
  ['mremap.no-room-in-place', [map(0, 1), map(1, 1, 1), remap(0, 1, 2, 0)]],
  ['mremap.grown-in-place', [map(0, 1), remap(0, 1, 2, 0)]],
  [
    'mremap.dontunmap-special',
    [
      {
        op: 'mremap',
        address: vdso,
        oldLength: 2n * PAGE,
        newLength: 2n * PAGE,
        flags: 5,
        newAddress: 0n,
      },
    ],
  ],
  [
    'move.splits-special',
    [
      {
        op: 'mremap',
        address: vdso,
        oldLength: PAGE,
        newLength: PAGE,
        flags: 3,
        newAddress: at(0),
      },
    ],
  ],
  ['move.overcommit', [map(0, 10), map(10, 1, 1), remap(0, 10, 20, 1)], TIGHT],
  ['mlock.may-not', [map(0, 1), limit('MEMLOCK', 0n), lock(0, 1)]],
  ['mlock.rlimit-memlock', [map(0, 4), limit('MEMLOCK', PAGE), lock(0, 4)]],
  ['mlock.not-populated', [map(0, 1, 0), lock(0, 1)]],
  ['mlock.wraps', [{ op: 'mlock', address: INFINITY, length: 0x2000n }], LOCKER],
  ['mlockall.may-not', [limit('MEMLOCK', 0n), { op: 'mlockall', flags: 1 }]],
  ['madvise.advice', [map(0, 1), advise(0, 77)]],
  ['madvise.wraps', [{ op: 'madvise', address: at(0), length: INFINITY, advice: 0 }]],
  ['madvise.sealed', [map(0, 1, 1), seal(0), advise(0, 4)]],
  ['madvise.discards-locked', [map(0, 1), lock(0, 1), advise(0, 4)]],
  ['madvise.free-of-file', [map(0, 1, 3, 0x12, 0), advise(0, 8)]],
  ['madvise.keep-droppable', [map(0, 1, 3, 0x38), advise(0, 19)]],
  ['madvise.dump-special', [map(0, 1, 3, 0x38), advise(0, 17)]],
  ['mseal.unaligned', [{ op: 'mseal', address: at(0) + 1n, length: PAGE, flags: 0 }]],
  [
    'mbind.unaligned',
    [{ op: 'mbind', address: at(0) + 1n, length: PAGE, mode: 0, nodes: 0n, flags: 0 }],
  ],
  ['touch.beyond-end-of-file', [map(0, 9, 1, 0x12, 0), { op: 'touchRead', address: at(8) }]],
  [
    'stack.offset',
    [
      map(2, 1, 3, 0x132),
      { op: 'touchWrite', address: at(2) },
      {
        op: 'mremap',
        address: at(2),
        oldLength: PAGE,
        newLength: PAGE,
        flags: 3,
        newAddress: 0x4000_0000_0000n,
      },
      { op: 'touchWrite', address: at(0) },
    ],
  ],
  [
    'stack.rlimit-size',
    [map(20, 1, 3, 0x132), limit('AS', PAGE), { op: 'touchWrite', address: at(18) }],
  ],
  [
    'stack.rlimit-memlock',
    [
      map(20, 1, 3, 0x132),
      lock(20, 1),
      limit('MEMLOCK', PAGE),
      { op: 'touchWrite', address: at(18) },
    ],
  ],
  ['stack.overcommit', [map(40, 1, 3, 0x132), { op: 'touchWrite', address: at(10) }], TIGHT],
  ['fork.left-out', [map(0, 1), advise(0, 10), { op: 'fork', follow: 'child' }]],
  [
    'setrlimit.may-not-raise',
    [
      { op: 'setrlimit', resource: 'AS', soft: 0n, hard: 0n },
      { op: 'setrlimit', resource: 'AS', soft: 0n, hard: 1n },
    ],
  ],
  ['split.special', [{ op: 'munmap', address: vdso, length: PAGE }]],
  ['mseal.sealed', [{ op: 'mseal', ...onVdso, flags: 0 }]],
];

describe('rules', () => {
  const rows = ROWS.map(([rule, operations, changes, revision]) => ({
    rule,
    operations,
    changes,
    revision,
  }));

  test.each(rows)('$rule', ({ rule, operations, changes, revision }) => {
    const process = new TestProcess(revision, changes);
    const steps = operations.map((operation) => process.run(operation));
    const last = steps.at(-1);
    expect([last?.rule, ...(last?.trail ?? [])]).toContain(rule);
  });
});

test('madvise.fork-of-io and other flags of devices', () => {
  const device = {
    start: at(0),
    end: at(1),
    flags: 'rd mr io pf de dd',
    offset: 0n,
    name: '[vvar]',
    faulted: false,
  };
  const small = smallProcess();
  const process = new TestProcess('linux-6.18', {
    vmas: [...small.vmas.slice(0, 2), device, ...small.vmas.slice(2)],
  });
  expect(process.run(advise(0, 11)).rule).toBe('madvise.fork-of-io');
});

test('stack.below-min-addr', () => {
  const low = {
    start: 0x1_0000n,
    end: 0x1_1000n,
    flags: 'rd wr mr mw me gd ac',
    offset: 0n,
    name: '',
    faulted: false,
  };
  const process = new TestProcess('linux-6.18', { vmas: [low, ...smallProcess().vmas] });
  expect(process.run({ op: 'touchWrite', address: 0xf000n }).rule).toBe('stack.below-min-addr');
});

test('brk.tree-crash', () => {
  const process = new TestProcess('posted-v12', { abi: 'arm' });
  for (let page = 0; page < 28; page += 2) process.run(map(page, 1, 1));
  expect(process.run(heap(1)).rule).toBe('brk.tree-crash');
});
