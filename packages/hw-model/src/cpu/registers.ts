// SPDX-License-Identifier: MIT

/*
 * The bits of the control registers, EFER and RFLAGS, as masks of 64-bit values.
 * Intel SDM volume 3, 2.5 (control registers), 2.2.1 (EFER); AMD APM volume 2, 3.1.
 */

/** CR0. Bits 6 to 15, 17 and 19 to 28 are reserved: a 1 written to them is dropped without a fault. */
export const CR0_PE = 1n << 0n;
export const CR0_MP = 1n << 1n;
export const CR0_EM = 1n << 2n;
export const CR0_TS = 1n << 3n;
export const CR0_ET = 1n << 4n;
export const CR0_NE = 1n << 5n;
export const CR0_WP = 1n << 16n;
export const CR0_AM = 1n << 18n;
export const CR0_NW = 1n << 29n;
export const CR0_CD = 1n << 30n;
export const CR0_PG = 1n << 31n;

/** Every bit of CR0 that is kept when it is written. */
export const CR0_DEFINED: bigint =
  CR0_PE | CR0_MP | CR0_EM | CR0_TS | CR0_ET | CR0_NE | CR0_WP | CR0_AM | CR0_NW | CR0_CD | CR0_PG;

export const CR4_VME = 1n << 0n;
export const CR4_PVI = 1n << 1n;
export const CR4_TSD = 1n << 2n;
export const CR4_DE = 1n << 3n;
export const CR4_PSE = 1n << 4n;
export const CR4_PAE = 1n << 5n;
export const CR4_MCE = 1n << 6n;
export const CR4_PGE = 1n << 7n;
export const CR4_PCE = 1n << 8n;
export const CR4_OSFXSR = 1n << 9n;
export const CR4_OSXMMEXCPT = 1n << 10n;
export const CR4_UMIP = 1n << 11n;
export const CR4_LA57 = 1n << 12n;
export const CR4_VMXE = 1n << 13n;
export const CR4_SMXE = 1n << 14n;
export const CR4_FSGSBASE = 1n << 16n;
export const CR4_PCIDE = 1n << 17n;
export const CR4_OSXSAVE = 1n << 18n;
export const CR4_KL = 1n << 19n;
export const CR4_SMEP = 1n << 20n;
export const CR4_SMAP = 1n << 21n;
export const CR4_PKE = 1n << 22n;
export const CR4_CET = 1n << 23n;
export const CR4_PKS = 1n << 24n;
export const CR4_UINTR = 1n << 25n;
export const CR4_LAM_SUP = 1n << 28n;
export const CR4_FRED = 1n << 32n;

/** With CR4.PCIDE, CR3 bits 11:0 are the process-context identifier. Intel SDM volume 3, 4.10.1. */
export const CR3_PCID = 0xfffn;
/** With linear-address masking: user pointers of 57 and of 48 bits. Intel SDM volume 3, 4.4. */
export const CR3_LAM_U57 = 1n << 61n;
export const CR3_LAM_U48 = 1n << 62n;
/** With CR4.PCIDE: "do not flush", a bit of the source operand that is never stored. */
export const CR3_NO_FLUSH = 1n << 63n;

export const EFER_SCE = 1n << 0n;
export const EFER_LME = 1n << 8n;
export const EFER_LMA = 1n << 10n;
export const EFER_NXE = 1n << 11n;
export const EFER_SVME = 1n << 12n;
export const EFER_LMSLE = 1n << 13n;
export const EFER_FFXSR = 1n << 14n;
export const EFER_TCE = 1n << 15n;
export const EFER_MCOMMIT = 1n << 17n;
export const EFER_INTWB = 1n << 18n;
export const EFER_UAIE = 1n << 20n;
export const EFER_AUTOIBRS = 1n << 21n;

/** Bit 1 of RFLAGS, which always reads 1: all that reset, SIPI and SMI leave of the register. */
export const RFLAGS_FIXED = 1n << 1n;

/** DR6 and DR7 after reset. Intel SDM volume 3, table 9-1. */
export const DR6_RESET = 0xffff_0ff0n;
export const DR7_RESET = 0x400n;

/** The low half of a 64-bit value: what an instruction with a 32-bit operand sees. */
export const LOW_32 = 0xffff_ffffn;
