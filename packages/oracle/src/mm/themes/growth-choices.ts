// SPDX-License-Identifier: MIT
import { MAP_FIXED, MAP_GROWSDOWN, MAP_NORESERVE, PROT_GROWSDOWN } from '@kernel-models/mm';
import { ANON, ARENA, pages, R, RW } from '../operations.ts';
import type { Choice } from './choice.ts';
import { mapping, near, range } from './places.ts';

export const mapGrowing: Choice = (dice, view) => ({
  op: 'mmap',
  address: near(dice, view),
  length: pages(1 + dice.below(3)),
  prot: dice.pick([RW, RW, RW, R]),
  flags: ANON | MAP_FIXED | MAP_GROWSDOWN | (dice.chance(0.1) ? MAP_NORESERVE : 0),
  fd: -1,
  offset: 0n,
});

/** Some pages below a mapping: what a stack grows by. */
export const touchBelow: Choice = (dice, view) => ({
  op: dice.chance(0.8) ? 'touchWrite' : 'touchRead',
  address: mapping(dice, view).start - pages(1 + dice.below(6)),
});

export const growStack: Choice = (dice, view) => {
  const stack = view.process.vmas.at(-1);
  const below = pages(1 + dice.below(dice.chance(0.8) ? 64 : 3000));
  return { op: 'touchWrite', address: (stack?.start ?? ARENA) - below };
};

export const protectGrowing: Choice = (dice, view) => ({
  op: 'mprotect',
  ...range(dice, view),
  prot: dice.pick([RW, R]) | PROT_GROWSDOWN,
});
