// SPDX-License-Identifier: MIT
import { checklist, firstBroken, fullTrail, type Check } from './checklist.ts';
import {
  CR0_CD,
  CR0_NW,
  CR0_PE,
  CR0_PG,
  CR4_PAE,
  EFER_LMA,
  EFER_LME,
  LOW_32,
} from './registers.ts';
import type { ControlState } from './state.ts';
import { done, type CpuStep } from './step.ts';

/** What KVM_SET_SREGS carries of the control state. */
export interface Sregs {
  readonly cr0: bigint;
  readonly cr2: bigint;
  readonly cr3: bigint;
  readonly cr4: bigint;
  readonly cr8: bigint;
  readonly efer: bigint;
  readonly csL: boolean;
  readonly csD: boolean;
}

/** Special registers on their way into a vCPU. */
export interface SregsWrite {
  readonly state: ControlState;
  readonly sregs: Sregs;
}

/** What KVM refuses. Mirrors kvm_is_valid_sregs(), arch/x86/kvm/x86.c, Linux 6.12. */
export const SREGS_CHECKS: readonly Check<SregsWrite>[] = [
  {
    id: 'sregs.long-mode',
    sentence: 'LME with PG needs PAE, LMA and a CR3 within the physical address.',
    origin: 'kvm_is_valid_sregs(), arch/x86/kvm/x86.c, Linux 6.12',
    broken: ({ state, sregs: { cr0, cr3, cr4, efer } }) =>
      (efer & EFER_LME) !== 0n &&
      (cr0 & CR0_PG) !== 0n &&
      ((cr4 & CR4_PAE) === 0n ||
        (efer & EFER_LMA) === 0n ||
        cr3 >> BigInt(state.features.maxPhyAddr) !== 0n),
  },
  {
    id: 'sregs.not-long-mode',
    sentence: 'Without LME and PG, neither LMA nor CS.L may be set.',
    origin: 'kvm_is_valid_sregs(), arch/x86/kvm/x86.c, Linux 6.12',
    broken: ({ sregs: { cr0, efer, csL } }) =>
      ((efer & EFER_LME) === 0n || (cr0 & CR0_PG) === 0n) && ((efer & EFER_LMA) !== 0n || csL),
  },
  {
    id: 'sregs.cr4-reserved',
    sentence: 'A bit of CR4 is reserved on the host or by the guest’s CPUID.',
    origin: '__kvm_is_valid_cr4(), arch/x86/kvm/x86.c, Linux 6.12',
    broken: ({ state, sregs: { cr4 } }) => (cr4 & ~state.features.cr4Valid) !== 0n,
  },
  {
    id: 'sregs.cr0',
    sentence: 'CR0 has high bits, NW without CD, or PG without PE.',
    origin: 'kvm_is_valid_cr0(), arch/x86/kvm/x86.c, Linux 6.12',
    broken: ({ sregs: { cr0 } }) =>
      cr0 > LOW_32 || (cr0 & (CR0_NW | CR0_CD)) === CR0_NW || (cr0 & (CR0_PG | CR0_PE)) === CR0_PG,
  },
  {
    id: 'sregs.efer',
    sentence: 'EFER has a bit that the guest’s CPUID does not allow.',
    origin: 'kvm_valid_efer(), arch/x86/kvm/x86.c, Linux 6.12',
    broken: ({ state, sregs: { efer } }) => (efer & ~(state.features.eferValid | EFER_LMA)) !== 0n,
  },
];

const SREGS_LIST = checklist(SREGS_CHECKS);
const EINVAL = Object.freeze({ kind: 'errno', errno: 'EINVAL' } as const);

/**
 * KVM_SET_SREGS: the host puts any state into a vCPU that is valid by itself. What was there before
 * does not matter: no transition is checked, and values are stored as they come.
 */
export function setSregs(state: ControlState, sregs: Sregs): CpuStep {
  const broken = firstBroken(SREGS_LIST, { state, sregs });
  if (broken !== undefined) return { state, outcome: EINVAL, ...broken };
  const { csL, csD, ...registers } = sregs;
  const next = { ...state, ...registers, cs: { ...state.cs, l: csL, d: csD } };
  return done(next, 'sregs.set', fullTrail(SREGS_LIST));
}
