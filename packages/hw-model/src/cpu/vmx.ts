// SPDX-License-Identifier: MIT
import { checklist, firstBroken, type Check } from './checklist.ts';
import { VMX_CR0_FIXED0 } from './cr0-checks.ts';
import { VECTOR } from './exception.ts';
import { cr3Reserved } from './features.ts';
import { MSR_IA32_FEATURE_CONTROL } from './msr-numbers.ts';
import { loadPdptes, pdptesAreInvalid } from './pdpte.ts';
import {
  CR0_NE,
  CR0_PE,
  CR0_PG,
  CR0_WP,
  CR4_CET,
  CR4_PAE,
  CR4_PCIDE,
  CR4_VMXE,
  EFER_LMA,
  EFER_LME,
  LOW_32,
} from './registers.ts';
import {
  isCompatibilityMode,
  isPaePaging,
  isRealMode,
  sameShape,
  type ControlState,
} from './state.ts';
import { done, fault, NO_TRAIL, type CpuStep } from './step.ts';
import { VMX_ROOT, type Vmcs } from './virtualization.ts';
import { exitGuest, exitVmx, loadedCr0 } from './vm-exit.ts';

/*
 * VMX operation, as far as control registers take part in it: VMXON, VMXOFF, and VM entry with its
 * checks. Intel SDM volume 3, "Introduction to VMX" and "VM Entries".
 */

/** IA32_FEATURE_CONTROL: locked, and VMXON allowed outside SMX. */
const FEATURE_CONTROL_VMXON = 0b101n;
/**
 * VM-instruction error "VM entry with invalid control field(s)". Intel SDM volume 3, "VMX
 * Instruction Reference", VM-instruction error numbers.
 */
export const VM_FAIL_CONTROL_FIELDS = 7;
/**
 * VM-instruction error "VM entry with invalid host-state field(s)". Intel SDM volume 3, "VMX
 * Instruction Reference", VM-instruction error numbers.
 */
export const VM_FAIL_HOST_STATE = 8;
/**
 * VM-instruction error "VMXON executed in VMX root operation". Intel SDM volume 3, "VMX Instruction
 * Reference", VM-instruction error numbers.
 */
export const VM_FAIL_VMXON_IN_ROOT = 15;
/** Exit reason 33, "VM-entry failure due to invalid guest state", with the entry-failure bit 31. */
export const EXIT_REASON_INVALID_GUEST_STATE = 0x8000_0021n;

/**
 * Basic exit reasons of the instructions that always end a guest. Intel SDM volume 3, appendix on
 * VMX basic exit reasons.
 */
const EXIT_REASON_VMLAUNCH = 20n;
const EXIT_REASON_VMXOFF = 26n;
const EXIT_REASON_VMXON = 27n;

/** Where VMX instructions are #UD whatever else holds: real mode and compatibility mode. */
function hasNoVmx(state: ControlState): boolean {
  return isRealMode(state) || isCompatibilityMode(state);
}

/** VMXON: into VMX root operation. A guest of SVM has no VMX. */
export function vmxon(state: ControlState): CpuStep {
  const { cr0, cr4, features, msrs, virtualization } = state;
  if (hasNoVmx(state) || (cr4 & CR4_VMXE) === 0n || virtualization?.kind === 'svm') {
    return fault(state, VECTOR.UD, 'vmxon.no-vmxe');
  }
  if (virtualization !== null && virtualization.vmcs !== null) {
    return exitGuest(state, EXIT_REASON_VMXON, 0n, 'vmxon.exits-guest');
  }
  if (state.cpl > 0) return fault(state, VECTOR.GP, 'vmxon.needs-cpl0');
  if (virtualization !== null) {
    const outcome = { kind: 'vmFail', error: VM_FAIL_VMXON_IN_ROOT } as const;
    return { state, outcome, rule: 'vmxon.already', trail: NO_TRAIL };
  }
  const isFixed = (cr0 & VMX_CR0_FIXED0) === VMX_CR0_FIXED0 && (cr4 & ~features.cr4Valid) === 0n;
  if (!isFixed) return fault(state, VECTOR.GP, 'vmxon.fixed-bits');
  const control = (msrs[MSR_IA32_FEATURE_CONTROL] ?? 0n) & FEATURE_CONTROL_VMXON;
  if (control !== FEATURE_CONTROL_VMXON) return fault(state, VECTOR.GP, 'vmxon.feature-control');
  return done({ ...state, virtualization: VMX_ROOT }, 'vmxon.done');
}

