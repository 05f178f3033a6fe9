// SPDX-License-Identifier: MIT
import type { Model } from '@kernel-models/model-core';
import { apply } from './apply.ts';
import { codec } from './codec.ts';
import { INVARIANTS } from './invariants.ts';
import { key } from './key.ts';
import type { Operation } from './operation.ts';
import type { Outcome } from './outcome.ts';
import { REVISIONS } from './revisions.ts';
import { RULES } from './rules.ts';
import type { Setup } from './setup.ts';
import type { State } from './state.ts';
import { initial } from './world.ts';

/** The address space of a process. */
export const mmModel: Model<State, Operation, Outcome, Setup> = {
  name: 'mm',
  revisions: REVISIONS,
  rules: RULES,
  codec,
  initial,
  apply,
  key,
  invariants: INVARIANTS,
};
