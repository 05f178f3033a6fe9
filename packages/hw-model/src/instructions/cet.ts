// SPDX-License-Identifier: MIT
import { CR4_CET } from '../cpu/registers.ts';
import type { ControlState } from '../cpu/state.ts';
import type { CetFeatures } from './machine-state.ts';

/*
 * Control-flow enforcement: the MSRs and the tracker of indirect branches. Intel SDM volume 1,
 * chapter 18 (Control-flow Enforcement Technology); the order of checks and the exemption of INT3
 * as Bochs 2.7 has them.
 */

export const IA32_U_CET = 0x6a0;
export const IA32_S_CET = 0x6a2;

export const CET_SH_STK_EN: bigint = 1n << 0n;
export const CET_WR_SHSTK_EN: bigint = 1n << 1n;
export const CET_ENDBR_EN: bigint = 1n << 2n;
export const CET_LEG_IW_EN: bigint = 1n << 3n;
export const CET_NO_TRACK_EN: bigint = 1n << 4n;
export const CET_SUPPRESS_DIS: bigint = 1n << 5n;
export const CET_SUPPRESS: bigint = 1n << 10n;
/** Set: WAIT_FOR_ENDBRANCH. Clear: IDLE. */
export const CET_TRACKER: bigint = 1n << 11n;
/** Bits 9:6. */
export const CET_RESERVED = 0x3c0n;
const BITMAP_BASE = ~0xfffn & ((1n << 64n) - 1n);

/** Bits 10 and 11 of a CET MSR, as the machine holds them while it runs. */
export type Tracker = 'idle' | 'wait' | 'suppressed';

/** Error codes of #CP. Intel SDM volume 3, 6.15, "Control Protection Exception". */
export const CP_ERROR = {
  NEAR_RET: 1,
  FAR_RET_IRET: 2,
  ENDBRANCH: 3,
  RSTORSSP: 4,
  SETSSBSY: 5,
} as const;

/** The CET MSR of a privilege level. */
export function cetMsr(cpl: number): number {
  return cpl === 3 ? IA32_U_CET : IA32_S_CET;
}

/** The value of the CET MSR of a privilege level. */
export function cetValue({ msrs }: Pick<ControlState, 'msrs'>, cpl: number): bigint {
  return msrs[cetMsr(cpl)] ?? 0n;
}

/** Whether indirect branches are tracked at a privilege level. */
export function isTracking(control: Pick<ControlState, 'cr4' | 'msrs'>, cpl: number): boolean {
  return (control.cr4 & CR4_CET) !== 0n && (cetValue(control, cpl) & CET_ENDBR_EN) !== 0n;
}

/** What a CET MSR says of its tracker. */
export function trackerOf(value: bigint): Tracker {
  if ((value & CET_TRACKER) !== 0n) return 'wait';
  return (value & CET_SUPPRESS) === 0n ? 'idle' : 'suppressed';
}

/** A CET MSR with its tracker in another state. SUPPRESS and TRACKER are never both set. */
export function withTracker(value: bigint, tracker: Tracker): bigint {
  const rest = value & ~(CET_TRACKER | CET_SUPPRESS);
  if (tracker === 'wait') return rest | CET_TRACKER;
  return tracker === 'suppressed' ? rest | CET_SUPPRESS : rest;
}

/**
 * A control state after a WRMSR to a CET MSR; undefined where it is #GP(0): reserved bits, SUPPRESS
 * together with TRACKER, a feature that CPUID does not report, a bitmap base that is not canonical.
 */
export function writeCetMsr(
  control: ControlState,
  msr: typeof IA32_U_CET | typeof IA32_S_CET,
  value: bigint,
  features: CetFeatures,
): ControlState | undefined {
  if (!isValidCet(value, features)) return undefined;
  return { ...control, msrs: { ...control.msrs, [msr]: value } };
}

/** Whether WRMSR takes a value for a CET MSR. */
export function isValidCet(value: bigint, { ibt, shadowStack }: CetFeatures): boolean {
  const ibtBits =
    CET_ENDBR_EN | CET_LEG_IW_EN | CET_NO_TRACK_EN | CET_SUPPRESS_DIS | CET_SUPPRESS | CET_TRACKER;
  if ((value & CET_RESERVED) !== 0n) return false;
  if ((value & CET_SUPPRESS) !== 0n && (value & CET_TRACKER) !== 0n) return false;
  if (!ibt && (value & (ibtBits | BITMAP_BASE)) !== 0n) return false;
  if (!shadowStack && (value & (CET_SH_STK_EN | CET_WR_SHSTK_EN)) !== 0n) return false;
  const base = value & BITMAP_BASE;
  return BigInt.asUintN(64, BigInt.asIntN(48, base)) === base;
}

/**
 * The control state at the first instruction of a handler: whatever came through the IDT, or
 * SYSCALL, waits for ENDBRANCH if indirect branches are tracked there. What an outer privilege
 * level waited for stays in its own MSR; what the same level waited for is lost.
 */
export function trackHandlerEntry(control: ControlState, cpl: number): ControlState {
  if (!isTracking(control, cpl)) return control;
  const msr = cetMsr(cpl);
  const value = withTracker(cetValue(control, cpl), 'wait');
  return { ...control, msrs: { ...control.msrs, [msr]: value } };
}
