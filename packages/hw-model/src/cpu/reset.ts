// SPDX-License-Identifier: MIT
import type { CpuFeatures } from './features.ts';
import { MSR_IA32_APIC_BASE } from './msr-numbers.ts';
import { CR0_CD, CR0_ET, CR0_NW, DR6_RESET, DR7_RESET, RFLAGS_FIXED } from './registers.ts';
import { ARCHITECTURE, type Implementation } from './revisions.ts';
import {
  sameShape,
  type CodeSegment,
  type ControlState,
  type LatchedEvents,
  type Pdptes,
} from './state.ts';
import { done, NO_TRAIL, type CpuStep } from './step.ts';
import { exitGuest } from './vm-exit.ts';

/*
 * RESET, INIT and NMI. Intel SDM volume 3, "Processor Management and Initialization". KVM's kvm_vcpu_reset(), arch/x86/kvm/x86.c, Linux 6.12, does both of
 * the first two.
 */

/** CR0 after RESET: caches off. */
export const CR0_RESET: bigint = CR0_CD | CR0_NW | CR0_ET;
/** SMBASE after RESET. */
export const SMBASE_RESET = 0x3_0000;
/** IA32_APIC_BASE of the CPU that boots, and of the others: bit 8 is BSP. */
const APIC_BASE_BSP = 0xfee0_0900n;
const APIC_BASE_AP = 0xfee0_0800n;

/* Parts of a CPU after power-on, which all of them share. */
const NO_PDPTES: Pdptes = Object.freeze([0n, 0n, 0n, 0n] as const);
const MSRS_OF_BSP: ControlState['msrs'] = Object.freeze({});
const MSRS_OF_AP: ControlState['msrs'] = Object.freeze({ [MSR_IA32_APIC_BASE]: APIC_BASE_AP });
const NOTHING_LATCHED: LatchedEvents = Object.freeze({ smi: false, init: false, nmi: false });
const RESET_CS: CodeSegment = Object.freeze({
  selector: 0xf000,
  base: 0xffff_0000n,
  l: false,
  d: false,
});

/**
 * A CPU after power-on. One that is not the bootstrap processor has to be started by INIT and SIPI.
 */
export function powerOn(features: CpuFeatures, isBootstrap = true): ControlState {
  return {
    features,
    cr0: CR0_RESET,
    cr2: 0n,
    cr3: 0n,
    cr4: 0n,
    cr8: 0n,
    efer: 0n,
    cpl: 0,
    cs: RESET_CS,
    rip: 0xfff0n,
    rflags: RFLAGS_FIXED,
    dr6: DR6_RESET,
    dr7: DR7_RESET,
    pdptes: NO_PDPTES,
    msrs: isBootstrap ? MSRS_OF_BSP : MSRS_OF_AP,
    memory: null,
    activity: isBootstrap ? 'active' : 'wait-for-sipi',
    smm: { active: false, smbase: SMBASE_RESET, image: null, suspended: null },
    nmiBlocked: false,
    latched: NOTHING_LATCHED,
    virtualization: null,
  };
}

/** Whether a CPU is the one that boots. */
export function isBootstrap({ msrs }: Pick<ControlState, 'msrs'>): boolean {
  return ((msrs[MSR_IA32_APIC_BASE] ?? APIC_BASE_BSP) & 0x100n) !== 0n;
}

/** RESET: everything as after power-on. Memory stays. */
export function reset(state: ControlState): CpuStep {
  const fresh = powerOn(state.features, isBootstrap(state));
  return done({ ...fresh, memory: state.memory }, 'reset.done');
}

/**
 * The exit reason of INIT in VMX non-root operation. Intel SDM volume 3, appendix on VMX basic exit
 * reasons.
 */
const EXIT_REASON_INIT = 3n;

/**
 * INIT: like RESET, but MSRs, SMBASE and CR0.CD and NW stay. It is kept in SMM and in VMX root
 * operation, and ends a guest of VMX. A CPU that is not the bootstrap processor then waits for a
 * SIPI.
 */
export function init(state: ControlState, implementation: Implementation = ARCHITECTURE): CpuStep {
  const { virtualization } = state;
  if (state.smm.active || (virtualization?.kind === 'vmx' && virtualization.vmcs === null)) {
    const rule = state.smm.active ? 'init.blocked-in-smm' : 'init.blocked-in-vmx-root';
    const latched = { ...state.latched, init: true };
    return { state: { ...state, latched }, outcome: { kind: 'latched' }, rule, trail: NO_TRAIL };
  }
  if (virtualization?.kind === 'vmx') {
    return exitGuest(state, EXIT_REASON_INIT, 0n, 'init.exits-guest');
  }
  const caching = implementation.initKeepsCaching ? state.cr0 & (CR0_CD | CR0_NW) : CR0_CD | CR0_NW;
  const fresh = powerOn(state.features, isBootstrap(state));
  const next = sameShape({
    ...fresh,
    cr0: CR0_ET | caching,
    msrs: state.msrs,
    memory: state.memory,
    smm: { ...state.smm, image: null },
    latched: state.latched,
  });
  return done(next, 'init.done');
}

/** A non-maskable interrupt: wakes a halted or shut-down CPU, unless NMIs are blocked. */
export function nmi(state: ControlState): CpuStep {
  if (state.nmiBlocked || state.activity === 'wait-for-sipi') {
    const latched = { ...state.latched, nmi: true };
    return {
      state: { ...state, latched },
      outcome: { kind: 'latched' },
      rule: 'nmi.blocked',
      trail: NO_TRAIL,
    };
  }
  return done({ ...state, activity: 'active', nmiBlocked: true }, 'nmi.delivered');
}
