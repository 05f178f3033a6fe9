// SPDX-License-Identifier: MIT
import { MAP_FIXED, MAP_GROWSDOWN } from '@kernel-models/mm';
import { ANON, NONE, PAGE, pages, R, RW } from '../operations.ts';
import type { Choice } from './choice.ts';
import { heapPage } from './places.ts';

export const moveBrk: Choice = (dice, view) => ({
  op: 'brk',
  address: heapPage(dice, view) + BigInt(dice.pick([0, 0, 0, 1, 0x7ff, 0xfff])),
});

export const mapHeap: Choice = (dice, view) => ({
  op: 'mmap',
  address: heapPage(dice, view),
  length: pages(1 + dice.below(3)),
  prot: dice.pick([RW, RW, RW, R]),
  flags: ANON | MAP_FIXED | (dice.chance(0.1) ? MAP_GROWSDOWN : 0),
  fd: -1,
  offset: 0n,
});

export const unmapHeap: Choice = (dice, view) => ({
  op: 'munmap',
  address: heapPage(dice, view),
  length: pages(1 + dice.below(4)),
});

export const protectHeap: Choice = (dice, view) => ({
  op: 'mprotect',
  address: heapPage(dice, view),
  length: pages(1 + dice.below(4)),
  prot: dice.pick([RW, RW, R, NONE]),
});

export const touchHeap: Choice = (dice, view) => ({
  op: 'touchWrite',
  address: heapPage(dice, view) - (dice.chance(0.1) ? PAGE : 0n),
});
