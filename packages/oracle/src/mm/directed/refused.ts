// SPDX-License-Identifier: MIT
import {
  MADV_DONTNEED,
  MADV_FREE,
  MADV_NORMAL,
  MADV_RANDOM,
  MAP_FIXED,
  MPOL_BIND,
} from '@kernel-models/mm';
import {
  advise,
  ANON,
  bind,
  lock,
  map,
  mmap,
  move,
  PAGE,
  pages,
  protect,
  R,
  RW,
  seal,
  unlock,
  unmap,
  write,
  HUGE,
} from '../operations.ts';
import { at, heap, history, P, type Directed } from './history.ts';

/** Histories of calls that stop half-way: what they leave. */
export const REFUSED: readonly Directed[] = [
  history(
    'refused: mmap over others, RLIMIT_DATA',
    [map(0, 4), map(8, 4), map(2, 8, { prot: RW }), map(1, 2), map(3, 6, { prot: R })],
    { limits: { DATA: at(10n * PAGE) } },
  ),
  history(
    'refused: mmap over others, RLIMIT_AS',
    [map(0, 4), map(8, 4), map(2, 60), map(2, 8), map(1, 2, { prot: R })],
    { limits: { AS: at(0x44n * PAGE) } },
  ),
  history('refused: mmap over others, memory', [
    mmap(0x2_0000_0000n, pages(4), { flags: ANON | MAP_FIXED }),
    mmap(0x2_0000_2000n, HUGE, { flags: ANON | MAP_FIXED }),
    mmap(0x2_0000_1000n, PAGE, { prot: R, flags: ANON | MAP_FIXED }),
  ]),
  history('refused: mlock and madvise stop or go on at holes', [
    ...[map(0, 2), map(3, 2), lock(0, 5), unlock(0, 5), advise(0, 5, MADV_RANDOM), lock(2, 1)],
    ...[advise(2, 1, MADV_NORMAL), advise(0, 5, MADV_NORMAL), bind(0, 5, MPOL_BIND, 1n)],
  ]),
  history('refused: sealed in the middle', [
    ...[map(0, 8), seal(3, 2), unmap(1, 6), unmap(0, 2), map(2, 4), protect(0, 8, R), lock(2, 4)],
    ...[move(3, 2, 2, 20), move(20, 2, 2, 4), advise(3, 1, MADV_DONTNEED), write(3), seal(1, 8)],
    ...[protect(2, 1, R), seal(2, 1), advise(2, 1, MADV_DONTNEED), advise(2, 1, MADV_FREE)],
  ]),
  heap('refused: sealed heap', (b, at) => [
    b(4 * P),
    { op: 'mseal', address: at(2), length: PAGE, flags: 0 },
    ...[b(3 * P), b(P), b(5 * P), b(0)],
  ]),
];
