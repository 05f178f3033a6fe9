// SPDX-License-Identifier: MIT
import {
  CR3_LAM_U48,
  CR3_LAM_U57,
  CR4_CET,
  CR4_DE,
  CR4_FRED,
  CR4_FSGSBASE,
  CR4_KL,
  CR4_LA57,
  CR4_LAM_SUP,
  CR4_MCE,
  CR4_OSFXSR,
  CR4_OSXMMEXCPT,
  CR4_OSXSAVE,
  CR4_PAE,
  CR4_PCE,
  CR4_PCIDE,
  CR4_PGE,
  CR4_PKE,
  CR4_PKS,
  CR4_PSE,
  CR4_PVI,
  CR4_SMAP,
  CR4_SMEP,
  CR4_SMXE,
  CR4_TSD,
  CR4_UINTR,
  CR4_UMIP,
  CR4_VME,
  CR4_VMXE,
  EFER_AUTOIBRS,
  EFER_FFXSR,
  EFER_INTWB,
  EFER_LMA,
  EFER_LME,
  EFER_LMSLE,
  EFER_MCOMMIT,
  EFER_NXE,
  EFER_SCE,
  EFER_SVME,
  EFER_TCE,
  EFER_UAIE,
} from './registers.ts';

/** Whose manual decides where the two differ. */
export type Vendor = 'intel' | 'amd';

/** A bit of a control register and the CPUID bit that makes it legal. */
export interface FeatureBit {
  readonly mask: bigint;
  /** `leaf[.subleaf]:register[bit]`; `always` where no CPUID bit is needed. */
  readonly cpuid: string;
}

/** The names of the defined bits of CR4, ascending. */
export const CR4_BIT_NAMES = [
  'VME',
  'PVI',
  'TSD',
  'DE',
  'PSE',
  'PAE',
  'MCE',
  'PGE',
  'PCE',
  'OSFXSR',
  'OSXMMEXCPT',
  'UMIP',
  'LA57',
  'VMXE',
  'SMXE',
  'FSGSBASE',
  'PCIDE',
  'OSXSAVE',
  'KL',
  'SMEP',
  'SMAP',
  'PKE',
  'CET',
  'PKS',
  'UINTR',
  'LAM_SUP',
  'FRED',
] as const;

/** A defined bit of CR4, by name. */
export type Cr4BitName = (typeof CR4_BIT_NAMES)[number];

/**
 * Every defined bit of CR4. Intel SDM volume 3, "System Architecture Overview", control registers;
 * volume 2, CPUID.
 */
export const CR4_BITS: Readonly<Record<Cr4BitName, FeatureBit>> = {
  VME: { mask: CR4_VME, cpuid: '01H:EDX[1]' },
  PVI: { mask: CR4_PVI, cpuid: '01H:EDX[1]' },
  TSD: { mask: CR4_TSD, cpuid: '01H:EDX[4]' },
  DE: { mask: CR4_DE, cpuid: '01H:EDX[2]' },
  PSE: { mask: CR4_PSE, cpuid: '01H:EDX[3]' },
  PAE: { mask: CR4_PAE, cpuid: '01H:EDX[6]' },
  MCE: { mask: CR4_MCE, cpuid: '01H:EDX[7]' },
  PGE: { mask: CR4_PGE, cpuid: '01H:EDX[13]' },
  PCE: { mask: CR4_PCE, cpuid: 'always' },
  OSFXSR: { mask: CR4_OSFXSR, cpuid: '01H:EDX[24]' },
  OSXMMEXCPT: { mask: CR4_OSXMMEXCPT, cpuid: '01H:EDX[25]' },
  UMIP: { mask: CR4_UMIP, cpuid: '07H.0:ECX[2]' },
  LA57: { mask: CR4_LA57, cpuid: '07H.0:ECX[16]' },
  VMXE: { mask: CR4_VMXE, cpuid: '01H:ECX[5]' },
  SMXE: { mask: CR4_SMXE, cpuid: '01H:ECX[6]' },
  FSGSBASE: { mask: CR4_FSGSBASE, cpuid: '07H.0:EBX[0]' },
  PCIDE: { mask: CR4_PCIDE, cpuid: '01H:ECX[17]' },
  OSXSAVE: { mask: CR4_OSXSAVE, cpuid: '01H:ECX[26]' },
  KL: { mask: CR4_KL, cpuid: '07H.0:ECX[23]' },
  SMEP: { mask: CR4_SMEP, cpuid: '07H.0:EBX[7]' },
  SMAP: { mask: CR4_SMAP, cpuid: '07H.0:EBX[20]' },
  PKE: { mask: CR4_PKE, cpuid: '07H.0:ECX[3]' },
  CET: { mask: CR4_CET, cpuid: '07H.0:ECX[7] or 07H.0:EDX[20]' },
  PKS: { mask: CR4_PKS, cpuid: '07H.0:ECX[31]' },
  UINTR: { mask: CR4_UINTR, cpuid: '07H.0:EDX[5]' },
  LAM_SUP: { mask: CR4_LAM_SUP, cpuid: '07H.1:EAX[26]' },
  FRED: { mask: CR4_FRED, cpuid: '07H.1:EAX[17]' },
};

