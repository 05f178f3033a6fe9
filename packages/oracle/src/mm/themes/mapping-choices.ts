// SPDX-License-Identifier: MIT
import {
  MAP_ANONYMOUS,
  MAP_FIXED,
  MAP_FIXED_NOREPLACE,
  MAP_LOCKED,
  MAP_NORESERVE,
  MAP_POPULATE,
  MAP_PRIVATE,
  MAP_SHARED,
  MAP_SHARED_VALIDATE,
  MAP_STACK,
  MREMAP_DONTUNMAP,
  MREMAP_FIXED,
  MREMAP_MAYMOVE,
  PROT_EXEC,
  PROT_READ,
  PROT_WRITE,
} from '@kernel-models/mm';
import { ANON, NONE, pages, R, RW, RWX } from '../operations.ts';
import type { Choice } from './choice.ts';
import { few, near, range } from './places.ts';

const RX = PROT_READ | PROT_EXEC;

const somePrograms = [RW, RW, RW, R, NONE, RX, RWX, PROT_WRITE];

export const mapFixed: Choice = (dice, view) => ({
  op: 'mmap',
  ...range(dice, view),
  prot: dice.pick([RW, RW, RW, RW, R, NONE, RX]),
  flags: ANON | MAP_FIXED | (dice.chance(0.1) ? MAP_NORESERVE : 0),
  fd: -1,
  offset: 0n,
});

export const mapAnyhow: Choice = (dice, view) => ({
  op: 'mmap',
  ...range(dice, view),
  prot: dice.pick(somePrograms),
  flags:
    dice.pick([ANON, ANON, ANON, MAP_SHARED | MAP_ANONYMOUS]) |
    dice.pick([MAP_FIXED, MAP_FIXED, MAP_FIXED_NOREPLACE, 0]) |
    dice.pick([0, 0, 0, MAP_NORESERVE, MAP_STACK, MAP_POPULATE, MAP_LOCKED]),
  fd: -1,
  offset: 0n,
});

export const mapHint: Choice = (dice, view) => ({
  op: 'mmap',
  address: dice.chance(0.5) ? 0n : near(dice, view) + BigInt(dice.pick([0, 0, 1, 0xfff])),
  length: few(dice),
  prot: dice.pick([RW, RW, R, NONE]),
  flags: ANON,
  fd: -1,
  offset: 0n,
});

export const mapFile: Choice = (dice, view) => ({
  op: 'mmap',
  ...range(dice, view),
  prot: dice.pick([RW, RW, R, NONE]),
  flags:
    dice.pick([MAP_SHARED, MAP_PRIVATE, MAP_PRIVATE, MAP_SHARED_VALIDATE]) |
    dice.pick([MAP_FIXED, MAP_FIXED, MAP_FIXED, 0]),
  fd: dice.pick([0, 0, 0, 1, 2, 3]),
  offset: pages(dice.below(6)),
});

export const unmap: Choice = (dice, view) => ({ op: 'munmap', ...range(dice, view) });

export const protect: Choice = (dice, view) => ({
  op: 'mprotect',
  ...range(dice, view),
  prot: dice.pick(somePrograms),
});

export const protectSimply: Choice = (dice, view) => ({
  op: 'mprotect',
  ...range(dice, view),
  prot: dice.pick([RW, RW, R]),
});

export const touch: Choice = (dice, view) => {
  const { address } = range(dice, view);
  return { op: dice.chance(0.7) ? 'touchWrite' : 'touchRead', address };
};

export const write: Choice = (dice, view) => ({
  op: 'touchWrite',
  address: range(dice, view).address,
});

export const moveBack: Choice = (dice, view) => {
  const { address, length } = range(dice, view);
  const newLength = dice.chance(0.7) ? length : few(dice);
  const flags = dice.pick([
    0,
    MREMAP_MAYMOVE,
    MREMAP_MAYMOVE,
    MREMAP_MAYMOVE | MREMAP_FIXED,
    MREMAP_MAYMOVE | MREMAP_FIXED,
    MREMAP_MAYMOVE | MREMAP_FIXED,
    MREMAP_MAYMOVE | MREMAP_DONTUNMAP,
    MREMAP_MAYMOVE | MREMAP_DONTUNMAP | MREMAP_FIXED,
    MREMAP_MAYMOVE | MREMAP_DONTUNMAP | MREMAP_FIXED,
  ]);
  return {
    op: 'mremap',
    address,
    oldLength: dice.chance(0.05) ? 0n : length,
    newLength: (flags & MREMAP_DONTUNMAP) === 0 ? newLength : length,
    flags,
    newAddress: near(dice, view),
  };
};
