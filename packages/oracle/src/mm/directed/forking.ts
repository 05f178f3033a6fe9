// SPDX-License-Identifier: MIT
import { MADV_DONTFORK, MADV_WIPEONFORK, MCL_FUTURE } from '@kernel-models/mm';
import { advise, FORK_CHILD, lock, map, move, PAGE, protect, R, RW, write } from '../operations.ts';
import { at, heap, history, P, type Directed } from './history.ts';

/** Histories with fork(2) in them. */
export const FORKING: readonly Directed[] = [
  history('fork: what a child gets', [
    ...[map(0, 2), write(0), map(4, 2), advise(4, 2, MADV_DONTFORK), map(8, 2), lock(8, 2)],
    ...[map(12, 2), write(12), advise(12, 2, MADV_WIPEONFORK), FORK_CHILD, write(0), write(12)],
    ...[map(14, 2), map(2, 2), map(10, 2)],
  ]),
  history(
    'fork: limits of a child',
    [{ op: 'mlockall', flags: MCL_FUTURE }, map(0, 2), FORK_CHILD, map(2, 2), lock(0, 3)],
    { limits: { MEMLOCK: at(4n * PAGE) } },
  ),
  history('fork: moved memory of a child', [
    ...[map(0, 4), write(0), FORK_CHILD, move(0, 2, 2, 20), move(20, 2, 2, 0), map(4, 2)],
    ...[map(10, 2), write(10), move(2, 2, 2, 12), protect(10, 1, R), protect(10, 1, RW)],
  ]),
  history('merging pages: new memory', [
    map(0, 2),
    { op: 'setMemoryMerge', on: true },
    ...[map(2, 2), map(4, 2), map(8, 2), { op: 'setMemoryMerge', on: false } as const, map(6, 2)],
  ]),
  heap('merging pages: a heap', (b) => [
    ...[b(P), { op: 'setMemoryMerge', on: true } as const, b(3 * P), b(5 * P), FORK_CHILD],
    ...[b(6 * P), { op: 'setMemoryMerge', on: false } as const, b(8 * P), b(P)],
  ]),
];
