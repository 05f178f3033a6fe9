// SPDX-License-Identifier: MIT
import { deepEqual, type Invariant, type Transition } from '@kernel-models/model-core';
import type { CpuOperation } from './operation.ts';
import type { CpuOutcome } from './outcome.ts';
import {
  CR0_CD,
  CR0_NW,
  CR0_PE,
  CR0_PG,
  CR0_WP,
  CR4_CET,
  CR4_PAE,
  CR4_PCIDE,
  EFER_LMA,
  EFER_LME,
} from './registers.ts';
import { isLongMode, isPaging, type ControlState } from './state.ts';

/** A rule that ties control registers together wherever instructions alone can lead. */
export interface Consistency {
  readonly id: string;
  readonly sentence: string;
  readonly holds: (state: ControlState) => boolean;
}

const implies = (condition: boolean, consequence: boolean): boolean => !condition || consequence;

/** What holds in every state that is reached from reset by instructions and events. */
export const CONSISTENCY: readonly Consistency[] = [
  {
    id: 'cpu.lma-iff-lme-and-pg',
    sentence: 'LMA is set exactly where LME and PG are.',
    holds: (state) => isLongMode(state) === (isPaging(state) && (state.efer & EFER_LME) !== 0n),
  },
  {
    id: 'cpu.lma-needs-pae-and-pe',
    sentence: 'Long mode has PAE and PE.',
    holds: (state) =>
      implies(
        (state.efer & EFER_LMA) !== 0n,
        (state.cr4 & CR4_PAE) !== 0n && (state.cr0 & CR0_PE) !== 0n,
      ),
  },
  {
    id: 'cpu.pcide-needs-lma',
    sentence: 'PCIDE is set only in long mode.',
    holds: (state) => implies((state.cr4 & CR4_PCIDE) !== 0n, isLongMode(state)),
  },
  {
    id: 'cpu.cet-needs-wp',
    sentence: 'CET is set only with WP.',
    holds: ({ cr0, cr4 }) => implies((cr4 & CR4_CET) !== 0n, (cr0 & CR0_WP) !== 0n),
  },
  {
    id: 'cpu.nw-needs-cd',
    sentence: 'NW is set only with CD.',
    holds: ({ cr0 }) => implies((cr0 & CR0_NW) !== 0n, (cr0 & CR0_CD) !== 0n),
  },
  {
    id: 'cpu.pg-needs-pe',
    sentence: 'PG is set only with PE.',
    holds: ({ cr0 }) => implies((cr0 & CR0_PG) !== 0n, (cr0 & CR0_PE) !== 0n),
  },
];

/** Whether all of {@link CONSISTENCY} holds. */
export function isConsistent(state: ControlState): boolean {
  return CONSISTENCY.every(({ holds }) => holds(state));
}

type CpuTransition = Transition<ControlState, CpuOperation, CpuOutcome>;

/**
 * The host may put any state into a vCPU, and an SVM guest may run paged real mode (AMD APM volume
 * 2, 15.19): there the consistency of instructions is not promised.
 */
function isPromised({ before, operation, step }: CpuTransition): boolean {
  return (
    operation.op !== 'setSregs' &&
    before.virtualization?.kind !== 'svm' &&
    step.state.virtualization?.kind !== 'svm' &&
    before.smm.suspended?.kind !== 'svm' &&
    isConsistent(before)
  );
}

/** What every step of a CPU promises. */
export const INVARIANTS: readonly Invariant<ControlState, CpuOperation, CpuOutcome>[] = [
  ...CONSISTENCY.map(({ id, sentence, holds }) => ({
    id,
    sentence: `From a consistent state: ${sentence}`,
    holds: (transition: CpuTransition) => !isPromised(transition) || holds(transition.step.state),
  })),
  {
    id: 'cpu.fault-changes-nothing',
    sentence: 'A fault leaves every register as it was.',
    holds: ({ before, step }) =>
      step.outcome.kind !== 'fault' || step.state === before || deepEqual(step.state, before),
  },
  {
    id: 'cpu.init-keeps-caching',
    sentence: 'INIT leaves CD and NW as they are.',
    holds: ({ before, operation, step }) =>
      operation.op !== 'init' ||
      step.rule !== 'init.done' ||
      ((before.cr0 ^ step.state.cr0) & (CR0_CD | CR0_NW)) === 0n,
  },
  {
    id: 'cpu.reserved-bits-stay-clear',
    sentence: 'CR4 and EFER never get a bit that CPUID does not allow, whoever writes.',
    holds: ({ before, step: { state } }) => {
      const { cr4Valid, eferValid } = state.features;
      const isClean = (one: ControlState): boolean =>
        (one.cr4 & ~cr4Valid) === 0n && (one.efer & ~(eferValid | EFER_LMA)) === 0n;
      return !isClean(before) || isClean(state);
    },
  },
];
