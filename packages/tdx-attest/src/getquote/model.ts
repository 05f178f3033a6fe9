// SPDX-License-Identifier: MIT
import {
  decode,
  DecodeError,
  ERRNO_NAMES,
  plainCodec,
  type Codec,
  type Decoder,
  type Invariant,
  type Model,
  type RevisionId,
} from '@kernel-models/model-core';
import { featuresOf, revisionsWith, type Features } from '../revisions.ts';
import { begin, DONE, interrupt, next, second, step } from './guest.ts';
import { actAsHost } from './host.ts';
import { GETQUOTE_RULES } from './rules.ts';
import type {
  Content,
  GetQuoteOperation,
  GetQuoteOutcome,
  GetQuoteState,
  GetQuoteStep,
} from './state.ts';

/** The world before the first request. */
export interface Setup {
  /** Seconds that the guest waits at most: 30 in a kernel, few where schedules are walked. */
  readonly timeout: number;
  /** Whether the host keeps to the contract. */
  readonly honest: boolean;
}

function initial({ timeout, honest }: Setup): GetQuoteState {
  return {
    buffer: { status: 'success', outLen: 'none', data: ['zero', 'zero'] },
    guest: { at: 'idle' },
    request: 0,
    timeout,
    seen: null,
    accepted: [],
    notifyVector: null,
    pendingInterrupts: 0,
    result: null,
    honest,
  };
}

/**
 * Vectors that SetupEventNotifyInterrupt takes. Origin: GHCI; KVM answers INVALID_OPERAND to
 * others.
 */
const FIRST_VECTOR = 32;
const LAST_VECTOR = 255;
const INVALID_OPERAND = 0x8000_0000_0000_0000n;

function apply(
  state: GetQuoteState,
  operation: GetQuoteOperation,
  revision: RevisionId,
): GetQuoteStep {
  const features = featuresOf(revision);
  switch (operation.op) {
    case 'guest-begin':
      return begin(state, features);
    case 'guest-step':
      return next(state, features);
    case 'guest-second':
      return second(state, features);
    case 'guest-signal':
      return interrupt(state);
    case 'guest-set-vector': {
      const { vector } = operation;
      if (vector < FIRST_VECTOR || vector > LAST_VECTOR) {
        return step(state, { kind: 'hypercall', status: INVALID_OPERAND }, 'vector.invalid');
      }
      const set = { ...state, notifyVector: vector };
      return step(set, { kind: 'hypercall', status: 0n }, 'vector.set');
    }
    case 'guest-interrupt': {
      const { pendingInterrupts } = state;
      if (pendingInterrupts === 0) return step(state, { kind: 'refused' }, 'guest.not-its-turn');
      return step({ ...state, pendingInterrupts: pendingInterrupts - 1 }, DONE, 'interrupt.taken');
    }
    case 'host-answer':
    case 'host-status':
    case 'host-length':
    case 'host-data':
    case 'host-interrupt':
      return actAsHost(state, operation);
  }
}

type GetQuoteInvariant = Invariant<GetQuoteState, GetQuoteOperation, GetQuoteOutcome>;

function kernelsThat(have: (features: Features) => boolean): readonly RevisionId[] {
  return revisionsWith((features) => features.tsm && have(features))
    .filter((one) => !('base' in one))
    .map(({ id }) => id);
}

