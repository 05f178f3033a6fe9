// SPDX-License-Identifier: MIT
import { deepEqual, type Model } from '@kernel-models/model-core';
import { apply } from './apply.ts';
import { codec } from './codec.ts';
import { INVARIANTS } from './invariants.ts';
import type { Operation } from './operation.ts';
import type { Outcome } from './outcome.ts';
import { sameAllocation } from './pack-operations.ts';
import { REVISIONS } from './revisions.ts';
import { RULES } from './rules.ts';
import type { Setup } from './setup.ts';
import { initial, type State } from './state.ts';

/**
 * BPF under control-flow integrity: JIT images, trampolines, tracing, and the calls that lead to
 * them.
 */
export const bpfCfi: Model<State, Operation, Outcome, Setup> = {
  name: 'bpf-cfi',
  revisions: REVISIONS,
  rules: RULES,
  codec,
  initial,
  apply,
  matches: (observed, modelled) =>
    deepEqual(observed, modelled) || sameAllocation(observed, modelled),
  invariants: INVARIANTS,
};
