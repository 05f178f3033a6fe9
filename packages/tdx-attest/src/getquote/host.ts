// SPDX-License-Identifier: MIT
import { DONE, step } from './guest.ts';
import type {
  Content,
  GetQuoteOperation,
  GetQuoteOutcome,
  GetQuoteState,
  GetQuoteStep,
  SharedBuffer,
} from './state.ts';

type HostMove = Extract<GetQuoteOperation, { readonly op: `host-${string}` }>;

const REFUSED: GetQuoteOutcome = Object.freeze({ kind: 'refused' });

/**
 * A move of the host. An honest one answers the request that it holds, once, and touches nothing
 * else.
 */
export function actAsHost(state: GetQuoteState, operation: HostMove): GetQuoteStep {
  if (operation.op === 'host-answer') return answer(state, operation);
  if (state.honest) return step(state, REFUSED, 'host.keeps-contract');
  if (operation.op === 'host-interrupt') {
    return step(raise(state), DONE, 'host.moves');
  }
  return step({ ...state, buffer: written(state.buffer, operation) }, DONE, 'host.moves');
}

function written(
  buffer: SharedBuffer,
  operation: Extract<HostMove, { readonly op: 'host-status' | 'host-length' | 'host-data' }>,
): SharedBuffer {
  switch (operation.op) {
    case 'host-status':
      return { ...buffer, status: operation.status };
    case 'host-length':
      return { ...buffer, outLen: operation.outLen };
    case 'host-data':
      return { ...buffer, data: [operation.content, operation.content] };
  }
}

/** Data first, then out_len, then the status; then the vector, where one is set. */
function answer(
  state: GetQuoteState,
  { request, status }: Extract<HostMove, { readonly op: 'host-answer' }>,
): GetQuoteStep {
  if (!state.accepted.includes(request)) return step(state, REFUSED, 'host.keeps-contract');
  const isTheOne = request === state.request && state.buffer.status === 'in-flight';
  if (state.honest && (!isTheOne || status === 'in-flight')) {
    return step(state, REFUSED, 'host.keeps-contract');
  }
  const quote: Content = `quote-${request}`;
  const buffer: SharedBuffer =
    status === 'success'
      ? { status, outLen: 'fits', data: [quote, quote] }
      : { ...state.buffer, status, outLen: 'none' };
  const accepted = state.honest ? state.accepted.filter((one) => one !== request) : state.accepted;
  return step(raise({ ...state, buffer, accepted }), DONE, 'host.answer');
}

function raise(state: GetQuoteState): GetQuoteState {
  if (state.notifyVector === null) return state;
  return { ...state, pendingInterrupts: state.pendingInterrupts + 1 };
}
