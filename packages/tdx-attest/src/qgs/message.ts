// SPDX-License-Identifier: MIT
import { TDREPORT_SIZE } from '@kernel-models/hw-model/tdx';
import { viewOf } from '../bytes.ts';

/*
 * Messages of the quote generation service, over vsock, TCP or a unix socket. Origin: Intel SGX
 * DCAP, QuoteGeneration/quote_wrapper/qgs_msg_lib. Nothing here throws on bad input.
 */

/** Message types. */
export const QGS_TYPE = { getQuoteRequest: 0, getQuoteResponse: 1 } as const;

/** Why a message is not one, by the service's own numbers. */
export const QGS_ERROR = {
  unexpected: 0x0001_2001,
  'out-of-memory': 0x0001_2002,
  'invalid-parameter': 0x0001_2003,
  'invalid-version': 0x0001_2004,
  'invalid-type': 0x0001_2005,
  'invalid-size': 0x0001_2006,
  'invalid-code': 0x0001_2007,
} as const;

/** The name of an error of the service. */
export type QgsError = keyof typeof QGS_ERROR;

/** Asks for a quote over a TDREPORT. */
export interface GetQuoteRequest {
  readonly kind: 'get-quote-request';
  /** Of the message header. */
  readonly minorVersion: 0 | 1;
  /** 1024 bytes. */
  readonly report: Uint8Array;
  /** 16 bytes each: quoting enclaves that the caller would take. */
  readonly idList: readonly Uint8Array[];
}

/** The quote, or why there is none. */
export interface GetQuoteResponse {
  readonly kind: 'get-quote-response';
  readonly minorVersion: 0 | 1;
  /** 0, or a number of {@link QGS_ERROR}; another number is handed on. */
  readonly errorCode: number;
  /** The quoting enclave that was chosen: 16 bytes, or none. */
  readonly selectedId: Uint8Array;
  readonly quote: Uint8Array;
}

export type QgsMessage = GetQuoteRequest | GetQuoteResponse;

/** A message, or the first reason why there is none. */
export type QgsResult =
  | { readonly ok: true; readonly message: QgsMessage }
  | { readonly ok: false; readonly error: QgsError; readonly detail: string };

const HEADER_SIZE = 16;
const FRAME_HEADER_SIZE = 4;
const MAJOR_VERSION = 1;
const ID_SIZE = 16;

/** Lays out a message. */
export function encodeMessage(message: QgsMessage): Uint8Array {
  const isRequest = message.kind === 'get-quote-request';
  const parts = isRequest
    ? [message.report, ...message.idList]
    : [message.selectedId, message.quote];
  const first = isRequest ? message.report.length : message.selectedId.length;
  const second = isRequest ? message.idList.length * ID_SIZE : message.quote.length;
  const size = HEADER_SIZE + 8 + first + second;
  const bytes = new Uint8Array(size);
  const view = viewOf(bytes);
  view.setUint16(0, MAJOR_VERSION, true);
  view.setUint16(2, message.minorVersion, true);
  view.setUint32(4, isRequest ? QGS_TYPE.getQuoteRequest : QGS_TYPE.getQuoteResponse, true);
  view.setUint32(8, size, true);
  view.setUint32(12, isRequest ? 0 : message.errorCode, true);
  view.setUint32(16, first, true);
  view.setUint32(20, second, true);
  let offset = HEADER_SIZE + 8;
  for (const part of parts) {
    bytes.set(part, offset);
    offset += part.length;
  }
  return bytes;
}

/** Puts a message into the frame of a byte stream: its length, 4 bytes big-endian, before it. */
export function frame(message: Uint8Array): Uint8Array {
  const framed = new Uint8Array(FRAME_HEADER_SIZE + message.length);
  viewOf(framed).setUint32(0, message.length, false);
  framed.set(message, FRAME_HEADER_SIZE);
  return framed;
}

/** Takes a message out of its frame; the frame must be the whole input. */
export function unframe(
  bytes: Uint8Array,
): { readonly ok: true; readonly bytes: Uint8Array } | Extract<QgsResult, { readonly ok: false }> {
  if (bytes.length < FRAME_HEADER_SIZE) return bad('invalid-size', 'frame: ends in its length');
  const length = viewOf(bytes).getUint32(0, false);
  if (length !== bytes.length - FRAME_HEADER_SIZE) {
    return bad(
      'invalid-size',
      `frame: says ${length}, has ${bytes.length - FRAME_HEADER_SIZE} bytes`,
    );
  }
  return { ok: true, bytes: bytes.slice(FRAME_HEADER_SIZE) };
}