/** VMXOFF: out of VMX operation; an INIT that waited for it is the caller's to deliver. */
export function vmxoff(state: ControlState): CpuStep {
  const { virtualization } = state;
  if (virtualization?.kind !== 'vmx' || hasNoVmx(state)) {
    return fault(state, VECTOR.UD, 'vmx.not-in-operation');
  }
  if (virtualization.vmcs !== null) {
    return exitGuest(state, EXIT_REASON_VMXOFF, 0n, 'vmxoff.exits-guest');
  }
  if (state.cpl > 0) return fault(state, VECTOR.GP, 'vmxoff.needs-cpl0');
  return done({ ...state, virtualization: null }, 'vmxoff.done');
}

/** A VMCS on its way into a CPU. */
export interface VmEntry {
  readonly state: ControlState;
  readonly vmcs: Vmcs;
}

const LONG_MODE = EFER_LMA | EFER_LME;

function isFixedCr4({ features }: ControlState, cr4: bigint): boolean {
  return (cr4 & CR4_VMXE) !== 0n && (cr4 & ~features.cr4Valid) === 0n;
}

const MAX_CR3_TARGETS = 4;

/**
 * Checks on control fields. Failure is VMfailValid. Intel SDM volume 3, "VM Entries", checks on
 * control fields.
 */
export const VM_ENTRY_CONTROL_CHECKS: readonly Check<VmEntry>[] = [
  {
    id: 'vm-entry.cr3-targets',
    sentence: 'The CR3-target count is at most 4.',
    origin: 'Intel SDM volume 3, "VM Entries", checks on VM-execution control fields',
    broken: ({ vmcs: { crExiting } }) => (crExiting?.cr3Targets.length ?? 0) > MAX_CR3_TARGETS,
  },
];

/**
 * Checks on host control registers. Failure is VMfailValid. Intel SDM volume 3, "VM Entries",
 * checks on host state.
 */
export const VM_ENTRY_HOST_CHECKS: readonly Check<VmEntry>[] = [
  {
    id: 'vm-entry.host-cr0',
    sentence: 'Host CR0 has a fixed bit wrong.',
    origin: 'Intel SDM volume 3, "VM Entries", checks on host control registers',
    broken: ({ vmcs: { hostCr0 } }) =>
      (hostCr0 & VMX_CR0_FIXED0) !== VMX_CR0_FIXED0 || hostCr0 > LOW_32,
  },
  {
    id: 'vm-entry.host-cr4',
    sentence: 'Host CR4 has a fixed bit wrong.',
    origin: 'Intel SDM volume 3, "VM Entries", checks on host control registers',
    broken: ({ state, vmcs }) => !isFixedCr4(state, vmcs.hostCr4),
  },
  {
    id: 'vm-entry.host-cr3',
    sentence: 'Host CR3 has a bit above the physical address.',
    origin: 'Intel SDM volume 3, "VM Entries", checks on host control registers',
    broken: ({ state, vmcs }) => (vmcs.hostCr3 & cr3Reserved(state.features)) !== 0n,
  },
  {
    id: 'vm-entry.host-cet',
    sentence: 'Host CR4 has CET, and host CR0 has no WP.',
    origin: 'Intel SDM volume 3, "VM Entries", checks on host control registers',
    broken: ({ vmcs }) => (vmcs.hostCr4 & CR4_CET) !== 0n && (vmcs.hostCr0 & CR0_WP) === 0n,
  },
  {
    id: 'vm-entry.host-address-space',
    sentence:
      'A 64-bit host needs PAE; a 32-bit one has no PCIDE, no long mode and no IA-32e guest.',
    origin: 'Intel SDM volume 3, "VM Entries", checks on address-space size',
    broken: ({ state, vmcs }) => {
      const { hostAddressSpaceSize, hostCr4, ia32eModeGuest } = vmcs;
      const isLong = (state.efer & EFER_LMA) !== 0n;
      if (hostAddressSpaceSize) return !isLong || (hostCr4 & CR4_PAE) === 0n;
      return isLong || (hostCr4 & CR4_PCIDE) !== 0n || ia32eModeGuest;
    },
  },
  {
    id: 'vm-entry.host-efer',
    sentence: 'Host EFER has a reserved bit, or LMA and LME that are not the address-space size.',
    origin: 'Intel SDM volume 3, "VM Entries", checks on host control registers',
    broken: ({ state, vmcs: { hostEfer, hostAddressSpaceSize } }) =>
      (hostEfer & ~(state.features.eferValid | EFER_LMA)) !== 0n ||
      (hostEfer & LONG_MODE) !== (hostAddressSpaceSize ? LONG_MODE : 0n),
  },
];

