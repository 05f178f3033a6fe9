// SPDX-License-Identifier: MIT
import { sha384 } from '@noble/hashes/sha2.js';
import { DIGEST_SIZE, REPORTDATA_SIZE, RTMR_COUNT } from './constants.ts';
import { access, bytesAt } from './guest-memory.ts';
import type { Tdcall } from './operation.ts';
import type { Features } from './revisions.ts';
import type { TdState } from './state.ts';
import { operandBusy, operandInvalid } from './status.ts';
import { completed, inOrder, step, SUCCESS, type TdStep } from './steps.ts';

const before = inOrder(
  'extend.alignment',
  'extend.gpa',
  'extend.index',
  'extend.rtmr-lock',
  'extend.success',
);

const BAD_RCX = completed(operandInvalid('RCX'));
const BAD_RDX = completed(operandInvalid('RDX'));
const RTMR_BUSY = completed(operandBusy('RTMR'));

/**
 * TDG.MR.RTMR.EXTEND (2): RCX = private address of 48 bytes, RDX = index of the register.
 * In the order of checks of tdg_rtmr_extend.c, Intel TDX Module 1.5.01.
 */
export function rtmrExtend(td: TdState, { registers }: Tdcall, features: Features): TdStep {
  const { rcx = 0n, rdx = 0n } = registers;
  const refuse = (outcome: typeof BAD_RCX, rule: Parameters<typeof before>[0]): TdStep =>
    step(td, outcome, rule, before(rule));

  if (rcx % BigInt(REPORTDATA_SIZE) !== 0n) return refuse(BAD_RCX, 'extend.alignment');
  const operand = access(td, rcx, 'private');
  if (operand.kind === 'invalid') return refuse(BAD_RCX, 'extend.gpa');
  if (operand.kind === 'stopped') {
    return step(td, operand.outcome, operand.rule, before('extend.gpa'));
  }
  if (rdx >= BigInt(RTMR_COUNT)) return refuse(BAD_RDX, 'extend.index');
  if (td.rtmrLocked) return refuse(RTMR_BUSY, 'extend.rtmr-lock');

  const digest = bytesAt(operand.frame, rcx, DIGEST_SIZE);
  const extended = extendRtmr(td, Number(rdx), digest, features);
  return step(extended, SUCCESS, 'extend.success', before('extend.success'));
}

/**
 * RTMR[index] = SHA-384(RTMR[index] || digest).
 *
 * @param index 0 to 3
 * @param digest 48 bytes
 */
export function extendRtmr(
  td: TdState,
  index: number,
  digest: Uint8Array,
  features: Features,
): TdState {
  const { rtmr } = td.measurements;
  const old = rtmr[index] ?? new Uint8Array(DIGEST_SIZE);
  const extended = sha384.create().update(old).update(digest).digest();
  return {
    ...td,
    measurements: { ...td.measurements, rtmr: rtmr.with(index, extended) },
    teeInfoHash: features.keepsInfoHash ? td.teeInfoHash : null,
  };
}
