// SPDX-License-Identifier: MIT
import type { Errno, RuleId, Step } from '@kernel-models/model-core';
import { NO_TRAIL } from '../trails.ts';
import type { Cost, TsmOutcome } from './outcome.ts';
import type { TsmRule } from './rules.ts';
import type { TsmState } from './state.ts';

/** A step of the report items. */
export type TsmStep = Step<TsmState, TsmOutcome>;

/** The outcome of a call that returned 0. */
export const SUCCESS: TsmOutcome = Object.freeze({ kind: 'value', value: 0n });

/** Nothing was asked of module or host. */
export const NO_COST: Cost = Object.freeze({ tdcalls: 0, hypercalls: 0, seconds: 0 });

/** A step that one rule decides. */
export function step(
  state: TsmState,
  outcome: TsmOutcome,
  rule: TsmRule,
  trail: readonly RuleId[] = NO_TRAIL,
): TsmStep {
  return { state, outcome, rule, trail };
}

/** A step that ends in an errno. */
export function refuse(
  state: TsmState,
  errno: Errno,
  rule: TsmRule,
  trail: readonly RuleId[] = NO_TRAIL,
): TsmStep {
  return { state, outcome: { kind: 'errno', errno }, rule, trail };
}

/** A call that must wait for a lock of the waiting read. */
export function blocked(state: TsmState): TsmStep {
  return { state, outcome: { kind: 'blocked' }, rule: 'file.blocked', trail: NO_TRAIL };
}
