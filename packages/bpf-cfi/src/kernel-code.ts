// SPDX-License-Identifier: MIT
import { callSite } from './call-site.ts';
import { maskedHex } from './masked-hex.ts';
import type { OperationOf } from './operation.ts';
import { siteHash } from './plan/call-plan.ts';
import { functionText } from './plan/function-call.ts';
import type { Scheme } from './preamble.ts';
import type { State } from './state.ts';
import { answer, type CfiStep } from './step.ts';

/*
 * What boot has left of the kernel's own functions and callers, as it lies in memory. Mirrors
 * __apply_fineibt() and apply_seal_endbr(), arch/x86/kernel/alternative.c.
 */

/** The preamble of a function of C, and what stands at its entry for ENDBR64. */
export function showFunction(
  state: State,
  { callee }: OperationOf<'function'>,
  scheme: Scheme,
): CfiStep {
  const { text } = functionText(scheme, callee, 0, () => []);
  return shown(state, text.bytes, 'function.shown');
}

/** The check of a call site, and its branch. */
export function showSite(state: State, { site }: OperationOf<'site'>, scheme: Scheme): CfiStep {
  return shown(state, callSite(scheme, siteHash(scheme, site), 0).bytes, 'site.shown');
}

function shown(
  state: State,
  bytes: readonly number[],
  rule: 'function.shown' | 'site.shown',
): CfiStep {
  return answer(state, { kind: 'image', bytes: maskedHex(Uint8Array.from(bytes)) }, rule);
}
