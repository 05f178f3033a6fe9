// SPDX-License-Identifier: MIT
import {
  MADV_DODUMP,
  MADV_DOFORK,
  MADV_DONTDUMP,
  MADV_DONTFORK,
  MADV_DONTNEED,
  MADV_FREE,
  MADV_KEEPONFORK,
  MADV_NOHUGEPAGE,
  MADV_NORMAL,
  MADV_RANDOM,
  MADV_SEQUENTIAL,
  MADV_WIPEONFORK,
  MAP_PRIVATE,
  MAP_SHARED,
  MPOL_BIND,
  MPOL_DEFAULT,
  MPOL_INTERLEAVE,
  MPOL_LOCAL,
  MPOL_PREFERRED,
  type Operation,
} from '@kernel-models/mm';
import {
  advise,
  bind,
  FORK_CHILD,
  lock,
  map,
  page,
  PAGE,
  seal,
  unmap,
  write,
} from '../operations.ts';
import { FILES, history, SHARED_ANON, type Directed } from './history.ts';

/** Every advice that the model knows, and one that nobody does. */
export const ADVICE: readonly number[] = [
  ...[MADV_RANDOM, MADV_SEQUENTIAL, MADV_NORMAL, MADV_DONTFORK, MADV_DOFORK, MADV_NOHUGEPAGE],
  ...[MADV_DONTDUMP, MADV_DODUMP, MADV_WIPEONFORK, MADV_KEEPONFORK, MADV_DONTNEED, MADV_FREE],
  ...[99],
];

/** Histories of madvise(2). */
export const ADVISING: readonly Directed[] = [
  history('madvise: each advice', [map(0, 4), write(1), ...ADVICE.map((one) => advise(1, 2, one))]),
  history('madvise: on locked memory', [
    ...[map(0, 4), lock(0, 4), ...ADVICE.map((one) => advise(1, 2, one))],
  ]),
  history(
    'madvise: on files and shared memory',
    [
      map(0, 2, { flags: MAP_SHARED, fd: 0 }),
      map(2, 2, { flags: SHARED_ANON }),
      map(4, 2, { flags: MAP_PRIVATE, fd: 0 }),
      ...[0, 2, 4].flatMap((at) => ADVICE.map((one) => advise(at, 1, one))),
    ],
    { files: FILES },
  ),
  history('madvise: arguments', [
    map(0, 2),
    { op: 'madvise', address: page(0) + 1n, length: PAGE, advice: MADV_NORMAL },
    { op: 'madvise', address: page(0), length: 0xffff_ffff_ffff_ffffn, advice: MADV_NORMAL },
    { op: 'madvise', address: page(0), length: 0n, advice: MADV_NORMAL },
    { op: 'madvise', address: page(0), length: 0n, advice: 99 },
    { op: 'madvise', address: page(0), length: 5n, advice: MADV_RANDOM },
  ]),
  history('mbind: policies keep apart', [
    ...[map(0, 4), bind(0, 2, MPOL_BIND, 1n), bind(2, 2, MPOL_PREFERRED, 1n)],
    ...[bind(2, 2, MPOL_BIND, 1n), bind(0, 4, MPOL_DEFAULT, 0n), bind(1, 1, MPOL_LOCAL, 0n)],
    ...[bind(0, 1, MPOL_INTERLEAVE, 1n), bind(0, 1, MPOL_BIND, 2n), bind(0, 1, 77, 1n)],
    ...[bind(0, 1, MPOL_DEFAULT, 1n), bind(0, 1, MPOL_BIND, 0n), bind(0, 6, MPOL_DEFAULT, 0n)],
    { ...bind(0, 1, MPOL_BIND, 1n), address: page(0) + 1n } as Operation,
    { ...bind(0, 1, MPOL_BIND, 1n), length: 0n } as Operation,
    { ...bind(0, 1, MPOL_BIND, 1n), flags: 0x40 } as Operation,
  ]),
  history('mseal: arguments', [
    map(0, 4),
    { ...seal(0, 1), flags: 1 } as Operation,
    { ...seal(0, 1), address: page(0) + 1n } as Operation,
    { ...seal(0, 1), length: 0n } as Operation,
    { ...seal(0, 1), length: 0xffff_ffff_ffff_f000n } as Operation,
    ...[seal(2, 4), seal(6, 1), seal(1, 1), seal(1, 1), seal(0, 4), FORK_CHILD, unmap(1, 1)],
  ]),
];