/**
 * Checks on guest control registers. Failure is a VM exit. Intel SDM volume 3, "VM Entries", checks
 * on guest control registers.
 */
export const VM_ENTRY_GUEST_CHECKS: readonly Check<VmEntry>[] = [
  {
    id: 'vm-entry.guest-cr0',
    sentence: 'Guest CR0 has a fixed bit wrong; an unrestricted guest is free in PE and PG.',
    origin: 'Intel SDM volume 3, "VM Entries", checks on guest control registers',
    broken: ({ vmcs: { guestCr0, unrestrictedGuest } }) => {
      const fixed = unrestrictedGuest ? CR0_NE : VMX_CR0_FIXED0;
      return (guestCr0 & fixed) !== fixed || guestCr0 > LOW_32;
    },
  },
  {
    id: 'vm-entry.guest-pg-needs-pe',
    sentence: 'Guest CR0 has PG without PE.',
    origin: 'Intel SDM volume 3, "VM Entries", checks on guest control registers',
    broken: ({ vmcs: { guestCr0 } }) => (guestCr0 & (CR0_PG | CR0_PE)) === CR0_PG,
  },
  {
    id: 'vm-entry.guest-cr4',
    sentence: 'Guest CR4 has a fixed bit wrong.',
    origin: 'Intel SDM volume 3, "VM Entries", checks on guest control registers',
    broken: ({ state, vmcs }) => !isFixedCr4(state, vmcs.guestCr4),
  },
  {
    id: 'vm-entry.guest-cr3',
    sentence: 'Guest CR3 has a bit above the physical address.',
    origin: 'Intel SDM volume 3, "VM Entries", checks on guest control registers',
    broken: ({ state, vmcs }) => (vmcs.guestCr3 & cr3Reserved(state.features)) !== 0n,
  },
  {
    id: 'vm-entry.guest-cet',
    sentence: 'Guest CR4 has CET, and guest CR0 has no WP.',
    origin: 'Intel SDM volume 3, "VM Entries", checks on guest control registers',
    broken: ({ vmcs }) => (vmcs.guestCr4 & CR4_CET) !== 0n && (vmcs.guestCr0 & CR0_WP) === 0n,
  },
  {
    id: 'vm-entry.guest-ia32e',
    sentence: 'An IA-32e mode guest needs PG and PAE; any other has no PCIDE.',
    origin: 'Intel SDM volume 3, "VM Entries", checks on guest control registers',
    broken: ({ vmcs: { ia32eModeGuest, guestCr0, guestCr4 } }) =>
      ia32eModeGuest
        ? (guestCr0 & CR0_PG) === 0n || (guestCr4 & CR4_PAE) === 0n
        : (guestCr4 & CR4_PCIDE) !== 0n,
  },
  {
    id: 'vm-entry.guest-efer',
    sentence:
      'Guest EFER has a reserved bit, LMA unlike the control, or LME unlike LMA under paging.',
    origin: 'Intel SDM volume 3, "VM Entries", checks on guest control registers',
    broken: ({ state, vmcs: { guestEfer, guestCr0, ia32eModeGuest } }) => {
      if ((guestEfer & ~(state.features.eferValid | EFER_LMA)) !== 0n) return true;
      const isActive = (guestEfer & EFER_LMA) !== 0n;
      const isEnabled = (guestEfer & EFER_LME) !== 0n;
      return isActive !== ia32eModeGuest || ((guestCr0 & CR0_PG) !== 0n && isActive !== isEnabled);
    },
  },
  {
    id: 'vm-entry.guest-pdpte',
    sentence: 'The guest is in PAE paging, and a present PDPTE has a reserved bit.',
    origin: 'Intel SDM volume 3, "VM Entries", checks on guest PDPTEs',
    broken: ({ state, vmcs: { guestCr0: cr0, guestCr4: cr4, guestEfer: efer, guestCr3 } }) =>
      isPaePaging({ cr0, cr4, efer }) && pdptesAreInvalid(state, guestCr3),
  },
];

