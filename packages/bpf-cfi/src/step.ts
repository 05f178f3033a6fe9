// SPDX-License-Identifier: MIT
import type { Step } from '@kernel-models/model-core';
import type { CfiErrno, Outcome } from './outcome.ts';
import type { RuleName } from './rules.ts';
import type { State } from './state.ts';

/** An answer of this model. */
export type CfiStep = Step<State, Outcome>;

const NO_TRAIL: readonly [] = Object.freeze([]);

/** An answer. */
export function answer(state: State, outcome: Outcome, rule: RuleName): CfiStep {
  return { state, outcome, rule, trail: NO_TRAIL };
}

const ZERO: Outcome = Object.freeze({ kind: 'value', value: 0n });

/** The operation returned 0. */
export function succeed(state: State, rule: RuleName): CfiStep {
  return answer(state, ZERO, rule);
}

/** The operation was refused; nothing changed. */
export function refuse(state: State, errno: CfiErrno, rule: RuleName): CfiStep {
  return answer(state, { kind: 'errno', errno }, rule);
}

const IMPOSSIBLE: Outcome = Object.freeze({ kind: 'impossible' });

/** What the operation names is not there. */
export function impossible(state: State): CfiStep {
  return answer(state, IMPOSSIBLE, 'model.impossible');
}
