// SPDX-License-Identifier: MIT
import type { Errno, RuleId, Step } from '@kernel-models/model-core';
import { NO_TRAIL } from '../trails.ts';
import type { DriverOutcome } from './outcome.ts';
import type { DriverRule } from './rules.ts';
import type { DriverState } from './state.ts';

/** A step of the driver. */
export type DriverStep = Step<DriverState, DriverOutcome>;

/** The outcome of a call that returned 0. */
export const SUCCESS: DriverOutcome = Object.freeze({ kind: 'value', value: 0n });

/** A step that one rule decides. */
export function step(
  state: DriverState,
  outcome: DriverOutcome,
  rule: DriverRule,
  trail: readonly RuleId[] = NO_TRAIL,
): DriverStep {
  return { state, outcome, rule, trail };
}

/** A step that ends in an errno. */
export function refuse(
  state: DriverState,
  errno: Errno,
  rule: DriverRule,
  trail: readonly RuleId[] = NO_TRAIL,
): DriverStep {
  return { state, outcome: { kind: 'errno', errno }, rule, trail };
}
