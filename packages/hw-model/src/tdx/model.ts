// SPDX-License-Identifier: MIT
import type { Model } from '@kernel-models/model-core';
import { apply } from './apply.ts';
import { codec } from './codec.ts';
import { INVARIANTS } from './invariants.ts';
import { tdKey } from './key.ts';
import type { Operation } from './operation.ts';
import type { Outcome } from './outcome.ts';
import { REVISIONS } from './revisions.ts';
import { RULES } from './rules.ts';
import { initial, type Setup } from './setup.ts';
import type { TdState } from './state.ts';

/**
 * The TDX module as one TD and its host see it: TDCALL, the building of the TD, its memory and its
 * measurement. Nothing here is policy of a kernel.
 */
export const model: Model<TdState, Operation, Outcome, Setup> = {
  name: 'hw-model.tdx',
  revisions: REVISIONS,
  rules: RULES,
  codec,
  initial,
  apply,
  key: tdKey,
  invariants: INVARIANTS,
};
