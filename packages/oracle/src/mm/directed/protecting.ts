// SPDX-License-Identifier: MIT
import { MAP_FIXED, MAP_SHARED, PROT_EXEC, PROT_GROWSDOWN, PROT_GROWSUP } from '@kernel-models/mm';
import {
  ANON,
  lock,
  map,
  mmap,
  NONE,
  page,
  PAGE,
  protect,
  R,
  RW,
  write,
  HUGE,
  RWX,
} from '../operations.ts';
import { at, FILES, GROWING, history, type Directed } from './history.ts';

/** Histories of mprotect(2). */
export const PROTECTING: readonly Directed[] = [
  history('mprotect: arguments', [
    map(0, 4),
    ...[protect(0, 4, PROT_GROWSDOWN | PROT_GROWSUP), protect(0, 0, R), protect(0, 1, 0x40)],
    { op: 'mprotect', address: page(0) + 1n, length: PAGE, prot: R },
    { op: 'mprotect', address: page(0), length: 0xffff_ffff_ffff_f000n, prot: R },
    { op: 'mprotect', address: page(0), length: 1n, prot: R },
    ...[protect(8, 1, R), protect(3, 4, R), protect(0, 2, R | 8), protect(0, 1, R | PROT_GROWSUP)],
  ]),
  history('mprotect: over a hole', [
    ...[map(0, 2), map(3, 2), protect(0, 5, R), protect(2, 2, R), protect(2, 1, R)],
  ]),
  history(
    'mprotect: what a file allows',
    [
      map(0, 1, { prot: RW }),
      map(1, 1, { prot: R, flags: MAP_SHARED, fd: 1 }),
      map(2, 1, { prot: RW }),
      ...[protect(0, 3, NONE), protect(0, 3, RW), protect(0, 3, R)],
    ],
    { files: FILES },
  ),
  history('mprotect: a stack from its start', [
    map(20, 4, { flags: GROWING }),
    ...[protect(22, 1, R | PROT_GROWSDOWN), protect(10, 1, R | PROT_GROWSDOWN), map(30, 2)],
    ...[protect(30, 1, R | PROT_GROWSDOWN), protect(23, 8, NONE | PROT_GROWSDOWN)],
  ]),
  history(
    'mprotect: RLIMIT_DATA',
    [map(0, 2, { prot: NONE }), map(4, 8, { prot: R }), protect(4, 8, RW), protect(0, 2, RW)],
    { limits: { DATA: at(8n * PAGE) } },
  ),
  history('mprotect: write to execute is refused', [
    ...[
      { op: 'setMdwe' } as const,
      map(0, 2, { prot: RWX }),
      map(0, 2),
      protect(0, 1, R | PROT_EXEC),
    ],
    ...[map(4, 1, { prot: R | PROT_EXEC }), protect(4, 1, R | PROT_EXEC), protect(4, 1, RW)],
  ]),
  history('mprotect: memory that cannot be accounted', [
    mmap(0n, HUGE, { prot: NONE }),
    mmap(0x2_0000_0000n, HUGE, { prot: R, flags: ANON | MAP_FIXED }),
    { op: 'mprotect', address: 0x2_0000_0000n, length: HUGE, prot: RW },
    { op: 'mprotect', address: 0x2_0000_0000n, length: PAGE, prot: RW },
  ]),
  history('mprotect: locked memory becomes writable', [
    ...[map(0, 2, { prot: R }), lock(0, 2), map(4, 2), write(4), protect(0, 2, RW), map(2, 2)],
  ]),
];
