// SPDX-License-Identifier: MIT
import {
  MAP_ANONYMOUS,
  MAP_FIXED,
  MAP_NORESERVE,
  MAP_PRIVATE,
  MAP_SHARED,
  type Operation,
} from '@kernel-models/mm';
import type { Dice } from '../../dice.ts';
import type { View } from '../generate.ts';
import { INFINITY } from '../host.ts';
import { ANON, ARENA, NONE, PAGE, pages, R, RW, HUGE } from '../operations.ts';
import type { Choice } from './choice.ts';
import { range } from './places.ts';

/** More than a machine has; never written, never locked. */
export const mapTooMuch: Choice = (dice) => ({
  op: 'mmap',
  address: 0x20_0000_0000n + HUGE * BigInt(dice.below(3)),
  length: HUGE,
  prot: dice.pick([RW, RW, NONE, R]),
  flags: ANON | dice.pick([0, MAP_FIXED, MAP_NORESERVE, MAP_FIXED | MAP_NORESERVE]),
  fd: -1,
  offset: 0n,
});

export const protectTooMuch: Choice = (dice) => ({
  op: 'mprotect',
  address: 0x20_0000_0000n + HUGE * BigInt(dice.below(3)),
  length: dice.pick([HUGE, HUGE, pages(4)]),
  prot: dice.pick([RW, R]),
});

/** Addresses and lengths that no careful program passes. */
function odd(dice: Dice, { process: { taskSize } }: View): bigint {
  return dice.pick([
    ...[0n, 1n, 0xfffn, PAGE, ARENA + 1n, taskSize - PAGE, taskSize, taskSize + PAGE],
    ...[1n << 31n, 1n << 32n, 1n << 63n, INFINITY, INFINITY - 0xfffn, INFINITY - 0x1fffn],
  ]);
}

export const oddCall: Choice = (dice, view) => {
  const some = range(dice, view);
  const address = dice.chance(0.6) ? odd(dice, view) : some.address;
  const length = dice.chance(0.6) ? odd(dice, view) : some.length;
  const word = dice.pick([0, 1, 2, 3, 4, 7, 8, 0x10, 0x1000_0000, 0x8000_0000]);
  return dice.pick<Operation>([
    { op: 'munmap', address, length },
    { op: 'mprotect', address, length, prot: word },
    { op: 'mlock', address, length: length > pages(64) && length < 1n << 47n ? PAGE : length },
    { op: 'mlock2', address, length: PAGE, flags: word },
    { op: 'munlock', address, length },
    { op: 'mlockall', flags: word | 8 },
    { op: 'mseal', address, length, flags: word & 1 },
    { op: 'madvise', address, length, advice: dice.pick([0, 1, 4, 10, 77, 99, 255]) },
    { op: 'mbind', address, length, mode: word, nodes: 1n, flags: dice.pick([0, 0, 1, 0x100]) },
    { op: 'touchRead', address },
    { op: 'touchWrite', address },
    { op: 'brk', address },
    {
      op: 'mmap',
      address,
      length,
      prot: word & 0xf,
      flags: dice.pick([
        ANON,
        ANON | MAP_FIXED,
        MAP_PRIVATE,
        MAP_SHARED,
        MAP_ANONYMOUS,
        0x22 | 0x8,
      ]),
      fd: dice.pick([-1, -1, 0, 7]),
      offset: dice.pick([0n, 1n, PAGE, INFINITY - 0xfffn]),
    },
    {
      op: 'mremap',
      address,
      oldLength: dice.pick([length, some.length]),
      newLength: dice.pick([length, some.length]),
      flags: word & 0xf,
      newAddress: odd(dice, view),
    },
  ]);
};

export const limitSome: Choice = (dice, { vmas }) => {
  const total = vmas.reduce((sum, { start, end }) => sum + (end - start), 0n);
  const soft = dice.pick([
    total + pages(dice.below(8)),
    pages(dice.below(24)),
    pages(40 + dice.below(40)),
  ]);
  const resource = dice.pick(['AS', 'DATA', 'STACK', 'MEMLOCK'] as const);
  return { op: 'setrlimit', resource, soft, hard: resource === 'MEMLOCK' ? 8n << 20n : INFINITY };
};
