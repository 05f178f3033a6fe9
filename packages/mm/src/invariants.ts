// SPDX-License-Identifier: MIT
import type { Invariant } from '@kernel-models/model-core';
import type { Operation } from './operation.ts';
import type { Outcome } from './outcome.ts';
import type { State } from './state.ts';

/** Named predicates over every step. */
export const INVARIANTS: readonly Invariant<State, Operation, Outcome>[] = [];
