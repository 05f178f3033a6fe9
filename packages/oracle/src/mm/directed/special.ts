// SPDX-License-Identifier: MIT
import {
  MADV_DONTNEED,
  MADV_FREE,
  MAP_FIXED,
  MREMAP_DONTUNMAP,
  MREMAP_FIXED,
  MREMAP_MAYMOVE,
  type Operation,
  type Setup,
  type VmaSpec,
} from '@kernel-models/mm';
import { ANON, FORK_CHILD, mmap, NONE, page, PAGE, R, RW, RWX } from '../operations.ts';
import { ADVICE } from './advising.ts';
import { history, type Directed } from './history.ts';

type Called = (vma: { readonly address: bigint; readonly length: bigint }) => readonly Operation[];

/** A history of a mapping that the kernel made itself. */
function special(name: string, operations: Called): Directed {
  const isOwn = (vma: VmaSpec): boolean => vma.name === '[vdso]';
  return history(name, ({ vmas }: Setup) =>
    vmas
      .filter(isOwn)
      .flatMap(({ start, end }) => operations({ address: start, length: end - start })),
  );
}

/** Histories of the vDSO, which is neither a file nor anonymous memory, and in one piece. */
export const SPECIAL: readonly Directed[] = [
  special('vdso: mprotect', ({ address, length }) =>
    [R, RW, NONE, RWX].map((prot) => ({ op: 'mprotect', address, length, prot })),
  ),
  special('vdso: madvise', ({ address, length }) =>
    ADVICE.map((advice) => ({ op: 'madvise', address, length, advice })),
  ),
  special('vdso: in pieces', ({ address, length }) => [
    { op: 'mprotect', address, length: PAGE, prot: R },
    { op: 'madvise', address: address + PAGE, length: length - PAGE, advice: MADV_DONTNEED },
    { op: 'munmap', address, length: PAGE },
    mmap(address, PAGE, { flags: ANON | MAP_FIXED }),
    { op: 'mlock', address, length: PAGE },
  ]),
  special('vdso: mlock', ({ address, length }) => [
    { op: 'mlock', address, length },
    { op: 'munlock', address, length },
  ]),
  special('vdso: sealed', ({ address, length }) => [
    { op: 'mseal', address, length, flags: 0 },
    { op: 'madvise', address, length, advice: MADV_DONTNEED },
    { op: 'madvise', address, length, advice: MADV_FREE },
    { op: 'mprotect', address, length, prot: R },
    { op: 'munmap', address, length },
  ]),
  special('vdso: moved', ({ address, length }) => [
    {
      op: 'mremap',
      address,
      oldLength: length,
      newLength: length,
      flags: MREMAP_MAYMOVE | MREMAP_FIXED,
      newAddress: page(4),
    },
    ...ADVICE.map((advice): Operation => ({ op: 'madvise', address: page(4), length, advice })),
    { op: 'mprotect', address: page(4), length, prot: RW },
    FORK_CHILD,
    {
      op: 'mremap',
      address: page(4),
      oldLength: length,
      newLength: length,
      flags: MREMAP_MAYMOVE | MREMAP_DONTUNMAP,
      newAddress: 0n,
    },
    { op: 'munmap', address: page(4), length },
  ]),
  special('vdso: gone', ({ address, length }) => [
    { op: 'munmap', address, length },
    mmap(0n, length),
    { op: 'brk', address: 0n },
  ]),
];
