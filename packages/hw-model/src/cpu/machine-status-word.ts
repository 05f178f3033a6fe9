// SPDX-License-Identifier: MIT
import type { RuleId } from '@kernel-models/model-core';
import { firstBroken } from './checklist.ts';
import { commitCr0 } from './commit.ts';
import { VECTOR } from './exception.ts';
import { guestClts, guestLmsw, guestReadsCr } from './guest-cr.ts';
import { CR0_EM, CR0_MP, CR0_PE, CR0_TS, CR4_UMIP } from './registers.ts';
import { ARCHITECTURE, type Implementation } from './revisions.ts';
import { is64BitMode, type ControlState } from './state.ts';
import { done, fault, refuse, value, type CpuStep } from './step.ts';

/*
 * LMSW, SMSW and CLTS: the low bits of CR0 as the 80286 had them. None of the three can fault on a
 * value. Intel SDM volume 2, "LMSW", "SMSW", "CLTS".
 */

/** The bits that LMSW loads. */
const MACHINE_STATUS_WORD = CR0_PE | CR0_MP | CR0_EM | CR0_TS;

/**
 * LMSW: loads PE, MP, EM and TS. PE can be set and never cleared.
 *
 * @param source 16 bits; 15:4 are ignored
 */
export function lmsw(
  state: ControlState,
  source: bigint,
  implementation: Implementation = ARCHITECTURE,
): CpuStep {
  if (state.cpl > 0) return fault(state, VECTOR.GP, 'lmsw.needs-cpl0');
  const guest = guestLmsw(state, source);
  if (guest?.kind === 'exit') return guest.step;
  const sticky = implementation.lmswKeepsPe ? state.cr0 & CR0_PE : 0n;
  const plain = (state.cr0 & ~MACHINE_STATUS_WORD) | (source & MACHINE_STATUS_WORD) | sticky;
  const write = { state, value: guest?.value ?? plain };
  const broken = firstBroken(implementation.lmsw, write);
  if (broken !== undefined) return refuse(state, implementation.lmsw, write, broken);
  return done(commitCr0(state, write.value, implementation), 'lmsw.loaded');
}

/** CLTS: clears TS. */
export function clts(state: ControlState): CpuStep {
  if (state.cpl > 0) return fault(state, VECTOR.GP, 'clts.needs-cpl0');
  const guest = guestClts(state);
  if (guest?.kind === 'exit') return guest.step;
  return done(commitCr0(state, guest?.value ?? state.cr0 & ~CR0_TS), 'clts.cleared');
}

const AFTER_UMIP: readonly RuleId[] = Object.freeze(['smsw.umip']);

/**
 * SMSW: reads CR0, all of it in 64-bit mode, the low 32 bits otherwise. User-mode instruction
 * prevention refuses it above CPL 0, and SGDT, SIDT, SLDT and STR by the same rule.
 */
export function smsw(state: ControlState): CpuStep {
  if (state.cpl > 0 && (state.cr4 & CR4_UMIP) !== 0n) return fault(state, VECTOR.GP, 'smsw.umip');
  const guest = guestReadsCr(state, 0);
  if (guest?.kind === 'exit') return guest.step;
  const cr0 = guest?.value ?? state.cr0;
  const step = value(state, is64BitMode(state) ? cr0 : BigInt.asUintN(32, cr0), 'smsw.read');
  return { ...step, trail: AFTER_UMIP };
}
