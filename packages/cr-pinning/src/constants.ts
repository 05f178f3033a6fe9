// SPDX-License-Identifier: MIT
import {
  CR0_TS,
  CR0_WP,
  CR4_CET,
  CR4_DE,
  CR4_FSGSBASE,
  CR4_OSFXSR,
  CR4_OSXMMEXCPT,
  CR4_PCE,
  CR4_PGE,
  CR4_PVI,
  CR4_SMAP,
  CR4_SMEP,
  CR4_TSD,
  CR4_UMIP,
  EFER_NXE,
} from '@kernel-models/hw-model/cpu';

/*
 * Numbers of the paravirtual interface. The posting of June 2020 (Message-ID
 * 20200617190757.27081-3-john.s.andersen@intel.com); the earlier postings had the MSRs two lower,
 * before asynchronous page faults took those numbers.
 */

/** First MSR of the posting of June 2020, and of the two before it. */
export const MSR_KVM_CR0_PIN_ALLOWED: number = 0x4b56_4d08;
export const MSR_KVM_CR4_PIN_ALLOWED: number = 0x4b56_4d09;
export const MSR_KVM_CR0_PINNED_LOW: number = 0x4b56_4d0a;
export const MSR_KVM_CR0_PINNED_HIGH: number = 0x4b56_4d0b;
export const MSR_KVM_CR4_PINNED_LOW: number = 0x4b56_4d0c;
export const MSR_KVM_CR4_PINNED_HIGH: number = 0x4b56_4d0d;
/** Ours, for the design that pins EFER.NXE too: the next free number. */
export const MSR_KVM_EFER_PINNED_HIGH: number = 0x4b56_4d0e;
export const MSR_RFC_CR0_PIN_ALLOWED: number = 0x4b56_4d06;
export const MSR_RFC_CR4_PIN_ALLOWED: number = 0x4b56_4d07;
export const MSR_RFC_CR0_PINNED: number = 0x4b56_4d08;
export const MSR_RFC_CR4_PINNED: number = 0x4b56_4d09;
/**
 * What mainline put at the number of CR0_PIN_ALLOWED. arch/x86/include/uapi/asm/kvm_para.h, Linux
 * 5.13.
 */
export const MSR_KVM_MIGRATION_CONTROL: number = 0x4b56_4d08;

/** CPUID leaf of KVM's features, EAX. */
export const KVM_CPUID_FEATURES: number = 0x4000_0001;
/** KVM_FEATURE_CR_PIN; KVM_FEATURE_MSI_EXT_DEST_ID in mainline since 5.11. */
export const KVM_FEATURE_CR_PIN_BIT: number = 15;
/** KVM_FEATURE_MIGRATION_CONTROL, mainline since 5.13. */
export const KVM_FEATURE_MIGRATION_CONTROL_BIT: number = 17;

/** Bits that may be pinned: KVM_CR0_PIN_ALLOWED and KVM_CR4_PIN_ALLOWED of the postings. */
export const CR0_PIN_ALLOWED: bigint = CR0_WP;
export const CR4_PIN_ALLOWED: bigint = CR4_SMEP | CR4_SMAP | CR4_UMIP;
/** EFER bits that the design with EFER pins allows. */
export const EFER_PIN_ALLOWED: bigint = EFER_NXE;

/** KVM_HC_LOCK_CR_UPDATE of the Heki postings, and its flag that asks for the ABI version. */
export const KVM_HC_LOCK_CR_UPDATE: number = 13;
export const LOCK_CR_UPDATE_VERSION: bigint = 1n;
/**
 * What KVM answers to a hypercall that it does not know. include/uapi/linux/kvm_para.h, Linux 6.12.
 */
export const KVM_ENOSYS: bigint = 1000n;
export const EINVAL: bigint = 22n;

/**
 * Bits of CR0 and CR4 that a guest under VMX writes without an exit. KVM_POSSIBLE_CR0_GUEST_BITS
 * and KVM_POSSIBLE_CR4_GUEST_BITS, arch/x86/kvm/kvm_cache_regs.h, Linux 5.8.
 */
export const CR0_GUEST_OWNED: bigint = CR0_TS;
export const CR4_GUEST_OWNED: bigint =
  CR4_PVI | CR4_DE | CR4_PCE | CR4_OSFXSR | CR4_OSXMMEXCPT | CR4_PGE | CR4_TSD;
/** The same since CR0.WP went over to the guest under EPT. The same file, Linux 6.12. */
export const CR0_GUEST_OWNED_EPT: bigint = CR0_TS | CR0_WP;

/** Bits that native pinning covers. arch/x86/kernel/cpu/common.c, Linux 5.3, 5.8 and 6.12. */
export const NATIVE_MASK_5_3: bigint = CR4_SMEP | CR4_SMAP | CR4_UMIP;
export const NATIVE_MASK_5_8: bigint = NATIVE_MASK_5_3 | CR4_FSGSBASE;
export const NATIVE_MASK_6_12: bigint = NATIVE_MASK_5_8 | CR4_CET;
