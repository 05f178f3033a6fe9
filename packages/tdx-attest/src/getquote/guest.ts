// SPDX-License-Identifier: MIT
import type { Errno } from '@kernel-models/model-core';
import type { Features } from '../revisions.ts';
import { NO_TRAIL } from '../trails.ts';
import type { Content, GetQuoteOutcome, GetQuoteState, GetQuoteStep } from './state.ts';

/*
 * The driver's side of the handshake, one access to shared memory a step. Reads beside
 * tdx_report_new() and wait_for_quote_completion(), drivers/virt/coco/tdx-guest/tdx-guest.c.
 */

const IDLE = Object.freeze({ at: 'idle' } as const);

export function step(state: GetQuoteState, outcome: GetQuoteOutcome, rule: string): GetQuoteStep {
  return { state, outcome, rule, trail: NO_TRAIL };
}

/** The request ends in an error; the buffer stays as it is. */
function fail(state: GetQuoteState, errno: Errno, rule: string): GetQuoteStep {
  const outcome = { kind: 'errno', errno } as const;
  return step({ ...state, guest: IDLE, seen: null, result: outcome }, outcome, rule);
}

const NOT_ITS_TURN: GetQuoteOutcome = Object.freeze({ kind: 'refused' });
const WAITING: GetQuoteOutcome = Object.freeze({ kind: 'waiting' });
export const DONE: GetQuoteOutcome = Object.freeze({ kind: 'done' });

/** The driver fills the buffer, unless the host still owns it. */
export function begin(state: GetQuoteState, { checksInFlight }: Features): GetQuoteStep {
  if (state.guest.at !== 'idle') return step(state, NOT_ITS_TURN, 'guest.not-its-turn');
  if (checksInFlight && state.buffer.status === 'in-flight') {
    return fail(state, 'EBUSY', 'guest.in-flight');
  }
  const request = state.request + 1;
  const report: Content = `report-${request}`;
  const filled: GetQuoteState = {
    ...state,
    request,
    buffer: { status: 'success', outLen: 'none', data: [report, report] },
    guest: { at: 'filled' },
    result: null,
  };
  return step(filled, DONE, 'guest.filled');
}

/** The driver's next access. */
export function next(state: GetQuoteState, features: Features): GetQuoteStep {
  const { guest, buffer } = state;
  switch (guest.at) {
    case 'idle':
      return step(state, NOT_ITS_TURN, 'guest.not-its-turn');
    case 'filled': {
      const accepted: GetQuoteState = {
        ...state,
        buffer: { ...buffer, status: 'in-flight' },
        accepted: [...state.accepted, state.request],
        guest: { at: 'polling', looks: 0 },
      };
      return step(accepted, { kind: 'hypercall', status: 0n }, 'guest.hypercall');
    }
    case 'polling':
      return look(state, guest.looks, features);
    case 'status-read':
      if (features.checksStatus && buffer.status !== 'success') {
        return fail(state, 'EIO', 'guest.status');
      }
      return step(
        { ...state, seen: buffer.status, guest: { at: 'length-read', outLen: buffer.outLen } },
        DONE,
        'guest.length-read',
      );
    case 'length-read': {
      if (features.checksOutLen && guest.outLen === 'too-long') {
        return fail(state, 'EFBIG', 'guest.length');
      }
      const outLen = features.readsOutLenTwice ? buffer.outLen : guest.outLen;
      return step({ ...state, guest: { at: 'copying', outLen } }, DONE, 'guest.length-checked');
    }
    case 'copying': {
      if (guest.first === undefined) {
        const first = { ...guest, first: buffer.data[0] };
        return step({ ...state, guest: first }, DONE, 'guest.first-half');
      }
      const content: Content = guest.first === buffer.data[1] ? guest.first : 'torn';
      const quote = {
        kind: 'quote',
        content,
        outLen: guest.outLen,
        seen: state.seen ?? 'in-flight',
      } as const;
      const done: GetQuoteState = { ...state, guest: IDLE, seen: null, result: quote };
      return step(done, quote, 'guest.handed-out');
    }
  }
}

/** A second passes, and the driver looks again. */
export function second(state: GetQuoteState, features: Features): GetQuoteStep {
  if (state.guest.at !== 'polling') return step(state, NOT_ITS_TURN, 'guest.not-its-turn');
  return look(state, state.guest.looks + 1, features);
}

function look(state: GetQuoteState, looks: number, features: Features): GetQuoteStep {
  const pending = state.buffer.status === 'in-flight';
  if (pending && looks < state.timeout) {
    return step({ ...state, guest: { at: 'polling', looks } }, WAITING, 'guest.waiting');
  }
  const timedOut = features.timeoutOffByOne ? !pending && looks === state.timeout : pending;
  if (timedOut) return fail(state, 'ETIMEDOUT', 'guest.timeout');
  return step({ ...state, guest: { at: 'status-read' } }, DONE, 'guest.answered');
}

/** A signal ends the wait. */
export function interrupt(state: GetQuoteState): GetQuoteStep {
  if (state.guest.at !== 'polling') return step(state, NOT_ITS_TURN, 'guest.not-its-turn');
  return fail(state, 'EINTR', 'guest.interrupted');
}
