// SPDX-License-Identifier: MIT
import type { Step } from '@kernel-models/model-core';
import { CET_RESERVED, CET_SUPPRESS, CET_TRACKER, isValidCet } from '../cet.ts';
import type { CetFeatures } from '../machine-state.ts';
import { handlerEntry } from './handler-entry.ts';
import type { BranchOperation } from './operation.ts';
import type { BranchOutcome } from './outcome.ts';
import type { Features } from './revisions.ts';
import type { BranchRule } from './rules.ts';
import type { BranchState } from './state.ts';

/** A CPU with all of CET: what cannot be told apart there is one rule. */
const CPU: CetFeatures = { ibt: true, shadowStack: true };

/** WRMSR to IA32_U_CET or IA32_S_CET at CPL 0. */
export function writeMsr(
  state: BranchState,
  { msr, value }: Extract<BranchOperation, { op: 'wrmsr' }>,
  features: Features,
): Step<BranchState, BranchOutcome> {
  if (!isValidCet(value, CPU)) {
    const after = handlerEntry(state, features);
    const { uCet, sCet } = after;
    return {
      state: after,
      outcome: { kind: 'refused', uCet, sCet },
      rule: brokenRule(value),
      trail: [],
    };
  }
  const after = { ...state, [msr]: value };
  const { uCet, sCet } = after;
  return {
    state: after,
    outcome: { kind: 'written', uCet, sCet },
    rule: 'wrmsr.written',
    trail: [],
  };
}

function brokenRule(value: bigint): BranchRule {
  if ((value & CET_RESERVED) !== 0n) return 'wrmsr.reserved';
  const both = CET_SUPPRESS | CET_TRACKER;
  return (value & both) === both ? 'wrmsr.suppress-and-tracker' : 'wrmsr.base';
}
