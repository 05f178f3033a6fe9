// SPDX-License-Identifier: MIT
import { ADVISING } from './directed/advising.ts';
import { ARGUMENTS } from './directed/arguments.ts';
import { FORKING } from './directed/forking.ts';
import { GROWTH } from './directed/growth.ts';
import { BRK } from './directed/heap.ts';
import type { Directed } from './directed/history.ts';
import { LOCKING } from './directed/locking.ts';
import { MERGING } from './directed/merging.ts';
import { MOVING } from './directed/moving.ts';
import { PLACEMENT } from './directed/placement.ts';
import { PROTECTING } from './directed/protecting.ts';
import { REFUSED } from './directed/refused.ts';
import { SPECIAL } from './directed/special.ts';

/** Histories for every row of the tables of rules, and for every difference of revisions. */
export const DIRECTED: readonly Directed[] = [
  ...BRK,
  ...MERGING,
  ...ARGUMENTS,
  ...PLACEMENT,
  ...PROTECTING,
  ...GROWTH,
  ...MOVING,
  ...REFUSED,
  ...LOCKING,
  ...ADVISING,
  ...FORKING,
  ...SPECIAL,
];
