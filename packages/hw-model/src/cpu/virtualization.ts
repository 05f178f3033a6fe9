// SPDX-License-Identifier: MIT

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
 * The control-register part of a VMCB's save area. AMD APM volume 2, appendix on the layout of the
 * VMCB.
 */
export interface VmcbSave {
  readonly cr0: bigint;
  readonly cr3: bigint;
  readonly cr4: bigint;
  readonly efer: bigint;
  readonly csL: boolean;
  readonly csD: boolean;
}

/** A VMCB: the guest's save area and the intercepts of control-register writes. */
export interface Vmcb {
  readonly save: VmcbSave;
  /** Offset 0x002: bit n intercepts a write of CRn. */
  readonly interceptCrWrites: number;
  /** Offset 0x000: bit n intercepts a read of CRn. */
  readonly interceptCrReads: number;
  /** Intercepts a write of CR0 that changes more than TS and MP. */
  readonly selectiveCr0Write: boolean;
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
  /** The host save area that #VMEXIT loads. */
  readonly host: VmcbSave;
}

/** Hardware virtualization in use. */
export type VirtualizationState = VmxState | SvmState;

/** Whether a CPU runs a guest: VMX non-root operation, or an SVM guest. */
export function isGuestMode(virtualization: VirtualizationState | null): boolean {
  return virtualization !== null && (virtualization.kind === 'svm' || virtualization.vmcs !== null);
}
