// SPDX-License-Identifier: MIT
import { MCL_CURRENT, MCL_FUTURE, MCL_ONFAULT, type Operation } from '@kernel-models/mm';
import * as op from '../operations.ts';
import { FORK_CHILD, lock, map, NONE, page, PAGE, protect, R, RW, unlock } from '../operations.ts';
import { at, history, type Directed } from './history.ts';

/** Histories of mlock(2) and its kin. */
export const LOCKING: readonly Directed[] = [
  history('mlock: arguments', [
    map(0, 4),
    ...[lock(0, 0), lock(8, 1), { op: 'mlock', address: page(1) + 5n, length: 1n } as const],
    { op: 'mlock', address: page(0), length: 0xffff_ffff_ffff_f000n },
    { op: 'mlock2', address: page(0), length: PAGE, flags: 2 },
    { op: 'mlock2', address: page(2), length: PAGE, flags: 1 },
    ...[map(10, 2, { prot: NONE }), lock(10, 2), unlock(0, 12), unlock(0, 2)],
    ...[0, 8, MCL_ONFAULT, MCL_CURRENT | MCL_ONFAULT].map((flags): Operation => ({
      op: 'mlockall',
      flags,
    })),
    { op: 'munlockall' },
  ]),
  history(
    'mlock: RLIMIT_MEMLOCK',
    [
      map(0, 8),
      lock(0, 4),
      lock(0, 4),
      lock(2, 3),
      unlock(0, 2),
      lock(3, 4),
      op.limit('MEMLOCK', 0n),
      lock(0, 1),
    ],
    { limits: { MEMLOCK: at(4n * PAGE) } },
  ),
  history('mlock: everything, and what comes', [
    map(0, 2),
    { op: 'mlockall', flags: MCL_CURRENT },
    ...[
      map(2, 2),
      { op: 'mlockall', flags: MCL_FUTURE } as const,
      map(4, 2),
      map(6, 1, { prot: NONE }),
    ],
    ...[{ op: 'mlockall', flags: MCL_FUTURE | MCL_ONFAULT } as const, map(8, 2), FORK_CHILD],
    ...[map(10, 2), { op: 'munlockall' } as const, map(12, 1)],
  ]),
  history('mlock: locking faults memory in', [
    ...[map(0, 2), lock(0, 2), unlock(0, 2), map(4, 2), lock(4, 2), unlock(4, 2), map(2, 2)],
    ...[map(10, 2, { prot: R }), lock(10, 2), protect(10, 2, RW)],
  ]),
];
