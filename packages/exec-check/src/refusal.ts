// SPDX-License-Identifier: MIT
import type { Errno } from '@kernel-models/model-core';
import type { Outcome } from './outcome.ts';
import type { RuleName } from './rules.ts';

/** Why a call ends early: what the caller sees and what decided it. */
export interface Refusal {
  readonly errno: Errno;
  readonly rule: RuleName;
  readonly outcome: Outcome;
}

/** A refusal, made once and shared: checks on the way of every call allocate nothing. */
export function refusal(errno: Errno, rule: RuleName): Refusal {
  return Object.freeze({ errno, rule, outcome: Object.freeze({ kind: 'errno', errno }) });
}

/** Whether something is a refusal in place of what was asked for. */
export function isRefusal(value: object): value is Refusal {
  return 'errno' in value && 'rule' in value;
}
