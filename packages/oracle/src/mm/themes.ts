// SPDX-License-Identifier: MIT
import {
  MAP_ANONYMOUS,
  MAP_DROPPABLE,
  MAP_FIXED,
  type Capability,
  type Operation,
} from '@kernel-models/mm';
import type { Dice } from '../dice.ts';
import type { View } from './generate.ts';
import { INFINITY } from './host.ts';
import { pages, RW } from './operations.ts';
import { advise, bind, fork, lock, lockAll, seal, unlock } from './themes/advice-choices.ts';
import { weighted } from './themes/choice.ts';
import { limitSome, mapTooMuch, oddCall, protectTooMuch } from './themes/excess-choices.ts';
import { growStack, mapGrowing, protectGrowing, touchBelow } from './themes/growth-choices.ts';
import { mapHeap, moveBrk, protectHeap, touchHeap, unmapHeap } from './themes/heap-choices.ts';
import {
  mapAnyhow,
  mapFile,
  mapFixed,
  mapHint,
  moveBack,
  protect,
  protectSimply,
  touch,
  unmap,
  write,
} from './themes/mapping-choices.ts';
import { growAnywhere, placeAtHint, placeSome } from './themes/placement-choices.ts';
import { range } from './themes/places.ts';
import type { Wishes } from './directed/history.ts';

/** A kind of random case: one mechanism that the others do not drown. */
export interface Theme {
  readonly name: string;
  readonly wishes: (dice: Dice) => Wishes;
  /** The next operation. */
  readonly next: (dice: Dice, view: View) => Operation;
}

const noWishes = (): Wishes => ({});

const memlock = (dice: Dice): Wishes => {
  const soft = pages(dice.below(12));
  const capabilities: readonly Capability[] = dice.chance(0.15) ? ['CAP_IPC_LOCK'] : [];
  return { limits: { MEMLOCK: { soft, hard: 8n << 20n } }, capabilities };
};

const someFiles = (): Wishes => ({
  files: [
    { pages: 8, access: 'rw', inode: 0 },
    { pages: 8, access: 'rw', inode: 0 },
    { pages: 3, access: 'r', inode: 1 },
  ],
});

const basics = [
  [5, mapFixed],
  [3, unmap],
  [3, protectSimply],
  [4, write],
] as const;

/** Every mechanism has a theme in which the others do not drown it. */
export const THEMES: readonly Theme[] = [
  {
    name: 'arena',
    wishes: noWishes,
    next: weighted(
      [4, mapFixed],
      [3, mapAnyhow],
      [3, unmap],
      [4, protect],
      [4, touch],
      [1, mapHint],
    ),
  },
  {
    name: 'merging',
    wishes: noWishes,
    next: weighted([8, mapFixed], [4, unmap], [6, protectSimply], [8, write], [1, fork]),
  },
  {
    name: 'heap',
    wishes: (dice) =>
      dice.chance(0.25)
        ? { limits: { DATA: { soft: 0x800n + pages(2 + dice.below(8)), hard: INFINITY } } }
        : {},
    next: weighted(
      [8, moveBrk],
      [2, mapHeap],
      [2, unmapHeap],
      [2, protectHeap],
      [3, touchHeap],
      [1, lockAll],
      [1, fork],
    ),
  },
  { name: 'moving', wishes: noWishes, next: weighted(...basics, [9, moveBack]) },
  {
    name: 'moving locked memory',
    wishes: memlock,
    next: weighted([4, mapFixed], [2, unmap], [2, write], [3, lock], [1, unlock], [7, moveBack]),
  },
  {
    name: 'moving files',
    wishes: someFiles,
    next: weighted([5, mapFile], [1, mapFixed], [1, unmap], [2, touch], [6, moveBack]),
  },
  {
    name: 'locks',
    wishes: memlock,
    next: weighted(
      [3, mapFixed],
      [1, mapHint],
      [5, lock],
      [2, unlock],
      [2, lockAll],
      [2, protect],
      [2, touch],
      [1, unmap],
      [1, touchBelow],
      [1, mapGrowing],
    ),
  },
  {
    name: 'stacks',
    wishes: (dice) =>
      dice.chance(0.3)
        ? { limits: { STACK: { soft: pages(1 + dice.below(10)), hard: INFINITY } } }
        : {},
    next: weighted(
      [5, mapGrowing],
      [8, touchBelow],
      [2, mapFixed],
      [2, unmap],
      [2, protectGrowing],
      [1, growStack],
      [1, protect],
    ),
  },
  {
    name: 'forks',
    wishes: noWishes,
    next: weighted(...basics, [3, fork], [2, moveBack], [1, advise]),
  },
  {
    name: 'seals',
    wishes: noWishes,
    next: weighted(...basics, [4, seal], [2, moveBack], [2, advise], [1, lock], [1, mapHeap]),
  },
  {
    name: 'advice',
    wishes: noWishes,
    next: weighted(...basics, [8, advise], [1, fork], [1, lock]),
  },
  { name: 'policies', wishes: noWishes, next: weighted(...basics, [6, bind], [1, moveBack]) },
  {
    name: 'files',
    wishes: someFiles,
    next: weighted(
      [7, mapFile],
      [2, mapFixed],
      [2, unmap],
      [3, protect],
      [4, touch],
      [1, moveBack],
      [1, advise],
    ),
  },
  {
    name: 'bad arguments',
    wishes: someFiles,
    next: weighted([2, mapFixed], [1, write], [12, oddCall]),
  },
  {
    name: 'placement',
    wishes: noWishes,
    next: weighted(
      [6, placeSome],
      [4, placeAtHint],
      [3, unmap],
      [2, growAnywhere],
      [1, protect],
      [1, touchBelow],
    ),
  },
  {
    name: 'limits',
    wishes: noWishes,
    next: weighted(
      [5, mapFixed],
      [2, mapHint],
      [2, protect],
      [2, moveBack],
      [3, limitSome],
      [2, moveBrk],
      [1, mapGrowing],
      [1, touchBelow],
    ),
  },
  {
    name: 'too much',
    wishes: noWishes,
    next: weighted([5, mapTooMuch], [3, protectTooMuch], [2, mapFixed], [1, moveBrk]),
  },
  {
    name: 'merging pages',
    wishes: noWishes,
    next: weighted(
      ...basics,
      [2, moveBrk],
      [1, fork],
      [1, mapGrowing],
      [2, (dice) => ({ op: 'setMemoryMerge', on: dice.chance(0.6) })],
    ),
  },
  {
    name: 'droppable',
    wishes: noWishes,
    next: weighted(
      ...basics,
      [1, advise],
      [1, lock],
      [1, fork],
      [
        4,
        (dice, view) => ({
          op: 'mmap',
          ...range(dice, view),
          prot: RW,
          flags: MAP_ANONYMOUS | MAP_DROPPABLE | MAP_FIXED,
          fd: -1,
          offset: 0n,
        }),
      ],
    ),
  },
  {
    name: 'no execution gained',
    wishes: noWishes,
    next: weighted([5, mapAnyhow], [6, protect], [2, touch], [1, () => ({ op: 'setMdwe' })]),
  },
];
