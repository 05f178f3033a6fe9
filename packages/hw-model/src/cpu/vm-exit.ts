// SPDX-License-Identifier: MIT
import type { RuleId } from '@kernel-models/model-core';
import { checklist, firstBroken, type Check } from './checklist.ts';
import { eferUnder } from './commit.ts';
import {
  CR0_CD,
  CR0_DEFINED,
  CR0_ET,
  CR0_NW,
  CR0_PE,
  CR0_PG,
  CR0_WP,
  CR4_CET,
  CR4_PAE,
  CR4_PCIDE,
  DR7_RESET,
  EFER_LMA,
  EFER_LME,
  LOW_32,
  RFLAGS_FIXED,
} from './registers.ts';
import { loadPdptes, pdptesAreInvalid } from './pdpte.ts';
import { NO_TRAIL, type CpuStep } from './step.ts';
import { isPaePaging, sameShape, type ControlState } from './state.ts';
import {
  VMX_ROOT,
  type HostSave,
  type SvmState,
  type VmcbSave,
  type Vmcs,
} from './virtualization.ts';

/**
 * Bits of CR0 that VM entry and VM exit leave alone. Intel SDM volume 3, "VM Entries" and "VM
 * Exits", loading of control registers.
 */
const CR0_KEPT = CR0_ET | CR0_CD | CR0_NW;

/** CR0 as VM entry or VM exit makes it of a VMCS field. */
export function loadedCr0(field: bigint, current: bigint): bigint {
  return (field & CR0_DEFINED & ~CR0_KEPT) | (current & CR0_KEPT) | CR0_ET;
}

/**
 * VM exit: the CPU has the host state of the VMCS. It cannot fault: an illegal host state was
 * refused by VM entry. Intel SDM volume 3, "VM Exits", loading of control registers.
 */
export function loadHostState(state: ControlState, vmcs: Vmcs): ControlState {
  const { hostAddressSpaceSize: is64Bit } = vmcs;
  const cr4 = is64Bit ? vmcs.hostCr4 | CR4_PAE : vmcs.hostCr4 & ~CR4_PCIDE;
  const mode = is64Bit ? EFER_LMA | EFER_LME : 0n;
  const next = sameShape({
    ...state,
    cr0: loadedCr0(vmcs.hostCr0, state.cr0),
    cr3: vmcs.hostCr3,
    cr4,
    efer: (vmcs.hostEfer & ~(EFER_LMA | EFER_LME)) | mode,
    cpl: 0,
    cs: { ...state.cs, l: is64Bit, d: !is64Bit },
    rflags: RFLAGS_FIXED,
    dr7: DR7_RESET,
    virtualization: VMX_ROOT,
  });
  return isPaePaging(next) ? loadPdptes(next) : next;
}

/** A host save area on its way into a CPU. */
export interface HostRestore {
  readonly state: ControlState;
  readonly host: HostSave;
}

function isLongModeHost({ cr0, efer }: HostSave): boolean {
  return (efer & EFER_LME) !== 0n && (cr0 & CR0_PG) !== 0n;
}

/** What #VMEXIT can find wrong in the host save area, which lies in memory. */
export const HOST_SAVE_CHECKS: readonly Check<HostRestore>[] = [
  {
    id: 'vmexit.host-cr0',
    sentence: 'The host save area holds a CR0 with high bits, or NW without CD.',
    origin: 'AMD APM volume 2, "Secure Virtual Machine", #VMEXIT',
    broken: ({ host: { cr0 } }) => cr0 > LOW_32 || (cr0 & (CR0_NW | CR0_CD)) === CR0_NW,
  },
  {
    id: 'vmexit.host-long-mode',
    sentence: 'The host save area holds LME and PG without PAE.',
    origin: 'AMD APM volume 2, "Secure Virtual Machine", #VMEXIT',
    broken: ({ host }) => isLongModeHost(host) && (host.cr4 & CR4_PAE) === 0n,
  },
  {
    id: 'vmexit.host-cr4',
    sentence:
      'The host save area has a reserved bit of CR4, PCIDE without long mode or CET without WP.',
    origin: 'AMD APM volume 2, "Secure Virtual Machine", #VMEXIT',
    broken: ({ state, host }) =>
      (host.cr4 & ~state.features.cr4Valid) !== 0n ||
      ((host.cr4 & CR4_PCIDE) !== 0n && !isLongModeHost(host)) ||
      ((host.cr4 & CR4_CET) !== 0n && (host.cr0 & CR0_WP) === 0n),
  },
  {
    id: 'vmexit.host-efer',
    sentence: 'The host save area has a reserved bit of EFER.',
    origin: 'AMD APM volume 2, "Secure Virtual Machine", #VMEXIT',
    broken: ({ state, host }) => (host.efer & ~(state.features.eferValid | EFER_LMA)) !== 0n,
  },
  {
    id: 'vmexit.host-pdpte',
    sentence: 'The host is in PAE paging, and a present PDPTE has a reserved bit.',
    origin: 'AMD APM volume 2, "Secure Virtual Machine", #VMEXIT',
    broken: ({ state, host: { cr0, cr3, cr4, efer } }) =>
      isPaePaging({ cr0, cr4, efer: eferUnder(cr0, efer) }) && pdptesAreInvalid(state, cr3),
  },
];

