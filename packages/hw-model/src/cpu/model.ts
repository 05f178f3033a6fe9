// SPDX-License-Identifier: MIT
import { deepEqual, type Model } from '@kernel-models/model-core';
import { apply } from './apply.ts';
import { codec } from './codec.ts';
import { INVARIANTS } from './invariants.ts';
import type { CpuOperation } from './operation.ts';
import type { CpuOutcome } from './outcome.ts';
import { REVISIONS } from './revisions.ts';
import { RULES } from './rules.ts';
import { initialState, type CpuSetup } from './setup.ts';
import type { ControlState } from './state.ts';

/**
 * The control state of one CPU as a model: registers, modes, faults, SMM, and both kinds of
 * hardware virtualization.
 */
export const cpuModel: Model<ControlState, CpuOperation, CpuOutcome, CpuSetup> = {
  name: 'hw-model.cpu',
  revisions: REVISIONS,
  rules: RULES,
  codec,
  initial: initialState,
  apply,
  matches: (observed, modelled) => deepEqual(comparable(observed), comparable(modelled)),
  invariants: INVARIANTS,
};

/** A real CPU does not say which of its rules were broken. */
function comparable(outcome: CpuOutcome): CpuOutcome {
  if (outcome.kind !== 'fault') return outcome;
  const { kind, vector, errorCode } = outcome;
  return errorCode === undefined ? { kind, vector } : { kind, vector, errorCode };
}
