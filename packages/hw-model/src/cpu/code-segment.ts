// SPDX-License-Identifier: MIT
import { VECTOR } from './exception.ts';
import { isLongMode, isRealMode, type ControlState, type Cpl } from './state.ts';
import { done, fault, type CpuStep } from './step.ts';

/** A code-segment descriptor, as far as it decides the mode. */
export interface FarTarget {
  readonly l: boolean;
  readonly d: boolean;
  /** Privilege level of the target: a far jump keeps the current one. */
  readonly cpl: Cpl;
}

/**
 * A far JMP to a conforming code segment of the same privilege level: how software changes between
 * 64-bit and compatibility mode. In real mode the loaded segment is a 16-bit one. L means nothing
 * outside long mode. Intel SDM volume 3, "Protection".
 */
export function farJump(state: ControlState, { l, d }: Omit<FarTarget, 'cpl'>): CpuStep {
  if (isRealMode(state)) {
    return done({ ...state, cs: { ...state.cs, l: false, d: false } }, 'far-jump.real-mode');
  }
  if (isLongMode(state) && l && d) return fault(state, VECTOR.GP, 'far.l-and-d');
  return done({ ...state, cs: { ...state.cs, l, d } }, 'far-jump.loaded', AFTER_L_AND_D);
}

const AFTER_L_AND_D = Object.freeze(['far.l-and-d']);

/** NMIs come through again, first of all the one that was kept. */
function withoutNmiBlocking(state: ControlState): ControlState {
  const { nmiBlocked, latched } = state;
  if (latched.nmi) return { ...state, nmiBlocked: true, latched: { ...latched, nmi: false } };
  return nmiBlocked ? { ...state, nmiBlocked: false } : state;
}

/**
 * IRET: may lower the privilege (a higher number), never raise it, and lets NMIs through again.
 * Intel SDM volume 2, "IRET".
 */
export function iret(state: ControlState, { l, d, cpl }: FarTarget): CpuStep {
  const unblocked = withoutNmiBlocking(state);
  if (isRealMode(state)) {
    return done({ ...unblocked, cs: { ...state.cs, l: false, d: false } }, 'iret.real-mode');
  }
  if (isLongMode(state) && l && d) return fault(state, VECTOR.GP, 'far.l-and-d');
  if (cpl < state.cpl) return fault(state, VECTOR.GP, 'iret.raises-privilege', AFTER_L_AND_D);
  return done({ ...unblocked, cpl, cs: { ...state.cs, l, d } }, 'iret.returned', AFTER_L_AND_D);
}
