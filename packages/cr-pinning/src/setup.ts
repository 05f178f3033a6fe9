// SPDX-License-Identifier: MIT
import type { CpuFeatures, CpuPreset } from '@kernel-models/hw-model/cpu';

/**
 * What KVM the VM runs on: with the feature, without it, or a newer one that gave its numbers away.
 */
export const HOST_KINDS = ['patched', 'unpatched', 'mainline'] as const;
export type HostKind = (typeof HOST_KINDS)[number];

/**
 * How the VMM behaves. `good` zeroes the pins on reset and moves them on migration; each of the
 * others forgets one of these, or migrates to a host that does not have the MSRs.
 */
export const VMM_KINDS = ['good', 'no-clear-on-reset', 'no-migrate', 'old-host'] as const;
export type VmmKind = (typeof VMM_KINDS)[number];

/**
 * Which writes of CR0 and CR4 reach KVM. VMX compares with the read shadow, so that a write that
 * changes guest-owned bits only does not exit; SVM intercepts all writes of CR4, and of CR0 those
 * that change more than TS and MP; `always` is the instruction emulator.
 */
export const INTERCEPTS = ['vmx', 'svm', 'always'] as const;
export type Intercepts = (typeof INTERCEPTS)[number];

/** The guest kernel's configuration and command line, as far as they decide about pinning. */
export interface KernelConfig {
  /** CONFIG_KEXEC. */
  readonly kexec: boolean;
  /** `pv_cr_pin` on the command line. */
  readonly pvCrPin: boolean;
  /** `crashkernel=` on the command line. */
  readonly crashkernel: boolean;
}

/** The control registers of a vCPU that runs a 64-bit kernel. */
export interface RunningRegisters {
  readonly cr0: bigint;
  readonly cr4: bigint;
  readonly efer: bigint;
  /** The kernel is a hypervisor: its vCPUs are in VMX root operation, which needs CR4.VMXE. */
  readonly vmx?: boolean;
}

/** A virtual machine before the first operation. */
export interface Setup {
  /** How many vCPUs, 1 to 8; the first one boots. */
  readonly vcpus: number;
  readonly cpu: CpuPreset | CpuFeatures;
  /** Every vCPU runs in 64-bit mode with these registers. Absent: as after power-on. */
  readonly running?: RunningRegisters;
  readonly intercepts: Intercepts;
  readonly host: HostKind;
  readonly vmm: VmmKind;
  readonly kernel: KernelConfig;
  /** User space does not show KVM_FEATURE_CR_PIN to the guest. */
  readonly hidesFeature?: boolean;
  /** The host's own CR0 and CR4, which one posting confused with the guest's. */
  readonly hostRegisters?: { readonly cr0: bigint; readonly cr4: bigint };
}
