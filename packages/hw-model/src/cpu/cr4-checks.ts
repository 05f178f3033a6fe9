// SPDX-License-Identifier: MIT
import type { Check } from './checklist.ts';
import type { RegisterWrite } from './cr0-checks.ts';
import { pdptesAreInvalid } from './pdpte.ts';
import {
  CR0_PG,
  CR0_WP,
  CR3_PCID,
  CR4_CET,
  CR4_LA57,
  CR4_PAE,
  CR4_PCIDE,
  CR4_PGE,
  CR4_PSE,
  CR4_SMEP,
  CR4_VMXE,
} from './registers.ts';
import { isLongMode, type ControlState } from './state.ts';

/**
 * A change of these loads the PDPTEs in PAE paging. Intel SDM volume 3, "Paging", PDPTE registers.
 */
const CR4_PDPTR_BITS = CR4_PAE | CR4_PGE | CR4_PSE | CR4_SMEP;

/** Whether a write sets a bit that was clear. */
function sets({ state, value }: RegisterWrite, bit: bigint): boolean {
  return (value & bit) !== 0n && (state.cr4 & bit) === 0n;
}

/**
 * What of a new value of CR4 can be wrong by itself. Intel SDM volume 2, "MOV: Move to/from Control
 * Registers", protected mode exceptions; AMD APM volume 2, "System Resources", CR4.
 */
export const CR4_VALUE_CHECKS: readonly Check<RegisterWrite>[] = [
  {
    id: 'cr4.reserved',
    sentence: 'A bit of CR4 that CPUID does not make legal must be written as 0.',
    origin: 'Intel SDM volume 3, "System Architecture Overview", CR4',
    broken: ({ state, value }) => (value & ~state.features.cr4Valid) !== 0n,
  },
];

/** The load of the PDPTEs, which is the last thing that can refuse a write. */
export const CR4_PDPTE_CHECK: Check<RegisterWrite> = {
  id: 'cr4.pdpte-reserved',
  sentence: 'A write that loads the PDPTEs is refused where a present one has a reserved bit.',
  origin: 'Intel SDM volume 3, "Paging", PDPTE registers',
  broken: ({ state, value }) =>
    cr4WriteLoadsPdptes(state, value) && pdptesAreInvalid(state, state.cr3),
};

/** What a change of CR4 can break. */
export const CR4_TRANSITION_CHECKS: readonly Check<RegisterWrite>[] = [
  {
    id: 'cr4.pae-clear-in-long-mode',
    sentence: 'PAE stays set while long mode is active.',
    origin: 'Intel SDM volume 2, MOV to CR4, #GP(0)',
    broken: ({ state, value }) => isLongMode(state) && (value & CR4_PAE) === 0n,
  },
  {
    id: 'cr4.la57-change-in-long-mode',
    sentence: 'LA57 does not change while long mode is active.',
    origin: 'Intel SDM volume 2, MOV to CR4, #GP(0)',
    broken: ({ state, value }) => isLongMode(state) && ((value ^ state.cr4) & CR4_LA57) !== 0n,
  },
  {
    id: 'cr4.pcide-needs-long-mode',
    sentence: 'PCIDE is set only while long mode is active.',
    origin: 'Intel SDM volume 3, "Paging", process-context identifiers',
    broken: (write) => sets(write, CR4_PCIDE) && !isLongMode(write.state),
  },
  {
    id: 'cr4.pcide-needs-zero-pcid',
    sentence: 'PCIDE is set only while CR3 bits 11:0 are 0.',
    origin: 'Intel SDM volume 3, "Paging", process-context identifiers',
    broken: (write) => sets(write, CR4_PCIDE) && (write.state.cr3 & CR3_PCID) !== 0n,
  },
  {
    id: 'cr4.cet-needs-wp',
    sentence: 'CET is set only while CR0.WP is.',
    origin: 'Intel SDM volume 3, "System Architecture Overview", CR4.CET',
    broken: ({ state, value }) => (value & CR4_CET) !== 0n && (state.cr0 & CR0_WP) === 0n,
  },
  {
    id: 'cr4.vmxe-clear-in-vmx',
    sentence: 'VMXE stays set in VMX operation.',
    origin: 'Intel SDM volume 3, "Introduction to VMX", entering VMX operation',
    broken: ({ state, value }) => state.virtualization?.kind === 'vmx' && (value & CR4_VMXE) === 0n,
  },
  {
    id: 'cr4.vmxe-set-in-smm',
    sentence: 'VMXE is not set in system-management mode.',
    origin: 'Intel SDM volume 3, "System Management Mode", "Protection of CR4.VMXE in SMM"',
    broken: (write) => write.state.smm.active && sets(write, CR4_VMXE),
  },
  CR4_PDPTE_CHECK,
];

/** Whether a write of CR4 leads to, or stays in, PAE paging and makes the CPU load the PDPTEs. */
export function cr4WriteLoadsPdptes(state: ControlState, value: bigint): boolean {
  return (
    (state.cr0 & CR0_PG) !== 0n &&
    (value & CR4_PAE) !== 0n &&
    !isLongMode(state) &&
    ((value ^ state.cr4) & CR4_PDPTR_BITS) !== 0n
  );
}
