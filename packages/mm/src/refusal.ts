// SPDX-License-Identifier: MIT
import type { Errno } from '@kernel-models/model-core';
import type { RuleName } from './rules.ts';

/** An answer with an errno, and the rule that gave it. */
export interface Refusal {
  readonly errno: Errno;
  readonly rule: RuleName;
}

export function refusal(errno: Errno, rule: RuleName): Refusal {
  return Object.freeze({ errno, rule });
}

/** Whether a function refused instead of returning what it makes: an object or a number. */
export function isRefusal<Value>(value: Value | Refusal): value is Refusal {
  return typeof value === 'object' && value !== null && 'errno' in value;
}