/** The names of the defined bits of EFER, ascending. */
export const EFER_BIT_NAMES = [
  'SCE',
  'LME',
  'LMA',
  'NXE',
  'SVME',
  'LMSLE',
  'FFXSR',
  'TCE',
  'MCOMMIT',
  'INTWB',
  'UAIE',
  'AUTOIBRS',
] as const;

/** A defined bit of EFER, by name. */
export type EferBitName = (typeof EFER_BIT_NAMES)[number];

/** Every defined bit of EFER. LMA is read-only and needs what LME needs. */
export const EFER_BITS: Readonly<Record<EferBitName, FeatureBit>> = {
  SCE: { mask: EFER_SCE, cpuid: '80000001H:EDX[11]' },
  LME: { mask: EFER_LME, cpuid: '80000001H:EDX[29]' },
  LMA: { mask: EFER_LMA, cpuid: '80000001H:EDX[29]' },
  NXE: { mask: EFER_NXE, cpuid: '80000001H:EDX[20]' },
  SVME: { mask: EFER_SVME, cpuid: '80000001H:ECX[2]' },
  LMSLE: { mask: EFER_LMSLE, cpuid: '80000008H:EBX[20] clear' },
  FFXSR: { mask: EFER_FFXSR, cpuid: '80000001H:EDX[25]' },
  TCE: { mask: EFER_TCE, cpuid: '80000001H:ECX[17]' },
  MCOMMIT: { mask: EFER_MCOMMIT, cpuid: '80000008H:EBX[8]' },
  INTWB: { mask: EFER_INTWB, cpuid: '80000008H:EBX[13]' },
  UAIE: { mask: EFER_UAIE, cpuid: '80000021H:EAX[7]' },
  AUTOIBRS: { mask: EFER_AUTOIBRS, cpuid: '80000021H:EAX[8]' },
};

/**
 * What a CPU can do, as far as its control registers depend on it. Every decision about a reserved
 * bit is taken from this record.
 */
export interface CpuFeatures {
  readonly vendor: Vendor;
  /** CPUID 80000008H:EAX[7:0]: bits of a physical address, 32 to 52. */
  readonly maxPhyAddr: number;
  /** The bits of CR4 that may be 1. */
  readonly cr4Valid: bigint;
  /** The bits of EFER that may be 1. LMA stands in it exactly where LME does. */
  readonly eferValid: bigint;
}

/**
 * Features from the names of the bits that CPUID makes legal.
 *
 * @throws RangeError where `maxPhyAddr` is not a whole number from 32 to 52
 */
export function cpuFeatures(options: {
  readonly vendor: Vendor;
  readonly maxPhyAddr: number;
  readonly cr4: readonly Cr4BitName[];
  readonly efer: readonly EferBitName[];
}): CpuFeatures {
  return featuresOfMasks({
    vendor: options.vendor,
    maxPhyAddr: options.maxPhyAddr,
    cr4Valid: union(options.cr4.map((name) => CR4_BITS[name])),
    eferValid: union(options.efer.map((name) => EFER_BITS[name])),
  });
}

