// SPDX-License-Identifier: MIT
import { MAP_NORESERVE, MAP_PRIVATE, MAP_SHARED } from '@kernel-models/mm';
import {
  ANON,
  FORK_CHILD,
  FORK_PARENT,
  lock,
  map,
  move,
  NONE,
  protect,
  R,
  RW,
  unlock,
  unmap,
  write,
  RWX,
} from '../operations.ts';
import { history, SHARED_ANON, type Directed } from './history.ts';

const L = 0;

const M = 2;

const RIGHT = 4;

/** Histories in which mappings become one, or must not. */
export const MERGING: readonly Directed[] = [
  history('merge: fresh into fresh', [map(L, 2), map(RIGHT, 2), map(M, 2), unmap(M, 2), map(M, 2)]),
  history('merge: left faulted', [map(L, 2), write(0), map(RIGHT, 2), map(M, 2)]),
  history('merge: right faulted', [map(L, 2), map(RIGHT, 2), write(4), map(M, 2)]),
  history('merge: both faulted apart', [
    ...[map(L, 2), map(RIGHT, 2), write(0), write(4), map(M, 2), write(2), unmap(M, 2), map(M, 2)],
  ]),
  history('merge: a neighbour lends its anon_vma', [
    ...[map(L, 2), write(0), map(M, 2, { prot: RWX }), write(2), protect(M, 2, RW)],
  ]),
  history('merge: ends faulted apart, middle protected', [
    ...[map(0, 6), protect(2, 2, R), write(0), write(4), protect(2, 2, RW), write(2)],
  ]),
  history('merge: accounted or not', [
    ...[map(L, 2, { flags: ANON | MAP_NORESERVE }), map(M, 2), map(RIGHT, 2)],
    map(8, 2, { prot: NONE }),
    ...[map(10, 2, { prot: NONE, flags: ANON | MAP_NORESERVE }), protect(8, 4, RW)],
  ]),
  history('merge: accounting is dropped and kept', [
    ...[map(0, 4), protect(0, 2, R), protect(0, 2, RW), write(0), protect(0, 2, R)],
    ...[map(6, 2, { prot: R }), map(4, 2, { prot: R }), protect(0, 8, RW)],
    ...[map(10, 2), protect(10, 2, R), map(12, 2, { prot: R }), protect(10, 4, RW)],
  ]),
  history('merge: shared memory', [
    ...[map(L, 2, { flags: SHARED_ANON }), map(M, 2, { flags: SHARED_ANON }), protect(0, 1, R)],
    ...[protect(0, 1, RW), write(0), unmap(1, 1)],
  ]),
  history(
    'merge: files',
    [
      ...[
        map(0, 1, { flags: MAP_SHARED, fd: 0 }),
        map(1, 1, { flags: MAP_SHARED, fd: 0, offset: 1 }),
      ],
      ...[
        map(2, 1, { flags: MAP_SHARED, fd: 0, offset: 3 }),
        map(3, 1, { flags: MAP_SHARED, fd: 1, offset: 4 }),
      ],
      ...[map(8, 1, { flags: MAP_PRIVATE, fd: 0 }), write(8)],
      ...[
        map(9, 1, { flags: MAP_PRIVATE, fd: 0, offset: 1 }),
        map(10, 1, { flags: MAP_PRIVATE, fd: 1, offset: 2 }),
      ],
    ],
    {
      files: [
        { pages: 8, access: 'rw', inode: 0 },
        { pages: 8, access: 'rw', inode: 0 },
      ],
    },
  ),
  history('merge: child beside what it inherited', [
    ...[map(0, 2), write(0), map(4, 2), FORK_CHILD, map(2, 1), map(6, 1), write(2), write(4)],
    ...[protect(0, 1, R), protect(0, 1, RW), unmap(0, 1), map(0, 1)],
  ]),
  history('merge: parent after a fork', [
    ...[map(0, 2), write(0), FORK_PARENT, map(2, 2), write(2), map(6, 2), map(4, 2)],
  ]),
  history('merge: grandchild', [
    ...[map(0, 4), write(0), FORK_CHILD, write(1), map(4, 1), FORK_CHILD, map(5, 1), write(5)],
    ...[protect(2, 1, R), protect(2, 1, RW), move(4, 1, 1, 8), move(8, 1, 1, 4)],
  ]),
  history('merge: locks keep apart', [
    map(0, 4),
    lock(0, 2),
    unlock(0, 2),
    lock(1, 2),
    unlock(0, 4),
  ]),
  history('merge: two faulted neighbours made alike', [
    ...[map(0, 2), map(2, 2, { prot: R }), write(0), protect(2, 2, RW), map(6, 2), write(6)],
    ...[protect(6, 2, R), map(8, 2), write(8), protect(6, 2, RW)],
  ]),
];
