// SPDX-License-Identifier: MIT
import { VECTOR, type Vector } from '@kernel-models/hw-model/cpu';
import {
  BITMAP,
  CET_ENDBR_EN,
  CET_LEG_IW_EN,
  CET_SUPPRESS,
  CET_TRACKER,
  type BranchOperation,
  type BranchSetup,
  type Tracker,
} from '@kernel-models/hw-model/instructions';
import type { Case } from '../../target.ts';
import { ENDBR64, IRETQ, NOP } from './code.ts';

/*
 * The rules of the tracker of indirect branches, one row each, and for each the cases that show it.
 * Sections are those of Intel SDM volume 1, "Control-flow Enforcement Technology (CET)", unless a row
 * names another volume.
 */

const { BP, CP } = VECTOR;

/** What a case shows, as far as its row is about it. */
export type Shown = ShownException | { readonly kind: 'written' | 'refused' };

export interface ShownException {
  readonly vector: Vector;
  readonly rip: bigint;
  readonly errorCode?: number;
  /** The level that the exception interrupted. */
  readonly cpl?: 0 | 3;
  /** The tracker of CPL 3 behind it. That of CPL 0 is behind its handler's ENDBR64, always. */
  readonly user?: Tracker;
}

/** One case of a row. */
export interface RowVector {
  readonly says: string;
  readonly candidate: Case<BranchSetup, BranchOperation>;
  readonly shows: Shown;
  /** What Bochs 2.7 does in place of that: a deviation of its own. */
  readonly bochs?: Shown;
}

/** One rule. */
export interface BranchRow {
  readonly id: string;
  readonly sentence: string;
  /** The section of the manual. */
  readonly origin: string;
  readonly vectors: readonly RowVector[];
}

/** A rule that the emulator or the model cannot be asked about. */
export interface UnaskedRow {
  readonly id: string;
  readonly sentence: string;
  readonly reason: string;
}

type Execution = Extract<BranchOperation, { op: 'execute' }>;

/** Both levels are tracked, and wait for nothing. */
export const TRACKED: BranchSetup = { cet: true, uCet: CET_ENDBR_EN, sCet: CET_ENDBR_EN };

/** The same with other bits in both MSRs. */
export function both(bits: bigint): BranchSetup {
  return { ...TRACKED, uCet: CET_ENDBR_EN | bits, sCet: CET_ENDBR_EN | bits };
}

/** CPL 3 waits for ENDBR64. */
export const WAITING: BranchSetup = { ...TRACKED, uCet: CET_ENDBR_EN | CET_TRACKER };
/** Both levels are suppressed. */
export const SUPPRESSED: BranchSetup = both(CET_SUPPRESS);
/** Both levels have the legacy bitmap. */
export const LEGACY: BranchSetup = both(CET_LEG_IW_EN | BITMAP);

export interface Pieces extends Partial<Omit<Execution, 'op' | 'cpl' | 'code'>> {
  readonly setup?: BranchSetup;
}

/** A case: code at a level, and what the row needs beside it. */
export function at(
  cpl: 0 | 3,
  code: string,
  { setup = TRACKED, ...rest }: Pieces = {},
): RowVector['candidate'] {
  const operation: Execution = {
    ...{ op: 'execute', cpl, code, target: NOP, second: NOP, handler: ENDBR64 + IRETQ, bitmap: 0 },
    ...{ start: 'plain', handled: null, absent: null },
    ...rest,
  };
  return { setup, operations: [operation] };
}

/** ENDBR64 is missing at an address. */
export function missing(rip: bigint, cpl: 0 | 3, user?: Tracker): ShownException {
  return { vector: CP, errorCode: 3, rip, cpl, ...(user !== undefined && { user }) };
}

/** The INT3 behind a piece was come to: nothing was missing. */
export function through(piece: bigint, length: number, cpl: 0 | 3, user?: Tracker): ShownException {
  const rip = piece + BigInt(length) + 1n;
  return { vector: BP, rip, cpl, ...(user !== undefined && { user }) };
}

export const vector = (
  says: string,
  candidate: RowVector['candidate'],
  shows: Shown,
  bochs?: Shown,
): RowVector => ({ says, candidate, shows, ...(bochs !== undefined && { bochs }) });

export const LEVELS = [0, 3] as const;

/** The tracker of CPL 3 where a case at a level leaves it waiting. */
export function waits(cpl: 0 | 3): Tracker {
  return cpl === 3 ? 'wait' : 'idle';
}