const HOST_SAVE_LIST = checklist(HOST_SAVE_CHECKS);

/** What #VMEXIT writes into the VMCB: what VMRUN loads of it, as the guest left it. */
export function guestSave(state: ControlState, { vTpr }: SvmState): VmcbSave {
  const { cr0, cr2, cr3, cr4, efer, dr6, dr7, cpl, cs } = state;
  return { cr0, cr2, cr3, cr4, efer, dr6, dr7, cpl, csL: cs.l, csD: cs.d, vTpr };
}

/**
 * #VMEXIT: host state comes from the save area, PE is forced to 1, breakpoints are off. CR2, DR6
 * and the task priority are not part of it: they stay as the guest left them. Beyond its
 * breakpoints the manual says nothing of DR7; here it is as after reset.
 */
export function restoreHost(state: ControlState, { host }: SvmState): ControlState {
  const cr0 = (host.cr0 & CR0_DEFINED) | CR0_PE | CR0_ET;
  const next = sameShape({
    ...state,
    cr0,
    cr3: host.cr3,
    cr4: host.cr4,
    efer: eferUnder(cr0, host.efer),
    cpl: 0,
    cs: { ...state.cs, l: host.csL, d: host.csD },
    rflags: RFLAGS_FIXED,
    dr7: DR7_RESET,
    virtualization: null,
  });
  return isPaePaging(next) ? loadPdptes(next) : next;
}

/**
 * Ends the guest: host state, and the reason for whoever runs there. Outside of a guest: nothing.
 */
export function exitGuest(
  state: ControlState,
  reason: bigint,
  qualification: bigint,
  rule: RuleId,
): CpuStep {
  const { virtualization } = state;
  const outcome = { kind: 'exit', reason, qualification } as const;
  if (virtualization?.kind === 'svm') {
    const broken = firstBroken(HOST_SAVE_LIST, { state, host: virtualization.host });
    if (broken !== undefined) {
      const down = { ...state, virtualization: null, activity: 'shutdown' } as const;
      return { state: down, outcome: { kind: 'shutdown' }, ...broken };
    }
    const saved = guestSave(state, virtualization);
    const host = restoreHost(state, virtualization);
    return { state: host, outcome: { ...outcome, saved }, rule, trail: NO_TRAIL };
  }
  if (virtualization === null || virtualization.vmcs === null) {
    return { state, outcome: { kind: 'ignored' }, rule: 'guest.none', trail: NO_TRAIL };
  }
  return exitVmx(state, virtualization.vmcs, { state, outcome, rule, trail: NO_TRAIL });
}

/**
 * The host of a VMCS runs, with an outcome; or the VM exit is aborted, which shuts the CPU down,
 * for the one thing that memory can have spoilt since the checks of VM entry.
 *
 * @param ended what ended the guest, or the entry; its state is not taken
 */
export function exitVmx(state: ControlState, vmcs: Vmcs, ended: CpuStep): CpuStep {
  const host = loadHostState(state, vmcs);
  if (!isPaePaging(host) || !pdptesAreInvalid(host, host.cr3)) return { ...ended, state: host };
  return {
    state: { ...host, activity: 'shutdown' },
    outcome: { kind: 'shutdown' },
    rule: 'vmexit.abort',
    trail: NO_TRAIL,
  };
}