/**
 * Features from the masks of legal bits, as recordings and hypervisors state them. LMA may be left
 * out of `eferValid`.
 *
 * @throws RangeError where a mask has an undefined bit or `maxPhyAddr` is out of range
 */
export function featuresOfMasks(features: CpuFeatures): CpuFeatures {
  const { vendor, maxPhyAddr, cr4Valid, eferValid } = features;
  if (!Number.isSafeInteger(maxPhyAddr) || maxPhyAddr < 32 || maxPhyAddr > 52) {
    throw new RangeError(`maxPhyAddr: expected a whole number from 32 to 52, got ${maxPhyAddr}`);
  }
  requireDefined('cr4Valid', cr4Valid, CR4_DEFINED);
  requireDefined('eferValid', eferValid, EFER_DEFINED);
  const lma = (eferValid & EFER_LME) === 0n ? 0n : EFER_LMA;
  return Object.freeze({
    vendor,
    maxPhyAddr,
    cr4Valid,
    eferValid: (eferValid & ~EFER_LMA) | lma,
  });
}

/**
 * Bits that CR3 must have 0: those above the physical address, but for linear-address masking.
 * Intel SDM volume 3, "Paging", CR3; AMD APM volume 2, "System Resources", CR3.
 */
export function cr3Reserved({ maxPhyAddr, cr4Valid }: CpuFeatures): bigint {
  const address = (1n << BigInt(maxPhyAddr)) - 1n;
  const masking = (cr4Valid & CR4_LAM_SUP) === 0n ? 0n : CR3_LAM_U57 | CR3_LAM_U48;
  return BigInt.asUintN(64, ~(address | masking));
}

/** Every bit of CR4 that some CPU defines. */
export const CR4_DEFINED: bigint = union(Object.values(CR4_BITS));
/** Every bit of EFER that some CPU defines. */
export const EFER_DEFINED: bigint = union(Object.values(EFER_BITS));

function union(bits: readonly FeatureBit[]): bigint {
  return bits.reduce((mask, bit) => mask | bit.mask, 0n);
}

function requireDefined(field: string, mask: bigint, defined: bigint): void {
  if ((mask & ~defined) !== 0n) {
    const [expected, got] = [defined.toString(16), mask.toString(16)];
    throw new RangeError(`${field}: expected bits of 0x${expected} only, got 0x${got}`);
  }
}

/** The names of the CPUs in {@link CPU_PRESETS}. */
export const CPU_PRESET_NAMES = [
  'bochs-icelake',
  'bochs-tigerlake',
  'bochs-ryzen',
  'kvm-pvm-6.18',
  'everything',
] as const;

/** The name of a CPU in {@link CPU_PRESETS}. */
export type CpuPreset = (typeof CPU_PRESET_NAMES)[number];

/**
 * CPUs that recordings were made on, and one that has everything. The masks of the first four were
 * read from the running thing: Bochs 2.7 with `cpu: model=...`, and KVM on a Linux 6.18 host
 * without VMX.
 */
export const CPU_PRESETS: Readonly<Record<CpuPreset, CpuFeatures>> = {
  'bochs-icelake': featuresOfMasks({
    vendor: 'intel',
    maxPhyAddr: 40,
    cr4Valid: 0x77_2fffn,
    eferValid: 0x901n,
  }),
  'bochs-tigerlake': featuresOfMasks({
    vendor: 'intel',
    maxPhyAddr: 40,
    cr4Valid: 0xf7_2fffn,
    eferValid: 0x901n,
  }),
  'bochs-ryzen': featuresOfMasks({
    vendor: 'amd',
    maxPhyAddr: 40,
    cr4Valid: 0x35_07ffn,
    eferValid: 0x5901n,
  }),
  'kvm-pvm-6.18': featuresOfMasks({
    vendor: 'intel',
    maxPhyAddr: 46,
    cr4Valid: 0x75_0fffn,
    eferValid: 0x901n,
  }),
  everything: featuresOfMasks({
    vendor: 'intel',
    maxPhyAddr: 52,
    cr4Valid: CR4_DEFINED,
    eferValid: EFER_DEFINED,
  }),
};
