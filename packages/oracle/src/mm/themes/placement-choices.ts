// SPDX-License-Identifier: MIT
import {
  MAP_32BIT,
  MAP_ANONYMOUS,
  MAP_FIXED_NOREPLACE,
  MAP_GROWSDOWN,
  MAP_NORESERVE,
  MAP_SHARED,
  MAP_STACK,
  MREMAP_DONTUNMAP,
  MREMAP_MAYMOVE,
} from '@kernel-models/mm';
import { ANON, ARENA, NONE, PAGE, pages, R, RW } from '../operations.ts';
import type { Choice } from './choice.ts';
import { few, mapping } from './places.ts';

export const placeSome: Choice = (dice) => ({
  op: 'mmap',
  address: 0n,
  length: dice.pick([
    few(dice),
    few(dice),
    pages(1 + dice.below(600)),
    0x20_0000n * BigInt(1 + dice.below(4)),
    0x20_0000n + PAGE,
  ]),
  prot: dice.pick([RW, RW, R, NONE]),
  flags:
    dice.pick([ANON, ANON, ANON, MAP_SHARED | MAP_ANONYMOUS]) |
    dice.pick([0, 0, 0, 0, MAP_GROWSDOWN, MAP_32BIT, MAP_STACK, MAP_NORESERVE]),
  fd: -1,
  offset: 0n,
});

/** A hint that is no page of the arena: at ends of mappings, wherever they are. */
export const placeAtHint: Choice = (dice, view) => {
  const { start, end } = mapping(dice, view);
  const length = pages(1 + dice.below(300));
  const address = dice.pick([start - length, end, start, start - 0x10_0000n - length, end + PAGE]);
  const flags = ANON | dice.pick([0, 0, 0, MAP_GROWSDOWN, MAP_32BIT, MAP_FIXED_NOREPLACE]);
  const hint = address < ARENA ? ARENA : address;
  return { op: 'mmap', address: hint, length, prot: dice.pick([RW, R]), flags, fd: -1, offset: 0n };
};

export const growAnywhere: Choice = (dice, view) => {
  const { start, end } = mapping(dice, view);
  const oldLength = end - start;
  return {
    op: 'mremap',
    address: start,
    oldLength,
    newLength: oldLength + pages(dice.below(40)),
    flags: dice.pick([0, MREMAP_MAYMOVE, MREMAP_MAYMOVE, MREMAP_MAYMOVE | MREMAP_DONTUNMAP]),
    newAddress: dice.pick([0n, start - oldLength, end]),
  };
};