/** Every invariant of the handshake; `revisions` names the kernels that keep it. */
const INVARIANTS: readonly GetQuoteInvariant[] = [
  {
    id: 'getquote.bounded-copy',
    sentence: 'The guest copies no more than the buffer holds, whatever the host says and when.',
    revisions: kernelsThat(
      ({ checksOutLen, readsOutLenTwice }) => checksOutLen && !readsOutLenTwice,
    ),
    holds: ({ step: { outcome } }) => outcome.kind !== 'quote' || outcome.outLen !== 'too-long',
  },
  {
    id: 'getquote.never-hand-out-unfinished',
    sentence: 'Bytes are handed out only where the status was success when the wait was over.',
    revisions: kernelsThat(({ checksStatus }) => checksStatus),
    holds: ({ step: { outcome } }) => outcome.kind !== 'quote' || outcome.seen === 'success',
  },
  {
    id: 'getquote.timeout-means-timeout',
    sentence: 'The guest gives up where all seconds passed without an answer, and only there.',
    revisions: kernelsThat(({ timeoutOffByOne }) => !timeoutOffByOne),
    holds: ({ before, operation, step: { outcome } }) => {
      if (before.guest.at !== 'polling' || outcome.kind === 'refused') return true;
      if (operation.op !== 'guest-step' && operation.op !== 'guest-second') return true;
      const looks = before.guest.looks + (operation.op === 'guest-second' ? 1 : 0);
      const expected = before.buffer.status === 'in-flight' && looks >= before.timeout;
      return expected === (outcome.kind === 'errno' && outcome.errno === 'ETIMEDOUT');
    },
  },
  {
    id: 'getquote.no-new-request-while-in-flight',
    sentence: 'The guest leaves a buffer alone that the host owns.',
    holds: ({ before, operation, step: { state } }) =>
      operation.op !== 'guest-begin' ||
      before.guest.at !== 'idle' ||
      before.buffer.status !== 'in-flight' ||
      state.buffer === before.buffer,
  },
  {
    id: 'getquote.fresh-under-honest-host',
    sentence: 'An honest host’s quote is over the request that the guest made last, and whole.',
    revisions: kernelsThat(({ checksStatus }) => checksStatus),
    holds: ({ before, step: { outcome } }) =>
      !before.honest || outcome.kind !== 'quote' || outcome.content === `quote-${before.request}`,
  },
];

const { boolean, hex, integer, object, oneOf, union } = decode;
const setup: Decoder<Setup> = object({ timeout: integer(0, 1_000_000), honest: boolean });
const status = oneOf(['success', 'error', 'unavailable', 'in-flight']);
const outLen = oneOf(['none', 'fits', 'too-long']);
const content: Decoder<Content> = (json, field) => {
  if (json === 'zero' || json === 'foreign' || json === 'torn') return json;
  const [, kind, number] = /^(report|quote)-(\d{1,6})$/.exec(String(json)) ?? [];
  if (kind === 'report') return `report-${Number(number)}`;
  if (kind === 'quote') return `quote-${Number(number)}`;
  throw new DecodeError(field, 'zero, foreign, torn, report-<n> or quote-<n>', json);
};
const operation: Decoder<GetQuoteOperation> = union('op', {
  'guest-begin': {},
  'guest-step': {},
  'guest-second': {},
  'guest-signal': {},
  'guest-set-vector': { vector: integer(0, 0xffff_ffff) },
  'guest-interrupt': {},
  'host-answer': { request: integer(1), status },
  'host-status': { status },
  'host-length': { outLen },
  'host-data': { content },
  'host-interrupt': {},
});
const outcome: Decoder<GetQuoteOutcome> = union('kind', {
  done: {},
  hypercall: { status: hex() },
  errno: { errno: oneOf(ERRNO_NAMES) },
  quote: { content, outLen, seen: status },
  waiting: {},
  refused: {},
});

/** JSON to values of the handshake's model and back. */
const codec: Codec<Setup, GetQuoteOperation, GetQuoteOutcome> = plainCodec({
  setup,
  operation,
  outcome,
});

/** The handshake over the shared buffer of GetQuote, access by access. Linux 6.7 to 7.0. */
export const model: Model<GetQuoteState, GetQuoteOperation, GetQuoteOutcome, Setup> = {
  name: 'tdx-attest.getquote',
  revisions: revisionsWith(({ tsm }) => tsm),
  rules: GETQUOTE_RULES,
  codec,
  initial,
  apply,
  key: (state) => JSON.stringify(state),
  invariants: INVARIANTS,
};
