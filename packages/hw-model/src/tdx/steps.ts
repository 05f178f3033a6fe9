// SPDX-License-Identifier: MIT
import type { Step } from '@kernel-models/model-core';
import type { Outcome } from './outcome.ts';
import type { RuleName } from './rules.ts';
import type { TdState } from './state.ts';
import { TDX_STATUS } from './status.ts';

/** A step of the TDX module's model. */
export type TdStep = Step<TdState, Outcome>;

const NOTHING: readonly RuleName[] = Object.freeze([]);

/** A step that one rule decides. */
export function step(
  state: TdState,
  outcome: Outcome,
  rule: RuleName,
  trail: readonly RuleName[] = NOTHING,
): TdStep {
  return { state, outcome, rule, trail };
}

/** Checks in their fixed order; gives each its shared trail: the checks before it. */
export function inOrder(...rules: readonly RuleName[]): (rule: RuleName) => readonly RuleName[] {
  const trails = new Map(rules.map((rule, index) => [rule, Object.freeze(rules.slice(0, index))]));
  return (rule) => trails.get(rule) ?? NOTHING;
}

/** A TDCALL completes with a status and changes nothing. */
export function completed(rax: bigint): Outcome {
  return { kind: 'completed', rax };
}

/** TDX_SUCCESS. */
export const SUCCESS: Outcome = Object.freeze(completed(TDX_STATUS.TDX_SUCCESS));

/** A SEAMCALL that worked. */
export const SEAMCALL_SUCCESS: Outcome = Object.freeze({
  kind: 'seamcall',
  status: TDX_STATUS.TDX_SUCCESS,
});
