// SPDX-License-Identifier: MIT

/*
 * Model-specific registers by number. Intel SDM volume 4; AMD APM volume 2, appendix on MSRs;
 * arch/x86/include/asm/msr-index.h, Linux 6.12.
 */

export const MSR_IA32_TSC: number = 0x10;
export const MSR_IA32_APIC_BASE: number = 0x1b;
export const MSR_IA32_FEATURE_CONTROL: number = 0x3a;
export const MSR_IA32_SMBASE: number = 0x9e;
export const MSR_IA32_SYSENTER_CS: number = 0x174;
export const MSR_IA32_SYSENTER_ESP: number = 0x175;
export const MSR_IA32_SYSENTER_EIP: number = 0x176;
export const MSR_IA32_PAT: number = 0x277;
export const MSR_IA32_VMX_BASIC: number = 0x480;
export const MSR_IA32_VMX_CR0_FIXED0: number = 0x486;
export const MSR_IA32_VMX_CR0_FIXED1: number = 0x487;
export const MSR_IA32_VMX_CR4_FIXED0: number = 0x488;
export const MSR_IA32_VMX_CR4_FIXED1: number = 0x489;
export const MSR_IA32_U_CET: number = 0x6a0;
export const MSR_IA32_S_CET: number = 0x6a2;
export const MSR_EFER: number = 0xc000_0080;
export const MSR_STAR: number = 0xc000_0081;
export const MSR_LSTAR: number = 0xc000_0082;
export const MSR_CSTAR: number = 0xc000_0083;
export const MSR_SYSCALL_MASK: number = 0xc000_0084;
export const MSR_FS_BASE: number = 0xc000_0100;
export const MSR_GS_BASE: number = 0xc000_0101;
export const MSR_KERNEL_GS_BASE: number = 0xc000_0102;
export const MSR_TSC_AUX: number = 0xc000_0103;
export const MSR_VM_CR: number = 0xc001_0114;
export const MSR_VM_HSAVE_PA: number = 0xc001_0117;
/** The paravirtual MSRs of KVM, first and last. */
export const MSR_KVM_FIRST: number = 0x4b56_4d00;
export const MSR_KVM_LAST: number = 0x4b56_4dff;
