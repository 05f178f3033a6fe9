// SPDX-License-Identifier: MIT
import type { RuleId, Step } from '@kernel-models/model-core';
import { brokenChecks, type Broken, type Checklist } from './checklist.ts';
import { pushesErrorCode, VECTOR, type Vector } from './exception.ts';
import type { CpuOutcome, FaultOutcome } from './outcome.ts';
import { isRealMode, type ControlState } from './state.ts';

/** What an operation on the CPU comes to. */
export type CpuStep = Step<ControlState, CpuOutcome>;

/** The trail of an operation that checks nothing. */
export const NO_TRAIL: readonly RuleId[] = Object.freeze([]);

const DONE: CpuOutcome = Object.freeze({ kind: 'done' });

/** The operation completed. */
export function done(
  state: ControlState,
  rule: RuleId,
  trail: readonly RuleId[] = NO_TRAIL,
): CpuStep {
  return { state, outcome: DONE, rule, trail };
}

/** The operation completed with a value. */
export function value(state: ControlState, result: bigint, rule: RuleId): CpuStep {
  return { state, outcome: { kind: 'value', value: result }, rule, trail: NO_TRAIL };
}

/** An exception as the mode that it is raised in shows it: no error code in real mode. */
export function faultOutcome(
  state: ControlState,
  vector: Vector,
  errorCode: number = 0,
  violations: readonly RuleId[] = NO_TRAIL,
): FaultOutcome {
  if (!pushesErrorCode(vector) || isRealMode(state)) return { kind: 'fault', vector, violations };
  return { kind: 'fault', vector, errorCode, violations };
}

/** The instruction faults and changes nothing. */
export function fault(
  state: ControlState,
  vector: Vector,
  rule: RuleId,
  trail: readonly RuleId[] = NO_TRAIL,
): CpuStep {
  return { state, outcome: faultOutcome(state, vector, 0, [rule]), rule, trail };
}

/** #GP(0) for a check of a list, with all the others that are broken too. */
export function refuse<Subject>(
  state: ControlState,
  list: Checklist<Subject>,
  subject: Subject,
  { rule, trail }: Broken,
): CpuStep {
  const outcome = faultOutcome(state, VECTOR.GP, 0, brokenChecks(list, subject));
  return { state, outcome, rule, trail };
}
