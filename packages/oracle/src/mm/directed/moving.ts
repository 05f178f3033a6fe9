// SPDX-License-Identifier: MIT
import {
  MAP_PRIVATE,
  MAP_SHARED,
  MREMAP_DONTUNMAP,
  MREMAP_FIXED,
  MREMAP_MAYMOVE,
  type Operation,
} from '@kernel-models/mm';
import * as op from '../operations.ts';
import {
  lock,
  map,
  move,
  moveLeaving,
  page,
  PAGE,
  R,
  read,
  remap,
  unlock,
  unmap,
  write,
} from '../operations.ts';
import { at, FILES, history, SHARED_ANON, type Directed } from './history.ts';

/** Histories of mremap(2). */
export const MOVING: readonly Directed[] = [
  history('mremap: arguments', ({ taskSize }) => [
    map(0, 4),
    ...[remap(0, 4, 0), remap(0, 4, 4, 8), remap(0, 0, 4, MREMAP_MAYMOVE), remap(10, 1, 1)],
    ...[remap(0, 4, 4, MREMAP_FIXED, 10), remap(0, 4, 4, MREMAP_DONTUNMAP), remap(0, 8, 4)],
    remap(0, 4, 5, MREMAP_MAYMOVE | MREMAP_DONTUNMAP, 10),
    ...[
      move(0, 4, 4, 2),
      move(0, 2, 2, 2),
      move(0, 4, 4, 0),
      move(10, 1, 1, 20),
      move(10, 1, 1, 10),
    ],
    { ...remap(0, 1, 1), address: page(0) + 1n } as Operation,
    { ...remap(0, 1, 1), newLength: taskSize + PAGE } as Operation,
    { ...remap(10, 1, 1), newLength: taskSize + PAGE } as Operation,
    { ...move(0, 1, 1, 9), newAddress: taskSize } as Operation,
    { ...move(10, 1, 1, 9), newAddress: taskSize } as Operation,
    { ...move(0, 1, 1, 9), newAddress: page(9) + 1n } as Operation,
    { ...moveLeaving(0, 1, 9), oldLength: 4000n } as Operation,
    { ...move(0, 1, 1, 9), oldLength: 1n, newLength: 2n } as Operation,
  ]),
  history('mremap: in place', [
    ...[map(0, 4), remap(0, 4, 8), remap(0, 8, 3), map(4, 1), remap(0, 3, 4), remap(0, 5, 6)],
    ...[map(20, 2), map(24, 2), remap(20, 2, 4), remap(20, 6, 7), remap(20, 2, 4), remap(21, 1, 2)],
    ...[remap(20, 8, 2), remap(20, 1, 40)],
  ]),
  history('mremap: makes way', [
    ...[map(0, 4), map(4, 1, { prot: R }), write(0), remap(0, 4, 8, MREMAP_MAYMOVE)],
    ...[map(10, 6), remap(12, 2, 4, MREMAP_MAYMOVE), remap(10, 2, 2, MREMAP_MAYMOVE)],
  ]),
  history('mremap: to a place', [
    ...[map(0, 6), write(2), move(2, 2, 2, 20), move(20, 2, 2, 2), map(30, 2, { prot: R })],
    ...[move(0, 2, 4, 29), move(4, 2, 1, 40), move(0, 4, 4, 50)],
  ]),
  history('mremap: faulted memory keeps its offset', [
    ...[map(0, 2), write(0), map(10, 2), move(0, 2, 2, 12), map(20, 2), move(20, 2, 2, 14)],
    ...[move(12, 2, 2, 0), map(2, 2)],
  ]),
  history('mremap: several VMAs and holes', [
    ...[map(0, 2), map(3, 2, { prot: R }), map(6, 2), write(3), move(0, 8, 8, 20)],
    ...[move(2, 4, 4, 40), move(1, 4, 4, 40), move(19, 4, 4, 50)],
  ]),
  history('mremap: several VMAs, other lengths', [
    ...[map(0, 2), map(2, 2, { prot: R }), move(0, 4, 5, 20), move(0, 4, 2, 30), move(0, 4, 6, 40)],
    ...[remap(0, 4, 4, MREMAP_MAYMOVE), remap(0, 4, 4)],
  ]),
  history('mremap: a second mapping of shared memory', [
    ...[map(0, 4, { flags: SHARED_ANON }), remap(0, 0, 4, MREMAP_MAYMOVE), remap(0, 0, 4)],
    ...[
      move(0, 0, 2, 20),
      map(30, 4),
      move(30, 0, 4, 40),
      remap(0, 4, 8, MREMAP_MAYMOVE),
      write(2),
    ],
  ]),
  history('mremap: shared memory past its end', [
    ...[map(0, 2, { flags: SHARED_ANON }), remap(0, 2, 4), write(1), write(3), read(3)],
  ]),
  history('mremap: leaves an empty source', [
    ...[map(0, 4), write(0), moveLeaving(0, 4, 20), write(0), map(4, 2), moveLeaving(1, 2, 30)],
    remap(20, 4, 4, MREMAP_MAYMOVE | MREMAP_DONTUNMAP, 50),
    remap(0, 4, 4, MREMAP_MAYMOVE | MREMAP_DONTUNMAP),
  ]),
  history('mremap: leaves a locked source', [
    ...[map(0, 4), lock(0, 4), moveLeaving(0, 4, 20), unmap(0, 4), unmap(20, 4)],
  ]),
  history('mremap: leaves part of a locked source', [
    ...[map(0, 6), lock(0, 6), moveLeaving(2, 2, 20), unmap(0, 6), unmap(20, 2)],
  ]),
  history(
    'mremap: eats the budget of RLIMIT_MEMLOCK',
    [
      ...[map(0, 2), lock(0, 2), moveLeaving(0, 2, 20), unmap(0, 2), unmap(20, 2)],
      ...[map(0, 3), lock(0, 3), lock(0, 2), unlock(0, 3)],
    ],
    { limits: { MEMLOCK: at(4n * PAGE) } },
  ),
  history('mremap: a source with a stale offset', [
    ...[map(0, 2), write(0), move(0, 2, 2, 20), moveLeaving(20, 2, 40), map(22, 2), map(18, 2)],
    ...[write(20), unmap(16, 10), map(20, 2)],
  ]),
  history('mremap: leaves a source next to its target', [
    ...[map(0, 2), moveLeaving(0, 2, 2), map(10, 2), lock(10, 2), moveLeaving(10, 2, 12)],
    ...[unmap(10, 4), map(20, 2), map(24, 2), moveLeaving(20, 2, 22)],
  ]),
  history(
    'mremap: limits',
    [
      ...[map(0, 4), lock(0, 2), remap(0, 2, 3), remap(0, 2, 8, MREMAP_MAYMOVE)],
      remap(0, 2, 2, MREMAP_MAYMOVE | MREMAP_DONTUNMAP),
      ...[move(0, 2, 8, 20), remap(2, 2, 60), op.limit('AS', 0x40n * PAGE), remap(2, 2, 60)],
      moveLeaving(2, 2, 20),
    ],
    { limits: { MEMLOCK: at(3n * PAGE) } },
  ),
  history('mremap: a target is gone though the call fails', [
    ...[map(0, 2), map(20, 4), move(0, 4, 4, 20), map(20, 4), move(0, 8, 6, 20), map(20, 4)],
    ...[move(0, 8, 2, 20), map(40, 8), move(1, 4, 3, 42)],
  ]),
  history(
    'mremap: files',
    [
      map(0, 4, { flags: MAP_SHARED, fd: 0 }),
      ...[remap(0, 4, 6), move(2, 2, 2, 20), move(0, 2, 4, 18), remap(18, 2, 2), write(18)],
      map(40, 2, { flags: MAP_PRIVATE, fd: 0 }),
      ...[
        write(40),
        moveLeaving(40, 2, 50),
        write(40),
        map(42, 2, { flags: MAP_PRIVATE, fd: 0, offset: 2 }),
      ],
    ],
    { files: FILES },
  ),
];
