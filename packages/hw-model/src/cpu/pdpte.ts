// SPDX-License-Identifier: MIT
import type { CpuFeatures } from './features.ts';
import { LOW_32 } from './registers.ts';
import type { ControlState, Pdptes, PhysicalMemory } from './state.ts';

/*
 * PAE paging keeps its four page-directory-pointer entries in the CPU. They are loaded by MOV CR3,
 * by writes of CR0 and CR4 that touch paging, by VM entry and by RSM; a present entry with a
 * reserved bit refuses the load. Intel SDM volume 3, "Paging", PDPTE registers.
 */

/** PDPTE.P. */
export const PDPTE_PRESENT = 1n;

/**
 * Bits 2:1 and 8:5, and all above the physical address. Intel SDM volume 3, "Paging", format of a
 * PDPTE.
 */
export function pdpteReserved({ maxPhyAddr }: CpuFeatures): bigint {
  return 0x1e6n | (((1n << 64n) - 1n) & ~((1n << BigInt(maxPhyAddr)) - 1n));
}

/** The table that CR3 names in PAE paging: bits 31:5. */
export function pdptAddress(cr3: bigint): number {
  return Number(cr3 & LOW_32 & ~0x1fn);
}

/** The entries as they lie in memory. */
export function readPdptes(memory: PhysicalMemory, cr3: bigint): Pdptes {
  const table = pdptAddress(cr3);
  const entry = (index: number): bigint => memory[table + 8 * index] ?? 0n;
  return [entry(0), entry(1), entry(2), entry(3)];
}

/** Whether a load of the entries would fault. Without memory it never does. */
export function pdptesAreInvalid(
  { memory, features }: Pick<ControlState, 'memory' | 'features'>,
  cr3: bigint,
): boolean {
  if (memory === null) return false;
  const reserved = pdpteReserved(features);
  return readPdptes(memory, cr3).some(
    (entry) => (entry & PDPTE_PRESENT) !== 0n && (entry & reserved) !== 0n,
  );
}

/** The state with the entries loaded; without memory they stay as they are. */
export function loadPdptes(state: ControlState): ControlState {
  if (state.memory === null) return state;
  return { ...state, pdptes: readPdptes(state.memory, state.cr3) };
}
