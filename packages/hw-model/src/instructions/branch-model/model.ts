// SPDX-License-Identifier: MIT
import type { Model, RevisionId, Step } from '@kernel-models/model-core';
import { codec } from './codec.ts';
import { executeCode } from './execute-code.ts';
import { INVARIANTS } from './invariants.ts';
import type { BranchOperation } from './operation.ts';
import type { BranchOutcome } from './outcome.ts';
import { featuresOf, REVISIONS } from './revisions.ts';
import { RULES } from './rules.ts';
import type { BranchSetup } from './setup.ts';
import { initial, type BranchState } from './state.ts';
import { writeMsr } from './write-msr.ts';

function apply(
  state: BranchState,
  operation: BranchOperation,
  revision: RevisionId,
): Step<BranchState, BranchOutcome> {
  const features = featuresOf(revision);
  switch (operation.op) {
    case 'wrmsr':
      return writeMsr(state, operation, features);
    case 'execute':
      return executeCode(state, operation, features);
  }
}

/** Indirect branch tracking as a model: what becomes of pieces of code, and of the CET MSRs. */
export const branchModel: Model<BranchState, BranchOperation, BranchOutcome, BranchSetup> = {
  name: 'hw-model.instructions',
  revisions: REVISIONS,
  rules: RULES,
  codec,
  initial,
  apply,
  invariants: INVARIANTS,
};
