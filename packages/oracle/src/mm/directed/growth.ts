// SPDX-License-Identifier: MIT
import { MAP_FIXED, type Operation } from '@kernel-models/mm';
import { INFINITY } from '../host.ts';
import { lock, map, mmap, NONE, PAGE, protect, R, read, RW, unmap, write } from '../operations.ts';
import { at, GROWING, history, type Directed } from './history.ts';

/** Histories of stacks that grow. */
export const GROWTH: readonly Directed[] = [
  history('growth: down to the next', [
    ...[map(20, 2, { flags: GROWING }), write(19), read(15), write(10), map(9, 1, { prot: NONE })],
    ...[write(10), write(9), map(0, 1), write(8), write(5)],
  ]),
  history('growth: guard gap below', [
    map(600, 2, { flags: GROWING }),
    ...[map(300, 1), write(599), write(557), write(556), write(400), map(301, 1, { prot: NONE })],
    ...[write(500), unmap(300, 1), write(500), write(302)],
  ]),
  history('growth: to another stack', [
    ...[
      map(20, 2, { flags: GROWING }),
      map(10, 2, { flags: GROWING }),
      write(12),
      write(9),
      write(3),
    ],
  ]),
  history(
    'growth: RLIMIT_STACK',
    [map(40, 2, { flags: GROWING }), write(39), write(36), write(35), write(30)],
    { limits: { STACK: { soft: 6n * PAGE, hard: INFINITY } } },
  ),
  history(
    'growth: RLIMIT_MEMLOCK',
    [map(40, 2, { flags: GROWING }), lock(40, 2), write(39), write(37), write(36)],
    { limits: { MEMLOCK: at(4n * PAGE) } },
  ),
  history('growth: RLIMIT_AS', [map(40, 2, { flags: GROWING }), write(38), write(20), write(30)], {
    limits: { AS: at(0x40n * PAGE) },
  }),
  history('growth: of the stack that the process has', ({ vmas }) => {
    const stack = vmas.at(-1);
    if (stack === undefined) return [];
    return [PAGE, 4n * PAGE, 0x10_0000n, 0x80_0000n, 0x60_0000n].map((below): Operation => ({
      op: 'touchWrite',
      address: stack.start - below,
    }));
  }),
  history('growth: below what may be mapped', [
    mmap(0x14000n, PAGE, { flags: GROWING | MAP_FIXED }),
    ...[0x13000n, 0x10000n, 0xf000n, 0x1000n].map((address): Operation => ({
      op: 'touchWrite',
      address,
    })),
  ]),
  history('growth: a read-only stack', [
    ...[map(20, 2, { prot: R, flags: GROWING }), write(19), read(19), read(18), protect(19, 2, RW)],
  ]),
];
