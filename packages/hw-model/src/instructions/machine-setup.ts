// SPDX-License-Identifier: MIT
import { CPU_PRESETS, type CpuFeatures } from '../cpu/features.ts';
import {
  CR0_PE,
  CR0_PG,
  CR0_WP,
  CR4_CET,
  CR4_PAE,
  EFER_LMA,
  EFER_LME,
  EFER_NXE,
  RFLAGS_FIXED,
} from '../cpu/registers.ts';
import { powerOn } from '../cpu/reset.ts';
import { CET_ENDBR_EN, IA32_S_CET, IA32_U_CET } from './cet.ts';
import {
  REGISTER_NAMES,
  type MachineState,
  type Page,
  type RegisterName,
} from './machine-state.ts';

/** What a machine in 64-bit mode begins with. */
export interface MachineSetup {
  /** Indirect branches are tracked: CR4.CET, and ENDBR_EN of the privilege level. */
  readonly ibt: boolean;
  readonly cpl?: 0 | 3;
  readonly rip: bigint;
  readonly registers?: Readonly<Partial<Record<RegisterName, bigint>>>;
  readonly pages: readonly Page[];
  /** Bits of the CET MSR of the privilege level beside ENDBR_EN. */
  readonly cet?: bigint;
  readonly features?: CpuFeatures;
}

/**
 * A machine in 64-bit mode with paging and write protection, as an operating system sets one up.
 */
export function machineState(setup: MachineSetup): MachineState {
  const { ibt, cpl = 0, rip, registers = {}, pages, cet = 0n } = setup;
  const control = powerOn(setup.features ?? CPU_PRESETS.everything);
  const value = cet | (ibt ? CET_ENDBR_EN : 0n);
  return {
    control: {
      ...control,
      cr0: CR0_PE | CR0_PG | CR0_WP,
      cr4: CR4_PAE | (ibt || cet !== 0n ? CR4_CET : 0n),
      efer: EFER_LME | EFER_LMA | EFER_NXE,
      cpl,
      cs: { selector: cpl === 0 ? 0x10 : 0x33, base: 0n, l: true, d: false },
      rip,
      rflags: RFLAGS_FIXED,
      msrs: { ...control.msrs, [cpl === 0 ? IA32_S_CET : IA32_U_CET]: value },
    },
    registers: REGISTER_NAMES.map((name) => BigInt.asUintN(64, registers[name] ?? 0n)),
    pages,
    cet: { ibt: true, shadowStack: false },
  };
}
