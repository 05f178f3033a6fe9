// SPDX-License-Identifier: MIT
import {
  decode,
  plainCodec,
  type Codec,
  type Decoder,
  type Invariant,
  type Model,
  type Revision,
  type Step,
} from '@kernel-models/model-core';
import { REPORTDATA_SIZE, TDREPORT_OFFSET } from '@kernel-models/hw-model/tdx';
import { areEqual } from '../bytes.ts';
import { platformNamed } from '../driver/index.ts';
import { parseQuote } from '../quote/index.ts';
import { createQuotingEnclave, type QuotingEnclave } from '../quoting-enclave/quoting-enclave.ts';
import { createTestPki } from '../test-pki/test-pki.ts';
import { inOrder } from '../trails.ts';
import {
  decodeMessage,
  encodeMessage,
  frame,
  QGS_ERROR,
  unframe,
  type QgsError,
} from './message.ts';

/** Which platform's service it is, and which TEST hierarchy certified its enclave. */
export interface Setup {
  readonly platform: string;
  readonly pkiSeed: string;
}

/** The service and the quoting enclave behind it. */
export interface QgsState extends Setup {
  /** Whether the enclave is loaded. */
  readonly enclave: boolean;
}

/** What a client and the host's administrator can do. */
export type QgsOperation =
  /** A message on a stream, in its frame. */
  | { readonly op: 'send'; readonly bytes: Uint8Array }
  /** The enclave is lost, as after a power transition, or there again. */
  | { readonly op: 'set-enclave'; readonly loaded: boolean };

/** What the client reads. */
export type QgsOutcome =
  | { readonly kind: 'response'; readonly errorCode: number; readonly bytes: Uint8Array }
  | { readonly kind: 'done' };

const RULES = [
  {
    id: 'qgs.frame',
    sentence: 'A frame says exactly how long its message is.',
    origin: 'Intel SGX DCAP, QuoteGeneration/quote_wrapper/qgs, QgsServer',
  },
  {
    id: 'qgs.message',
    sentence: 'Versions, types and sizes of a message agree.',
    origin: 'Intel SGX DCAP, qgs_msg_lib, qgs_msg_lib.cpp',
  },
  {
    id: 'qgs.not-a-request',
    sentence: 'The service answers requests alone.',
    origin: 'Intel SGX DCAP, QgsServer, process_req_msg',
  },
  {
    id: 'qgs.enclave-lost',
    sentence: 'Without its enclave the service has no quotes.',
    origin: 'Intel SGX DCAP, tee_att_get_quote, TEE_ATT_ENCLAVE_LOST',
  },
  {
    id: 'qgs.report-refused',
    sentence: 'The enclave quotes reports of its own platform alone.',
    origin: 'Intel SGX DCAP, tdqe.cpp, sgx_verify_report2',
  },
  {
    id: 'qgs.quote',
    sentence: 'The quote is over what the report says.',
    origin: 'Intel SGX DCAP, tdqe.cpp, gen_quote',
  },
  { id: 'qgs.enclave', sentence: 'The enclave comes and goes.', origin: 'This model' },
] as const;

type QgsRule = (typeof RULES)[number]['id'];

const before = inOrder<QgsRule>(
  'qgs.frame',
  'qgs.message',
  'qgs.not-a-request',
  'qgs.enclave-lost',
  'qgs.report-refused',
  'qgs.quote',
);

const REVISIONS: readonly Revision[] = [
  {
    id: 'qgs-1.1',
    source: 'Intel SGX DCAP, qgs_msg_lib, message version 1.1',
    date: '2023-03',
    features: {},
  },
];

