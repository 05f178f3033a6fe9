// SPDX-License-Identifier: MIT
import type { Invariant } from '@kernel-models/model-core';
import { CET_ENDBR_EN, CET_SUPPRESS, CET_TRACKER } from '../cet.ts';
import type { BranchOperation } from './operation.ts';
import type { BranchOutcome } from './outcome.ts';
import type { BranchState } from './state.ts';

type BranchInvariant = Invariant<BranchState, BranchOperation, BranchOutcome>;

const neverBoth: BranchInvariant = {
  id: 'instructions.never-suppressed-and-waiting',
  sentence: 'SUPPRESS and TRACKER of an MSR are never both set.',
  holds({ before, step: { state } }) {
    const both = CET_SUPPRESS | CET_TRACKER;
    const has = (value: bigint): boolean => (value & both) === both;
    const began = has(before.uCet) || has(before.sCet);
    return began || !(has(state.uCet) || has(state.sCet));
  },
};

const untrackedNeverFaults: BranchInvariant = {
  id: 'instructions.untracked-never-misses',
  sentence: 'Where branches are not tracked, no ENDBR64 is missing.',
  holds({ before, operation, step: { rule } }) {
    if (operation.op !== 'execute' || rule !== 'execute.missing-endbranch') return true;
    const value = operation.cpl === 3 ? before.uCet : before.sCet;
    return before.cet && (value & CET_ENDBR_EN) !== 0n;
  },
};

const handlerIsIdle: BranchInvariant = {
  id: 'instructions.handler-waits-for-nothing',
  sentence: 'Behind a handler’s ENDBR64 a tracking CPL 0 is idle.',
  holds({ before, step: { outcome, state } }) {
    if (outcome.kind !== 'exception' || !before.cet) return true;
    if ((before.sCet & CET_ENDBR_EN) === 0n) return true;
    return (state.sCet & (CET_TRACKER | CET_SUPPRESS)) === 0n;
  },
};

/** What holds over every step. */
export const INVARIANTS: readonly BranchInvariant[] = [
  neverBoth,
  untrackedNeverFaults,
  handlerIsIdle,
];
