// SPDX-License-Identifier: MIT
import { deepEqual } from '@kernel-models/model-core';
import { startsWith } from '../bytes.ts';
import type { DriverOutcome } from './outcome.ts';

/**
 * Whether an observed outcome is the modelled one. A recording may leave `tdcalls`, `buffer` and
 * `log` out and state only the first bytes of `echo`; what it states is compared.
 */
export function matches(observed: DriverOutcome, modelled: DriverOutcome): boolean {
  if (observed.kind === 'report' && modelled.kind === 'report') {
    const { echo, ...rest } = observed;
    return startsWith(modelled.echo, echo) && agrees(rest, modelled);
  }
  return agrees(observed, modelled);
}

/** Whether every stated field is the same. */
function agrees(observed: object, modelled: object): boolean {
  const fields: Record<string, unknown> = { ...modelled };
  return Object.entries(observed).every(
    ([name, value]) => value === undefined || deepEqual(value, fields[name]),
  );
}
