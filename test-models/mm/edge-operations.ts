// SPDX-License-Identifier: MIT
import type { Operation, OperationOf, Setup } from '@kernel-models/mm';
import { ARENA, smallProcess } from '@kernel-models/mm/testing';

/* Operations on pages of the arena by their number, and the worlds that edges need. */

export const PAGE = 4096n;
export const INFINITY = (1n << 64n) - 1n;
export const HUGE = 0x20_0000n;

export const at = (page: number): bigint => ARENA + BigInt(page) * PAGE;
export const bytes = (pages: number): bigint => BigInt(pages) * PAGE;

export const ANON = 0x32;
export const SHARED = 0x31;
export const STACK = ANON | 0x100;
export const LOCKED = ANON | 0x2000;
export const NORESERVE = 0x4000;
export const DROPPABLE = 0x38;
export const [R, RW, RX, RWX] = [1, 3, 5, 7];
export const [MAYMOVE, FIXED, DONTUNMAP] = [1, 3, 7];

export function map(
  page: number,
  pages: number,
  prot = RW,
  flags = ANON,
  changes: Partial<OperationOf<'mmap'>> = {},
): Operation {
  const place = { address: at(page), length: bytes(pages) };
  return { op: 'mmap', prot, flags, fd: -1, offset: 0n, ...place, ...changes };
}

/** At the kernel's choice, or near a hint. */
export function place(length: bigint, changes: Partial<OperationOf<'mmap'>> = {}): Operation {
  return map(0, 0, RW, 0x22, { address: 0n, length, ...changes });
}

export const file = (page: number, pages: number, prot: number, flags: number, fd = 0): Operation =>
  map(page, pages, prot, flags, { fd });

type Ranged = 'munmap' | 'mlock' | 'munlock';
export const range = (op: Ranged, page: number, pages: number): Operation => ({
  op,
  address: at(page),
  length: bytes(pages),
});
export const protect = (page: number, pages: number, prot: number): Operation => ({
  op: 'mprotect',
  address: at(page),
  length: bytes(pages),
  prot,
});
export const write = (page: number): Operation => ({ op: 'touchWrite', address: at(page) });
export const remap = (
  page: number,
  from: number,
  to: number,
  flags: number,
  target = 40,
): Operation => ({
  op: 'mremap',
  address: at(page),
  oldLength: bytes(from),
  newLength: bytes(to),
  flags,
  newAddress: at(target),
});
export const bind = (page: number, pages: number, mode = 2, nodes = 1n): Operation => ({
  op: 'mbind',
  address: at(page),
  length: bytes(pages),
  mode,
  nodes,
  flags: 0,
});
export const advise = (page: number, pages: number, advice: number): Operation => ({
  op: 'madvise',
  address: at(page),
  length: bytes(pages),
  advice,
});
export const seal = (page: number, pages: number): Operation => ({
  op: 'mseal',
  address: at(page),
  length: bytes(pages),
  flags: 0,
});
export const limit = (
  resource: 'AS' | 'DATA' | 'STACK' | 'MEMLOCK',
  pages: number,
  hard: bigint = INFINITY,
): Operation => ({ op: 'setrlimit', resource, soft: bytes(pages), hard });
export const brk = (size: bigint): Operation => ({ op: 'brk', address: 0x40_4000n + size });
export const lockAll = (flags: number): Operation => ({ op: 'mlockall', flags });
export const fork = (follow: 'child' | 'parent'): Operation => ({ op: 'fork', follow });
export const MDWE: Operation = { op: 'setMdwe' };

export const small = smallProcess();
const [program, bss, vdso, top] = small.vmas;
if (!program || !bss || !vdso || !top) throw new Error('a small process: expected four VMAs');
export const stack: NonNullable<typeof top> = top;
/** Pages of a small process, all told. */
export const PAGES = 9;
export const onVdso = (
  page: number,
  pages: number,
): Pick<Operation & { op: 'munmap' }, 'address' | 'length'> => ({
  address: vdso.start + bytes(page),
  length: bytes(pages),
});
export const moveVdso = (page: number, pages: number, flags: number): Operation => ({
  op: 'mremap',
  address: vdso.start + bytes(page),
  oldLength: bytes(pages),
  newLength: bytes(pages),
  flags,
  newAddress: at(0),
});
/** Single pages with holes between them: so many VMAs more. */
export const scattered = (count: number): readonly Operation[] =>
  Array.from({ length: count }, (_, index) => map(100 + 2 * index, 1));

/** No memory counts as data, and the program's own is half a page. */
export const NO_DATA: Partial<Setup> = {
  endData: small.startData + 0x800n,
  vmas: [program, { ...bss, flags: 'rd mr mw me' }, vdso, stack],
};
export const LOW_STACK: Partial<Setup> = {
  vmas: [{ ...stack, start: 0x1_3000n, end: 0x1_4000n, name: '' }, ...small.vmas],
};
export const STRICT: Partial<Setup> = { overcommit: { mode: 2, totalPages: 64, commitLimit: 16 } };
export const ROUGH: Partial<Setup> = { overcommit: { mode: 0, totalPages: 64, commitLimit: 16 } };
export const most = (maxMapCount: number): Partial<Setup> => ({ maxMapCount });
export const WRITE_ONLY: Partial<Setup> = { files: [{ pages: 8, access: 'w', inode: 1 }] };

/** Shows whether memory was written to: what was keeps its offset where it goes, and joins nobody. */
export const shown = (page: number, pages: number): readonly Operation[] => [
  remap(page, pages, pages, FIXED, 60),
  map(60 + pages, 2),
];
