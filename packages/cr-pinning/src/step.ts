// SPDX-License-Identifier: MIT
import type { RuleId, Step as ModelStep } from '@kernel-models/model-core';
import type { CpuStep } from '@kernel-models/hw-model/cpu';
import type { Outcome } from './outcome.ts';
import { withCpu, type State } from './state.ts';

/** What an operation on a virtual machine comes to. */
export type Step = ModelStep<State, Outcome>;

/** The trail of an operation that checks nothing. */
export const NO_TRAIL: readonly RuleId[] = Object.freeze([]);

/** An outcome with its rule. */
export function step(
  state: State,
  outcome: Outcome,
  rule: RuleId,
  trail: readonly RuleId[] = NO_TRAIL,
): Step {
  return { state, outcome, rule, trail };
}

const DONE: Outcome = Object.freeze({ kind: 'done' });

/** The operation completed. */
export function done(state: State, rule: RuleId, trail: readonly RuleId[] = NO_TRAIL): Step {
  return { state, outcome: DONE, rule, trail };
}

/** What the hardware of one vCPU came to, as a step of the machine. */
export function lift(state: State, index: number, hardware: CpuStep): Step {
  const { outcome, rule, trail } = hardware;
  const next = withCpu(state, index, hardware.state);
  const { kind } = outcome;
  if (kind !== 'shutdown' && kind !== 'internalError') return { state: next, outcome, rule, trail };
  return { state: { ...next, dead: kind }, outcome, rule, trail };
}
