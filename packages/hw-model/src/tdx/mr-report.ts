// SPDX-License-Identifier: MIT
import { sha384 } from '@noble/hashes/sha2.js';
import { REPORTDATA_SIZE, TDREPORT_SIZE } from './constants.ts';
import { access, bytesAt, store } from './guest-memory.ts';
import type { Tdcall } from './operation.ts';
import {
  layOutReport,
  layOutTdInfo,
  layOutTeeTcbInfo,
  sealReport,
  teeTcbInfoHash,
  type Measurements,
  type ModuleIdentity,
  type ReportParts,
} from './report.ts';
import type { Features } from './revisions.ts';
import type { TdState } from './state.ts';
import type { TdParams } from './td-params.ts';
import { operandBusy, operandInvalid } from './status.ts';
import { completed, inOrder, step, SUCCESS, type TdStep } from './steps.ts';

const before = inOrder(
  'report.output-alignment',
  'report.input-alignment',
  'report.input-gpa',
  'report.subtype',
  'report.rtmr-lock',
  'report.interrupted',
  'report.output-gpa',
  'report.success',
);

const BAD_RCX = completed(operandInvalid('RCX'));
const BAD_RDX = completed(operandInvalid('RDX'));
const BAD_R8 = completed(operandInvalid('R8'));
const RTMR_BUSY = completed(operandBusy('RTMR'));

/**
 * TDG.MR.REPORT (4): RCX = address of the TDREPORT, RDX = address of REPORTDATA, R8 = subtype.
 *
 * In the order of checks of tdg_mr_report.c, Intel TDX Module 1.5.01. REPORTDATA is consumed
 * before the output is written, at the very end: the two may overlap, and a failure writes nothing.
 */
export function mrReport(
  td: TdState,
  { registers, interruptPending }: Tdcall,
  features: Features,
): TdStep {
  const { rcx = 0n, rdx = 0n, r8 = 0n } = registers;
  const refuse = (outcome: typeof BAD_RCX, rule: Parameters<typeof before>[0]): TdStep =>
    step(td, outcome, rule, before(rule));

  if (rcx % BigInt(TDREPORT_SIZE) !== 0n) return refuse(BAD_RCX, 'report.output-alignment');
  if (rdx % BigInt(REPORTDATA_SIZE) !== 0n) return refuse(BAD_RDX, 'report.input-alignment');

  const input = access(td, rdx, 'private-or-shared');
  if (input.kind === 'invalid') return refuse(BAD_RDX, 'report.input-gpa');
  if (input.kind === 'stopped') {
    return step(td, input.outcome, input.rule, before('report.input-gpa'));
  }
  const reportData = bytesAt(input.frame, rdx, REPORTDATA_SIZE);

  const subtype = features.subtypeLowByte ? r8 & 0xffn : r8;
  if (subtype !== 0n) return refuse(BAD_R8, 'report.subtype');

  const current = features.writesBeforeChecks ? writeEarly(td, rcx, reportData, features) : td;
  if (current.rtmrLocked) {
    return step(current, RTMR_BUSY, 'report.rtmr-lock', before('report.rtmr-lock'));
  }

  const hashed = withInfoHash(current);
  // A hash that is there from last time is used: so the call makes progress under any interrupts.
  if (interruptPending && hashed !== current) {
    return step(hashed, { kind: 'retry' }, 'report.interrupted', before('report.interrupted'));
  }

  const output = access(hashed, rcx, 'private-or-shared');
  if (output.kind === 'invalid') {
    return step(hashed, BAD_RCX, 'report.output-gpa', before('report.output-gpa'));
  }
  if (output.kind === 'stopped') {
    return step(hashed, output.outcome, output.rule, before('report.output-gpa'));
  }
  const written = store(hashed, rcx, makeReport(hashed, reportData, features));
  return step(written, SUCCESS, 'report.success', before('report.success'));
}

/** What `bug:report-writes-before-check` does. */
function writeEarly(td: TdState, gpa: bigint, reportData: Uint8Array, features: Features): TdState {
  const output = access(td, gpa, 'private-or-shared');
  return output.kind === 'frame' ? store(td, gpa, makeReport(td, reportData, features)) : td;
}

/** The TD with its TEE_INFO_HASH computed; the same object where it was there. */
export function withInfoHash(td: TdState): TdState {
  if (td.teeInfoHash !== null) return td;
  return { ...td, teeInfoHash: infoHash(td) };
}

/** Hashes that were computed before, by measurements: histories branch, and ask for one again. */
const infoHashes = new WeakMap<Measurements, { params: TdParams; hash: Uint8Array }>();

function infoHash({ params, measurements }: TdState): Uint8Array {
  const known = infoHashes.get(measurements);
  if (known?.params === params) return known.hash;
  const hash = sha384(layOutTdInfo(params, measurements));
  infoHashes.set(measurements, { params, hash });
  return hash;
}

/**
 * The TDREPORT of a TD for a REPORTDATA: what a call that passes every check writes.
 *
 * @param reportData 64 bytes
 */
export function makeReport(td: TdState, reportData: Uint8Array, features: Features): Uint8Array {
  return sealReport(td.platform, layoutOf(td, features), reportData, features);
}

/** What a layout was made from. Byte strings of states are never written, so the same are equal. */
interface KnownLayout {
  readonly td: TdState;
  readonly features: Features;
  readonly layout: Uint8Array;
}

/**
 * The layout of the last report over a set of measurements: the next one differs in REPORTDATA and
 * MAC alone, and is a third of the price.
 */
const layouts = new WeakMap<Measurements, KnownLayout>();

function layoutOf(td: TdState, features: Features): Uint8Array {
  const known = layouts.get(td.measurements);
  if (known?.features === features && haveSameReport(known.td, td)) return known.layout;
  const layout = layOutReport(td.platform, {
    ...hashedTcbInfo(td.module, features),
    tdInfo: layOutTdInfo(td.params, td.measurements),
    teeInfoHash: td.teeInfoHash ?? infoHash(td),
  });
  layouts.set(td.measurements, { td, features, layout });
  return layout;
}

/** Everything but the measurements, which the caller has compared. */
function haveSameReport(a: TdState, b: TdState): boolean {
  return (
    a.teeInfoHash === b.teeInfoHash &&
    a.platform === b.platform &&
    a.module === b.module &&
    a.params === b.params
  );
}

type HashedTcbInfo = Pick<ReportParts, 'teeTcbInfo' | 'teeTcbInfoHash'>;

/** A module does not change while it runs, and its hash is half of the price of a report. */
const tcbInfos = new WeakMap<Features, WeakMap<ModuleIdentity, HashedTcbInfo>>();

function hashedTcbInfo(module: ModuleIdentity, features: Features): HashedTcbInfo {
  const ofFeatures = tcbInfos.get(features) ?? new WeakMap<ModuleIdentity, HashedTcbInfo>();
  tcbInfos.set(features, ofFeatures);
  const known = ofFeatures.get(module);
  if (known !== undefined) return known;
  const teeTcbInfo = layOutTeeTcbInfo(module, features.version);
  const fresh = { teeTcbInfo, teeTcbInfoHash: teeTcbInfoHash(teeTcbInfo, features) };
  ofFeatures.set(module, fresh);
  return fresh;
}
