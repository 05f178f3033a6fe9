// SPDX-License-Identifier: MIT
import type { Cpl } from './state.ts';

/**
 * Which accesses to CR3 and CR8 end a guest of VMX: primary processor-based controls 15, 16, 19 and
 * 20.
 */
export interface CrExiting {
  readonly loadCr3: boolean;
  readonly storeCr3: boolean;
  readonly loadCr8: boolean;
  readonly storeCr8: boolean;
  /** Values that a guest may load into CR3 all the same, at most 4. */
  readonly cr3Targets: readonly bigint[];
}

/**
 * The control-register fields of a VMCS. Intel SDM volume 3, "Virtual-Machine Control
 * Structures"; the encodings are in the appendix on field encodings.
 */
export interface Vmcs {
  /** 0x6800, 0x6802, 0x6804, 0x2806. */
  readonly guestCr0: bigint;
  readonly guestCr3: bigint;
  readonly guestCr4: bigint;
  readonly guestEfer: bigint;
  /** 0x6C00, 0x6C02, 0x6C04, 0x2C02. */
  readonly hostCr0: bigint;
  readonly hostCr3: bigint;
  readonly hostCr4: bigint;
  readonly hostEfer: bigint;
  /** 0x6000, 0x6002: bits that the host owns. */
  readonly cr0GuestHostMask: bigint;
  readonly cr4GuestHostMask: bigint;
  /** 0x6004, 0x6006: what the guest reads where the host owns. */
  readonly cr0ReadShadow: bigint;
  readonly cr4ReadShadow: bigint;
  /** The VM-entry control "IA-32e mode guest". */
  readonly ia32eModeGuest: boolean;
  /** The VM-exit control "host address-space size". */
  readonly hostAddressSpaceSize: boolean;
  /** The secondary control "unrestricted guest": CR0.PE and PG need not be set. */
  readonly unrestrictedGuest: boolean;
  /** CS of the guest, as far as it decides the mode. */
  readonly guestCsL: boolean;
  /** Absent: the guest's CR3 and CR8 are its own. */
  readonly crExiting?: CrExiting;
}

/**
 * What VMRUN keeps of the host and #VMEXIT brings back. AMD APM volume 2, "VMRUN Instruction",
 * saving host state.
 */
export interface HostSave {
  readonly cr0: bigint;
  readonly cr3: bigint;
  readonly cr4: bigint;
  readonly efer: bigint;
  readonly csL: boolean;
  readonly csD: boolean;
}

/**
 * What VMRUN loads of a VMCB and #VMEXIT writes back: the control-register part of its save area,
 * and the guest's task priority. AMD APM volume 2, "VMRUN Instruction", and the appendix on the
 * layout of the VMCB.
 */
export interface VmcbSave extends HostSave {
  readonly cr2: bigint;
  readonly dr6: bigint;
  readonly dr7: bigint;
  /** In real mode 0 is taken instead. */
  readonly cpl: Cpl;
  /** V_TPR, offset 0x060, bits 3:0. */
  readonly vTpr: bigint;
}

/** A VMCB: the guest's state, and the intercepts of accesses to control registers and MSRs. */
export interface Vmcb {
  readonly save: VmcbSave;
  /** Offset 0x002: bit n intercepts a write of CRn. */
  readonly interceptCrWrites: number;
  /** Offset 0x000: bit n intercepts a read of CRn. */
  readonly interceptCrReads: number;
  /** Intercepts a write of CR0 that changes more than TS and MP. */
  readonly selectiveCr0Write: boolean;
  /**
   * MSR_PROT: an access to an MSR that the permission map does not cover ends the guest. The map
   * itself lets everything through.
   */
  readonly interceptMsrs: boolean;
  /** V_INTR_MASKING, offset 0x060, bit 24: the guest's CR8 is V_TPR, and the host's its own. */
  readonly virtualTpr: boolean;
}

/** In VMX operation: as the hypervisor (root), or as its guest under a VMCS. */
export interface VmxState {
  readonly kind: 'vmx';
  /** Null in root operation. */
  readonly vmcs: Vmcs | null;
}

/** VMX root operation. */
export const VMX_ROOT: VmxState = Object.freeze({ kind: 'vmx', vmcs: null });

/** As a guest of SVM, with what VMRUN kept of the host. */
export interface SvmState {
  readonly kind: 'svm';
  readonly vmcb: Vmcb;
  /** The guest's task priority now. */
  readonly vTpr: bigint;
  /** The host save area that #VMEXIT loads. */
  readonly host: HostSave;
}

/** Hardware virtualization in use. */
export type VirtualizationState = VmxState | SvmState;

/** Whether a CPU runs a guest: VMX non-root operation, or an SVM guest. */
export function isGuestMode(virtualization: VirtualizationState | null): boolean {
  return virtualization !== null && (virtualization.kind === 'svm' || virtualization.vmcs !== null);
}
