// SPDX-License-Identifier: MIT
import { cr0WriteLoadsPdptes } from './cr0-checks.ts';
import { cr4WriteLoadsPdptes } from './cr4-checks.ts';
import { loadPdptes } from './pdpte.ts';
import { CR0_DEFINED, CR0_ET, CR0_PG, EFER_LMA, EFER_LME, LOW_32 } from './registers.ts';
import { ARCHITECTURE, type Implementation } from './revisions.ts';
import { sameShape, type ControlState } from './state.ts';

/* What a register holds after a write that was not refused, and what changes with it. */

/**
 * The state with a CR0 that the checks let pass: ET reads 1, reserved bits are dropped, LMA follows
 * PG.
 */
export function commitCr0(
  state: ControlState,
  value: bigint,
  implementation: Implementation = ARCHITECTURE,
): ControlState {
  const kept = implementation.keepsReservedCr0 ? value & LOW_32 : value & CR0_DEFINED;
  const cr0 = kept | CR0_ET;
  const efer = implementation.updatesLma ? eferUnder(cr0, state.efer) : state.efer;
  if (cr0 === state.cr0 && efer === state.efer) return state;
  const next = sameShape({ ...state, cr0, efer });
  return cr0WriteLoadsPdptes(state, value) ? loadPdptes(next) : next;
}

/** EFER with LMA as LME and CR0.PG make it. */
export function eferUnder(cr0: bigint, efer: bigint): bigint {
  const isActive = (cr0 & CR0_PG) !== 0n && (efer & EFER_LME) !== 0n;
  return isActive ? efer | EFER_LMA : efer & ~EFER_LMA;
}

/** The state with a CR4 that the checks let pass. */
export function commitCr4(state: ControlState, value: bigint): ControlState {
  if (value === state.cr4) return state;
  const next = sameShape({ ...state, cr4: value });
  return cr4WriteLoadsPdptes(state, value) ? loadPdptes(next) : next;
}

/** The control registers that exist. */
export type CrNumber = 0 | 2 | 3 | 4 | 8;

/** The register itself, whatever a guest may be shown of it. */
export function readCr(state: ControlState, cr: CrNumber): bigint {
  switch (cr) {
    case 0:
      return state.cr0;
    case 2:
      return state.cr2;
    case 3:
      return state.cr3;
    case 4:
      return state.cr4;
    case 8:
      return state.cr8;
  }
}
