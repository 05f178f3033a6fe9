// SPDX-License-Identifier: MIT

/*
 * The bits of the control registers, EFER and RFLAGS, as masks of 64-bit values.
 * Intel SDM volume 3, "System Architecture Overview"; AMD APM volume 2, "System Resources".
 */

/**
 * CR0. Bits 6 to 15, 17 and 19 to 28 are reserved: a 1 written to them is dropped without a fault.
 */
export const CR0_PE: bigint = 1n << 0n;
export const CR0_MP: bigint = 1n << 1n;
export const CR0_EM: bigint = 1n << 2n;
export const CR0_TS: bigint = 1n << 3n;
export const CR0_ET: bigint = 1n << 4n;
export const CR0_NE: bigint = 1n << 5n;
export const CR0_WP: bigint = 1n << 16n;
export const CR0_AM: bigint = 1n << 18n;
export const CR0_NW: bigint = 1n << 29n;
export const CR0_CD: bigint = 1n << 30n;
export const CR0_PG: bigint = 1n << 31n;

/** Every bit of CR0 that is kept when it is written. */
export const CR0_DEFINED: bigint =
  CR0_PE | CR0_MP | CR0_EM | CR0_TS | CR0_ET | CR0_NE | CR0_WP | CR0_AM | CR0_NW | CR0_CD | CR0_PG;

export const CR4_VME: bigint = 1n << 0n;
export const CR4_PVI: bigint = 1n << 1n;
export const CR4_TSD: bigint = 1n << 2n;
export const CR4_DE: bigint = 1n << 3n;
export const CR4_PSE: bigint = 1n << 4n;
export const CR4_PAE: bigint = 1n << 5n;
export const CR4_MCE: bigint = 1n << 6n;
export const CR4_PGE: bigint = 1n << 7n;
export const CR4_PCE: bigint = 1n << 8n;
export const CR4_OSFXSR: bigint = 1n << 9n;
export const CR4_OSXMMEXCPT: bigint = 1n << 10n;
export const CR4_UMIP: bigint = 1n << 11n;
export const CR4_LA57: bigint = 1n << 12n;
export const CR4_VMXE: bigint = 1n << 13n;
export const CR4_SMXE: bigint = 1n << 14n;
export const CR4_FSGSBASE: bigint = 1n << 16n;
export const CR4_PCIDE: bigint = 1n << 17n;
export const CR4_OSXSAVE: bigint = 1n << 18n;
export const CR4_KL: bigint = 1n << 19n;
export const CR4_SMEP: bigint = 1n << 20n;
export const CR4_SMAP: bigint = 1n << 21n;
export const CR4_PKE: bigint = 1n << 22n;
export const CR4_CET: bigint = 1n << 23n;
export const CR4_PKS: bigint = 1n << 24n;
export const CR4_UINTR: bigint = 1n << 25n;
export const CR4_LAM_SUP: bigint = 1n << 28n;
export const CR4_FRED: bigint = 1n << 32n;

/**
 * With CR4.PCIDE, CR3 bits 11:0 are the process-context identifier. Intel SDM volume 3, "Paging",
 * process-context identifiers.
 */
export const CR3_PCID = 0xfffn;
/**
 * With linear-address masking: user pointers of 57 and of 48 bits. Intel SDM volume 3,
 * linear-address masking.
 */
export const CR3_LAM_U57: bigint = 1n << 61n;
export const CR3_LAM_U48: bigint = 1n << 62n;
/** With CR4.PCIDE: "do not flush", a bit of the source operand that is never stored. */
export const CR3_NO_FLUSH: bigint = 1n << 63n;

export const EFER_SCE: bigint = 1n << 0n;
export const EFER_LME: bigint = 1n << 8n;
export const EFER_LMA: bigint = 1n << 10n;
export const EFER_NXE: bigint = 1n << 11n;
export const EFER_SVME: bigint = 1n << 12n;
export const EFER_LMSLE: bigint = 1n << 13n;
export const EFER_FFXSR: bigint = 1n << 14n;
export const EFER_TCE: bigint = 1n << 15n;
export const EFER_MCOMMIT: bigint = 1n << 17n;
export const EFER_INTWB: bigint = 1n << 18n;
export const EFER_UAIE: bigint = 1n << 20n;
export const EFER_AUTOIBRS: bigint = 1n << 21n;

/** Bit 1 of RFLAGS, which always reads 1: all that reset, SIPI and SMI leave of the register. */
export const RFLAGS_FIXED: bigint = 1n << 1n;

/**
 * DR6 and DR7 after reset. Intel SDM volume 3, "Processor Management and Initialization", table of
 * registers.
 */
export const DR6_RESET = 0xffff_0ff0n;
export const DR7_RESET = 0x400n;

/** The low half of a 64-bit value: what an instruction with a 32-bit operand sees. */
export const LOW_32 = 0xffff_ffffn;