function apply(state: QgsState, operation: QgsOperation): Step<QgsState, QgsOutcome> {
  if (operation.op === 'set-enclave') {
    const enclave = operation.loaded;
    const changed = enclave === state.enclave ? state : { ...state, enclave };
    return { state: changed, outcome: { kind: 'done' }, rule: 'qgs.enclave', trail: [] };
  }
  const answer = (
    errorCode: number,
    quote: Uint8Array,
    rule: QgsRule,
  ): Step<QgsState, QgsOutcome> => {
    const message = encodeMessage({
      kind: 'get-quote-response',
      minorVersion: 1,
      errorCode,
      selectedId: new Uint8Array(),
      quote,
    });
    const outcome: QgsOutcome = { kind: 'response', errorCode, bytes: frame(message) };
    return { state, outcome, rule, trail: before(rule) };
  };
  const refuse = (error: QgsError, rule: QgsRule): Step<QgsState, QgsOutcome> =>
    answer(QGS_ERROR[error], new Uint8Array(), rule);

  const framed = unframe(operation.bytes);
  if (!framed.ok) return refuse(framed.error, 'qgs.frame');
  const decoded = decodeMessage(framed.bytes);
  if (!decoded.ok) return refuse(decoded.error, 'qgs.message');
  const { message } = decoded;
  if (message.kind !== 'get-quote-request') return refuse('invalid-type', 'qgs.not-a-request');
  if (!state.enclave) return refuse('unexpected', 'qgs.enclave-lost');
  const result = enclaveOf(state).quoteTd(message.report);
  return result.ok
    ? answer(0, result.quote, 'qgs.quote')
    : refuse('invalid-parameter', 'qgs.report-refused');
}

/** The enclave of a setup. Made anew each time: it is a function of two names. */
function enclaveOf({ platform, pkiSeed }: Setup): QuotingEnclave {
  return createQuotingEnclave(createTestPki({ seed: pkiSeed }), platformNamed(platform));
}

type QgsInvariant = Invariant<QgsState, QgsOperation, QgsOutcome>;

const INVARIANTS: readonly QgsInvariant[] = [
  {
    id: 'qgs.answers-parse',
    sentence:
      'Every answer is a response in a frame, and a quote in it carries the REPORTDATA asked for.',
    holds: ({ operation, step: { outcome } }) => {
      if (operation.op !== 'send' || outcome.kind !== 'response') return true;
      const framed = unframe(outcome.bytes);
      const decoded = framed.ok ? decodeMessage(framed.bytes) : framed;
      if (!decoded.ok || decoded.message.kind !== 'get-quote-response') return false;
      if (outcome.errorCode !== 0) return decoded.message.quote.length === 0;
      const asked = unframe(operation.bytes);
      const request = asked.ok ? decodeMessage(asked.bytes) : asked;
      const parsed = parseQuote(decoded.message.quote);
      if (!parsed.ok || !request.ok || request.message.kind !== 'get-quote-request') return false;
      const { reportData } = TDREPORT_OFFSET;
      const nonce = request.message.report.subarray(reportData, reportData + REPORTDATA_SIZE);
      return areEqual(parsed.quote.body.reportData, nonce);
    },
  },
];

const { boolean, bytes, integer, object, string, union } = decode;
const setup: Decoder<Setup> = object({ platform: string, pkiSeed: string });
const operation: Decoder<QgsOperation> = union('op', {
  send: { bytes: bytes({ max: 1 << 20 }) },
  'set-enclave': { loaded: boolean },
});
const outcome: Decoder<QgsOutcome> = union('kind', {
  response: { errorCode: integer(0, 0xffff_ffff), bytes: bytes({ max: 1 << 20 }) },
  done: {},
});

/** JSON to values of the service's model and back. Byte strings are hexadecimal digits. */
const codec: Codec<Setup, QgsOperation, QgsOutcome> = plainCodec({ setup, operation, outcome });

/** The quote generation service with a quoting enclave of TEST keys behind it. */
export const model: Model<QgsState, QgsOperation, QgsOutcome, Setup> = {
  name: 'tdx-attest.qgs',
  revisions: REVISIONS,
  rules: RULES,
  codec,
  initial: (wanted) => ({ ...wanted, enclave: true }),
  apply,
  invariants: INVARIANTS,
};