/**
 * Reads a message. Sizes that disagree, or whose sum leaves 32 bits, are `invalid-size`. A bare
 * TDREPORT of 1024 bytes is taken for a request without ids, as the service takes it.
 */
export function decodeMessage(bytes: Uint8Array): QgsResult {
  if (bytes.length === TDREPORT_SIZE && !looksLikeMessage(bytes)) return legacy(bytes);
  if (bytes.length < HEADER_SIZE) return bad('invalid-size', `header: has ${bytes.length} bytes`);
  const view = viewOf(bytes);
  const major = view.getUint16(0, true);
  const minor = view.getUint16(2, true);
  const type = view.getUint32(4, true);
  const size = view.getUint32(8, true);
  if (major !== MAJOR_VERSION || minor > 1) return bad('invalid-version', `${major}.${minor}`);
  if (type !== QGS_TYPE.getQuoteRequest && type !== QGS_TYPE.getQuoteResponse) {
    return bad('invalid-type', `type ${type}`);
  }
  if (size !== bytes.length) return bad('invalid-size', `says ${size}, has ${bytes.length} bytes`);
  if (bytes.length < HEADER_SIZE + 8) return bad('invalid-size', 'sizes: cut off');
  const first = view.getUint32(16, true);
  const second = view.getUint32(20, true);
  // Numbers here do not wrap at 32 bits, so a sum that would is simply not the size.
  if (HEADER_SIZE + 8 + first + second !== size) {
    return bad('invalid-size', `parts: ${first} and ${second} bytes in a message of ${size}`);
  }
  const minorVersion = minor === 0 ? 0 : 1;
  const body = bytes.slice(HEADER_SIZE + 8);
  return type === QGS_TYPE.getQuoteRequest
    ? request(minorVersion, body, first, view.getUint32(12, true))
    : response(minorVersion, body, first, view.getUint32(12, true));
}

function request(
  minorVersion: 0 | 1,
  body: Uint8Array,
  reportSize: number,
  code: number,
): QgsResult {
  if (code !== 0) return bad('invalid-code', `request with error code ${code}`);
  if (reportSize !== TDREPORT_SIZE) return bad('invalid-size', `report of ${reportSize} bytes`);
  const ids = body.slice(reportSize);
  if (ids.length % ID_SIZE !== 0) return bad('invalid-size', `id list of ${ids.length} bytes`);
  const idList = Array.from({ length: ids.length / ID_SIZE }, (_, index) =>
    ids.slice(index * ID_SIZE, (index + 1) * ID_SIZE),
  );
  const report = body.slice(0, reportSize);
  return { ok: true, message: { kind: 'get-quote-request', minorVersion, report, idList } };
}

function response(
  minorVersion: 0 | 1,
  body: Uint8Array,
  idSize: number,
  errorCode: number,
): QgsResult {
  const selectedId = body.slice(0, idSize);
  const quote = body.slice(idSize);
  if (errorCode !== 0 && body.length > 0) return bad('invalid-size', 'error with a quote');
  if (errorCode === 0 && quote.length === 0) return bad('invalid-size', 'success without a quote');
  if (idSize !== 0 && idSize !== ID_SIZE) return bad('invalid-size', `id of ${idSize} bytes`);
  return {
    ok: true,
    message: { kind: 'get-quote-response', minorVersion, errorCode, selectedId, quote },
  };
}

/** A message of 1024 bytes says its size; a TDREPORT begins with type 0x81. */
function looksLikeMessage(bytes: Uint8Array): boolean {
  return viewOf(bytes).getUint16(0, true) === MAJOR_VERSION;
}

function legacy(report: Uint8Array): QgsResult {
  return {
    ok: true,
    message: { kind: 'get-quote-request', minorVersion: 0, report: report.slice(), idList: [] },
  };
}

function bad(error: QgsError, detail: string): Extract<QgsResult, { readonly ok: false }> {
  return { ok: false, error, detail };
}
