// SPDX-License-Identifier: MIT
import type { CodeSegment } from './state.ts';

/**
 * Which map an SMI writes: by CPUID's long-mode bit AMD64's (KVM's and Bochs' too, whatever CPU
 * they show) or the old one; Intel's own CPUs have a 64-bit map of their own.
 */
export type SaveStateLayout = '64-bit' | '32-bit' | 'intel-64-bit';

/**
 * The control state that an SMI saves and RSM loads. The handler, or whoever else can write SMRAM,
 * may put anything into it.
 */
export interface SaveState {
  readonly layout: SaveStateLayout;
  readonly cr0: bigint;
  readonly cr3: bigint;
  readonly cr4: bigint;
  /** Has no place in the 32-bit map; 0 there. */
  readonly efer: bigint;
  readonly dr6: bigint;
  readonly dr7: bigint;
  readonly rflags: bigint;
  readonly rip: bigint;
  readonly smbase: bigint;
  /** The SMI came in a guest of SVM (or, kept at the same place by KVM, of VMX). */
  readonly guest: boolean;
  readonly cs: CodeSegment;
  readonly cpl: 0 | 1 | 2 | 3;
}

/** A field of the save area that can be addressed: the registers. */
export type SaveStateField =
  'cr0' | 'cr3' | 'cr4' | 'efer' | 'dr6' | 'dr7' | 'rflags' | 'rip' | 'smbase';

/** Where a field lies: offset from SMBASE, and its size in bytes. */
export interface FieldPlace {
  readonly field: SaveStateField;
  readonly offset: number;
  readonly size: 4 | 8;
}

/**
 * AMD APM volume 2, "System-Management Mode", state-save area; struct kvm_smram_state_64,
 * arch/x86/kvm/smm.h, Linux 6.12.
 */
export const SAVE_STATE_64: readonly FieldPlace[] = [
  { field: 'efer', offset: 0xfed0, size: 8 },
  { field: 'smbase', offset: 0xff00, size: 4 },
  { field: 'cr4', offset: 0xff48, size: 8 },
  { field: 'cr3', offset: 0xff50, size: 8 },
  { field: 'cr0', offset: 0xff58, size: 8 },
  { field: 'dr7', offset: 0xff60, size: 8 },
  { field: 'dr6', offset: 0xff68, size: 8 },
  { field: 'rflags', offset: 0xff70, size: 8 },
  { field: 'rip', offset: 0xff78, size: 8 },
];

/**
 * Intel SDM volume 3, "System Management Mode", SMRAM state save map; struct kvm_smram_state_32,
 * arch/x86/kvm/smm.h, Linux 6.12.
 */
export const SAVE_STATE_32: readonly FieldPlace[] = [
  { field: 'smbase', offset: 0xfef8, size: 4 },
  { field: 'cr4', offset: 0xff14, size: 4 },
  { field: 'dr7', offset: 0xffc8, size: 4 },
  { field: 'dr6', offset: 0xffcc, size: 4 },
  { field: 'rip', offset: 0xfff0, size: 4 },
  { field: 'rflags', offset: 0xfff4, size: 4 },
  { field: 'cr3', offset: 0xfff8, size: 4 },
  { field: 'cr0', offset: 0xfffc, size: 4 },
];

/**
 * Intel SDM volume 3, "SMRAM State Save Map and Intel 64 Architecture". It leaves out CR4, whose
 * place is that of SMRAM_SAVE_STATE_MAP64, UefiCpuPkg/Include/Register/SmramSaveStateMap.h, EDK II:
 * 32 bits.
 */
export const SAVE_STATE_INTEL_64: readonly FieldPlace[] = [
  { field: 'cr4', offset: 0xfe40, size: 4 },
  { field: 'smbase', offset: 0xfef8, size: 4 },
  { field: 'dr7', offset: 0xffc8, size: 8 },
  { field: 'dr6', offset: 0xffd0, size: 8 },
  { field: 'rip', offset: 0xffd8, size: 8 },
  { field: 'efer', offset: 0xffe0, size: 8 },
  { field: 'rflags', offset: 0xffe8, size: 8 },
  { field: 'cr3', offset: 0xfff0, size: 8 },
  { field: 'cr0', offset: 0xfff8, size: 8 },
];

const MAPS: Readonly<Record<SaveStateLayout, readonly FieldPlace[]>> = {
  '64-bit': SAVE_STATE_64,
  '32-bit': SAVE_STATE_32,
  'intel-64-bit': SAVE_STATE_INTEL_64,
};

/** The fields of a layout. */
export function saveStateMap(layout: SaveStateLayout): readonly FieldPlace[] {
  return MAPS[layout];
}
