// SPDX-License-Identifier: MIT
import type { Check } from './checklist.ts';
import { pdptesAreInvalid } from './pdpte.ts';
import {
  CR0_CD,
  CR0_NE,
  CR0_NW,
  CR0_PE,
  CR0_PG,
  CR0_WP,
  CR4_CET,
  CR4_PAE,
  CR4_PCIDE,
  EFER_LME,
  LOW_32,
} from './registers.ts';
import { is64BitMode, type ControlState } from './state.ts';

/** A value on its way into a control register or EFER. */
export interface RegisterWrite {
  readonly state: ControlState;
  readonly value: bigint;
}

const PG_PE = CR0_PG | CR0_PE;
const NW_CD = CR0_NW | CR0_CD;
/** A change of these loads the PDPTEs in PAE paging. */
const CR0_PDPTR_BITS = CR0_PG | CR0_CD | CR0_NW;
/**
 * IA32_VMX_CR0_FIXED0 (MSR 0x486) of CPUs without unrestricted guests. Intel SDM volume 3, appendix
 * on VMX capability MSRs.
 */
export const VMX_CR0_FIXED0: bigint = CR0_PE | CR0_NE | CR0_PG;

function turnsPagingOn({ state, value }: RegisterWrite): boolean {
  return (value & CR0_PG) !== 0n && (state.cr0 & CR0_PG) === 0n;
}

function turnsPagingOff({ state, value }: RegisterWrite): boolean {
  return (value & CR0_PG) === 0n && (state.cr0 & CR0_PG) !== 0n;
}

/**
 * What of a new value of CR0 can be wrong by itself, or together with CR4. Intel SDM volume 2,
 * "MOV: Move to/from Control Registers", protected mode exceptions; AMD APM volume 2, "System
 * Resources", CR0.
 */
export const CR0_VALUE_CHECKS: readonly Check<RegisterWrite>[] = [
  {
    id: 'cr0.high-half',
    sentence: 'Bits 63:32 of CR0 are reserved and must be written as 0.',
    origin: 'Intel SDM volume 3, "System Architecture Overview", CR0',
    broken: ({ value }) => value > LOW_32,
  },
  {
    id: 'cr0.pg-needs-pe',
    sentence: 'Paging needs protected mode: PG without PE is refused.',
    origin: 'Intel SDM volume 2, MOV to CR0, #GP(0)',
    broken: ({ value }) => (value & PG_PE) === CR0_PG,
  },
  {
    id: 'cr0.nw-needs-cd',
    sentence: 'Not-write-through with caching on is refused: NW without CD.',
    origin: 'Intel SDM volume 2, MOV to CR0, #GP(0)',
    broken: ({ value }) => (value & NW_CD) === CR0_NW,
  },
  {
    id: 'cr0.cet-needs-wp',
    sentence: 'WP cannot be cleared while CR4.CET is set.',
    origin: 'Intel SDM volume 3, "System Architecture Overview", CR0.WP',
    broken: ({ state, value }) => (value & CR0_WP) === 0n && (state.cr4 & CR4_CET) !== 0n,
  },
  {
    id: 'cr0.vmx-fixed',
    sentence:
      'In VMX operation PE, NE and PG stay 1; an unrestricted guest is free to clear PE and PG.',
    origin: 'Intel SDM volume 3, "Introduction to VMX", restrictions',
    broken: ({ state: { virtualization }, value }) => {
      if (virtualization?.kind !== 'vmx') return false;
      const fixed = virtualization.vmcs?.unrestrictedGuest === true ? CR0_NE : VMX_CR0_FIXED0;
      return (value & fixed) !== fixed;
    },
  },
];

/** The load of the PDPTEs, which is the last thing that can refuse a write. */
export const CR0_PDPTE_CHECK: Check<RegisterWrite> = {
  id: 'cr0.pdpte-reserved',
  sentence: 'A write that loads the PDPTEs is refused where a present one has a reserved bit.',
  origin: 'Intel SDM volume 3, "Paging", PDPTE registers',
  broken: ({ state, value }) =>
    cr0WriteLoadsPdptes(state, value) && pdptesAreInvalid(state, state.cr3),
};

/** What a change of PG can break. */
export const CR0_TRANSITION_CHECKS: readonly Check<RegisterWrite>[] = [
  {
    id: 'cr0.lme-needs-pae',
    sentence: 'Paging is turned on in long mode only with CR4.PAE.',
    origin: 'Intel SDM volume 3, "Processor Management and Initialization", IA-32e mode',
    broken: (write) =>
      turnsPagingOn(write) &&
      (write.state.efer & EFER_LME) !== 0n &&
      (write.state.cr4 & CR4_PAE) === 0n,
  },
  {
    id: 'cr0.lme-with-cs-l',
    sentence: 'Long mode is not activated from a code segment that has L set.',
    origin: 'Intel SDM volume 2, MOV to CR0, #GP(0)',
    broken: (write) =>
      turnsPagingOn(write) && (write.state.efer & EFER_LME) !== 0n && write.state.cs.l,
  },
  {
    id: 'cr0.pg-clear-in-64-bit-mode',
    sentence: 'Paging is not turned off in 64-bit mode: compatibility mode comes first.',
    origin: 'Intel SDM volume 3, "Processor Management and Initialization", IA-32e mode',
    broken: (write) => turnsPagingOff(write) && is64BitMode(write.state),
  },
  {
    id: 'cr0.pg-clear-with-pcide',
    sentence: 'Paging is not turned off while CR4.PCIDE is set.',
    origin: 'Intel SDM volume 3, "Paging", process-context identifiers',
    broken: (write) => turnsPagingOff(write) && (write.state.cr4 & CR4_PCIDE) !== 0n,
  },
  CR0_PDPTE_CHECK,
];

/** Whether PAE paging is what a value of CR0 makes, or leaves. */
export function leadsToPaePaging(state: ControlState, value: bigint): boolean {
  return (value & CR0_PG) !== 0n && (state.cr4 & CR4_PAE) !== 0n && (state.efer & EFER_LME) === 0n;
}

/** Whether a write of CR0 makes the CPU load the PDPTEs. */
export function cr0WriteLoadsPdptes(state: ControlState, value: bigint): boolean {
  return leadsToPaePaging(state, value) && ((value ^ state.cr0) & CR0_PDPTR_BITS) !== 0n;
}
