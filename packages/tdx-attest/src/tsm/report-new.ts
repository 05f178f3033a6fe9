// SPDX-License-Identifier: MIT
import type { Errno } from '@kernel-models/model-core';
import { REPORTDATA_SIZE } from '@kernel-models/hw-model/tdx';
import { mcallGetReport0 } from '../driver/tdreport.ts';
import type { Features } from '../revisions.ts';
import type { Cost } from './outcome.ts';
import {
  answer,
  dataCapacity,
  dataOf,
  EMPTY_QUOTE_BUFFER,
  GET_QUOTE_IN_FLIGHT,
  GET_QUOTE_SUCCESS,
} from './quote-buffer.ts';
import type { TsmRule } from './rules.ts';
import type { Blob, QuoteBuffer, TsmState } from './state.ts';
import { NO_COST } from './step.ts';

/*
 * What the driver does for an outblob. Reads beside tdx_report_new() and
 * wait_for_quote_completion(), drivers/virt/coco/tdx-guest/tdx-guest.c, Linux 6.7 to 7.0.
 */

/** How far a request has come. */
export type RequestResult =
  | { readonly kind: 'blob'; readonly state: TsmState; readonly blob: Blob; readonly cost: Cost }
  | { readonly kind: 'waiting'; readonly state: TsmState; readonly cost: Cost }
  | {
      readonly kind: 'failed';
      readonly state: TsmState;
      readonly errno: Errno;
      readonly rule: TsmRule;
      readonly cost: Cost;
    };

/** An allocation of this many bytes or more fails. Origin: kvmalloc(), INT_MAX. */
const UNALLOCATABLE = 0x7fff_ffff;

const ONE_TDCALL: Cost = Object.freeze({ tdcalls: 1, hypercalls: 0, seconds: 0 });
const REQUESTED: Cost = Object.freeze({ tdcalls: 1, hypercalls: 1, seconds: 0 });

/** The request up to where the hypercall returns, and on to the end where the host has answered. */
export function submit(state: TsmState, inblob: Uint8Array, features: Features): RequestResult {
  const { quoteBuffer, driver } = state;
  const fail = (errno: Errno, rule: TsmRule, cost: Cost, after = state): RequestResult => ({
    kind: 'failed',
    state: after,
    errno,
    rule,
    cost,
  });

  if (features.checksInFlight && quoteBuffer?.status === GET_QUOTE_IN_FLIGHT) {
    return fail('EBUSY', 'report-new.in-flight', NO_COST);
  }
  if (inblob.length !== REPORTDATA_SIZE) return fail('EINVAL', 'report-new.inblob-size', NO_COST);

  const accepted = quoteBuffer?.accepted === true;
  const made = mcallGetReport0(driver, inblob, features);
  if (made.kind !== 'report') {
    const errno = made.kind === 'error' ? made.errno : 'EIO';
    // Since Linux 6.16 the header is written before the TDCALL, so a failed one leaves a clean
    // buffer.
    const cleaned = { ...state, quoteBuffer: { ...EMPTY_QUOTE_BUFFER, accepted } };
    const after = features.reportBuffer === 'static' ? cleaned : state;
    return fail(errno, 'report-new.tdcall', ONE_TDCALL, after);
  }

  const filled: QuoteBuffer = { status: 0n, outLen: 0, data: made.report, accepted };
  const requested = { ...state, driver: { ...driver, td: made.td }, answerDue: null };
  const { hypercallStatus, delay } = state.host;
  if (hypercallStatus !== 0n) {
    const after = { ...requested, quoteBuffer: filled };
    return fail('EIO', 'report-new.hypercall', REQUESTED, after);
  }
  const owned: QuoteBuffer = { ...filled, accepted: true, status: GET_QUOTE_IN_FLIGHT };
  const after: TsmState =
    delay === 'inside'
      ? { ...requested, quoteBuffer: answer(owned, state.host, features) }
      : { ...requested, quoteBuffer: owned, answerDue: delay === 'never' ? null : delay };
  return look(after, inblob, 0, REQUESTED, features);
}

/**
 * One look at the status, as the driver takes it each second.
 *
 * As merged the wait counts its looks, and the count says of a wait that ended by itself in its
 * last second that it timed out, and of one that saw no answer that it did not.
 *
 * @param slept seconds before this look
 */
export function look(
  state: TsmState,
  inblob: Uint8Array,
  slept: number,
  spent: Cost,
  features: Features,
): RequestResult {
  const cost = { ...spent, seconds: slept };
  const pending = state.quoteBuffer?.status === GET_QUOTE_IN_FLIGHT;
  if (pending && slept < state.timeout) return { kind: 'waiting', state, cost };
  const timedOut = features.timeoutOffByOne ? !pending && slept === state.timeout : pending;
  if (timedOut)
    return { kind: 'failed', state, errno: 'ETIMEDOUT', rule: 'report-new.timeout', cost };
  return finish(state, inblob, cost, features);
}

/** What the driver makes of the buffer once it has stopped waiting. */
function finish(
  state: TsmState,
  inblob: Uint8Array,
  cost: Cost,
  features: Features,
): RequestResult {
  const { status, outLen, data } = state.quoteBuffer ?? EMPTY_QUOTE_BUFFER;
  const fail = (errno: Errno, rule: TsmRule): RequestResult => ({
    kind: 'failed',
    state,
    errno,
    rule,
    cost,
  });
  if (features.checksStatus && status !== GET_QUOTE_SUCCESS)
    return fail('EIO', 'report-new.status');
  const capacity = dataCapacity(features);
  if (features.checksOutLen && outLen > capacity) return fail('EFBIG', 'report-new.out-len');
  if (outLen >= UNALLOCATABLE) return fail('ENOMEM', 'report-new.no-memory');
  const size = Math.min(outLen, capacity);
  const blob: Blob = {
    bytes: dataOf({ ...EMPTY_QUOTE_BUFFER, data }, size),
    leaked: outLen - size,
    inblob,
  };
  return { kind: 'blob', state, blob, cost };
}
