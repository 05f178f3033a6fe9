// SPDX-License-Identifier: MIT
import type { Step } from '@kernel-models/model-core';
import { SUCCESS, type Outcome } from './outcome.ts';
import type { Refusal } from './refusal.ts';
import type { RuleName } from './rules.ts';
import type { State } from './state.ts';

/** What `apply` answers. */
export type ExecStep = Step<State, Outcome>;

const NO_TRAIL: readonly RuleName[] = Object.freeze([]);

/** The operation was refused, and nothing changed. */
export function refuse(state: State, { outcome, rule }: Refusal): ExecStep {
  return { state, outcome, rule, trail: NO_TRAIL };
}

/** The operation returned 0. */
export function succeed(state: State, rule: RuleName): ExecStep {
  return { state, outcome: SUCCESS, rule, trail: NO_TRAIL };
}

/** The operation had some other outcome. */
export function answer(state: State, outcome: Outcome, rule: RuleName): ExecStep {
  return { state, outcome, rule, trail: NO_TRAIL };
}

/** The operation returned a number. */
export function value(state: State, number: number, rule: RuleName): ExecStep {
  return answer(state, { kind: 'value', value: BigInt(number) }, rule);
}