const CONTROL_LIST = checklist(VM_ENTRY_CONTROL_CHECKS);
const HOST_LIST = checklist(VM_ENTRY_HOST_CHECKS);
const GUEST_LIST = checklist(VM_ENTRY_GUEST_CHECKS);

/** VMLAUNCH or VMRESUME with a VMCS. */
export function vmEntry(state: ControlState, vmcs: Vmcs): CpuStep {
  const { virtualization } = state;
  if (virtualization?.kind !== 'vmx' || hasNoVmx(state)) {
    return fault(state, VECTOR.UD, 'vmx.not-in-operation');
  }
  if (virtualization.vmcs !== null) {
    return exitGuest(state, EXIT_REASON_VMLAUNCH, 0n, 'vm-entry.exits-guest');
  }
  if (state.cpl > 0) return fault(state, VECTOR.GP, 'vm-entry.needs-cpl0');
  const controls = firstBroken(CONTROL_LIST, { state, vmcs });
  if (controls !== undefined) {
    return { state, outcome: { kind: 'vmFail', error: VM_FAIL_CONTROL_FIELDS }, ...controls };
  }
  const host = firstBroken(HOST_LIST, { state, vmcs });
  if (host !== undefined) {
    return { state, outcome: { kind: 'vmFail', error: VM_FAIL_HOST_STATE }, ...host };
  }
  const guest = firstBroken(GUEST_LIST, { state, vmcs });
  if (guest !== undefined) {
    const reason = EXIT_REASON_INVALID_GUEST_STATE;
    const outcome = { kind: 'exit', reason, qualification: 0n } as const;
    return exitVmx(state, vmcs, { state, outcome, ...guest });
  }
  return done(loadGuestState(state, vmcs), 'vm-entry.done');
}

function loadGuestState(state: ControlState, vmcs: Vmcs): ControlState {
  const next = sameShape({
    ...state,
    cr0: loadedCr0(vmcs.guestCr0, state.cr0),
    cr3: vmcs.guestCr3,
    cr4: vmcs.guestCr4,
    efer: vmcs.guestEfer,
    cs: { ...state.cs, l: vmcs.guestCsL, d: !vmcs.guestCsL },
    virtualization: { kind: 'vmx', vmcs },
  });
  return isPaePaging(next) ? loadPdptes(next) : next;
}

/** The exit reason of an external interrupt: what ends a guest that does nothing. */
const EXIT_REASON_EXTERNAL_INTERRUPT = 1n;
/**
 * SVM's exit code for a physical interrupt. AMD APM volume 2, appendix on SVM intercept exit codes.
 */
const VMEXIT_INTR = 0x60n;

/** The guest ends by an interrupt for the host, whatever it was doing. */
export function guestExit(state: ControlState): CpuStep {
  const isSvm = state.virtualization?.kind === 'svm';
  return exitGuest(
    state,
    isSvm ? VMEXIT_INTR : EXIT_REASON_EXTERNAL_INTERRUPT,
    0n,
    'guest.interrupt',
  );
}
