// SPDX-License-Identifier: MIT
import { deepEqual, type Model } from '@kernel-models/model-core';
import { apply } from './apply.ts';
import { codec } from './codec.ts';
import { INVARIANTS } from './invariants.ts';
import { key } from './key.ts';
import type { Operation } from './operation.ts';
import type { Outcome } from './outcome.ts';
import { REVISIONS } from './revisions.ts';
import { RULES } from './rules.ts';
import type { Setup } from './setup.ts';
import { initialState, type State } from './state.ts';

/** Control-register pinning in a virtual machine: the guest's kernel, KVM, and the VMM. */
export const crPinningModel: Model<State, Operation, Outcome, Setup> = {
  name: 'cr-pinning',
  revisions: REVISIONS,
  rules: RULES,
  codec,
  initial: initialState,
  apply,
  matches: (observed, modelled) => deepEqual(comparable(observed), comparable(modelled)),
  key,
  invariants: INVARIANTS,
};

/** What a guest can see: a dropped write completes, and nobody lists the rules that were broken. */
function comparable(outcome: Outcome): Outcome {
  if (outcome.kind === 'dropped') return { kind: 'done' };
  if (outcome.kind !== 'fault') return outcome;
  const { kind, vector, errorCode } = outcome;
  return errorCode === undefined ? { kind, vector } : { kind, vector, errorCode };
}
