// SPDX-License-Identifier: MIT
import { Quote, type QuoteShape } from './quote.ts';
import {
  BODY_DESCRIPTOR_SIZE,
  BODY_TYPE,
  CERTIFICATION_TYPE,
  ENCLAVE_REPORT_SIZE,
  HEADER_OFFSET,
  HEADER_SIZE,
  TD_BODY_10_SIZE,
  TD_BODY_15_SIZE,
  TEE_TYPE_SGX,
  TEE_TYPE_TDX,
} from './layout.ts';

/** Why bytes are not a quote: the first reason, in the order of the bytes. */
export type ParseReason =
  | 'malformed'
  | 'unsupported-version'
  | 'unsupported-tee-type'
  | 'version-tee-mismatch'
  | 'unsupported-certification-data';

/** A quote, or the first reason why there is none, with the field that says so. */
export type ParseResult =
  | { readonly ok: true; readonly quote: Quote }
  | { readonly ok: false; readonly reason: ParseReason; readonly detail: string };

/** Switches that no correct parser sets. */
export interface ParseVariant {
  /** Refuses padding behind the auth data, which genuine quotes carry. */
  readonly rejectsTrailingBytes?: boolean;
}

/** Bytes of signature and attestation key at the start of auth data. */
const SIGNATURE_AND_KEY_SIZE = 128;
/** Bytes of the quoting enclave's report and its signature. */
const QE_REPORT_AND_SIGNATURE_SIZE = ENCLAVE_REPORT_SIZE + 64;

/**
 * Reads a quote of version 3, 4 or 5. Never throws. The bytes are copied once; what is returned is
 * views.
 *
 * Sizes within the auth data must come out even; bytes behind it are padding.
 */
export function parseQuote(input: Uint8Array, variant: ParseVariant = {}): ParseResult {
  const bytes = input.slice();
  const size = bytes.length;
  if (size < HEADER_SIZE) return bad('malformed', `header: expected 48 bytes, got ${size}`);
  const view = new DataView(bytes.buffer, 0, size);

  const version = view.getUint16(HEADER_OFFSET.version, true);
  if (version !== 3 && version !== 4 && version !== 5) {
    return bad('unsupported-version', `version: expected 3, 4 or 5, got ${version}`);
  }
  const teeType = view.getUint32(HEADER_OFFSET.teeType, true);
  if (teeType !== TEE_TYPE_SGX && teeType !== TEE_TYPE_TDX) {
    return bad(
      'unsupported-tee-type',
      `tee_type: expected 0 or 0x81, got 0x${teeType.toString(16)}`,
    );
  }
  const isTd = teeType === TEE_TYPE_TDX;
  if (version === 3 && isTd) return bad('version-tee-mismatch', 'version 3 with tee_type 0x81');

  const body = bodyOf(view, version, isTd);
  if ('reason' in body) return body;
  const signedSize = body.offset + body.size;
  if (size < signedSize + 4)
    return bad('malformed', `body: expected ${body.size} bytes and a length`);

  const authSize = view.getUint32(signedSize, true);
  const authOffset = signedSize + 4;
  if (authSize > size - authOffset) {
    return bad('malformed', `auth_data_len: ${authSize}, with ${size - authOffset} bytes left`);
  }
  const authEnd = authOffset + authSize;
  if (variant.rejectsTrailingBytes === true && authEnd !== size) {
    return bad('malformed', `${size - authEnd} bytes behind the auth data`);
  }
  const auth = authShape(view, version, authOffset, authEnd);
  if ('reason' in auth) return auth;
  const shape: QuoteShape = {
    version,
    bodyOffset: body.offset,
    bodySize: body.size,
    bodyKind: isTd ? 'td' : 'enclave',
    signedSize,
    authOffset,
    authSize,
    ...auth,
  };
  return { ok: true, quote: new Quote(bytes, shape) };
}

type Failure = Extract<ParseResult, { readonly ok: false }>;

/** Where the body lies. */
function bodyOf(
  view: DataView,
  version: 3 | 4 | 5,
  isTd: boolean,
): { readonly offset: number; readonly size: number } | Failure {
  if (version !== 5) {
    return { offset: HEADER_SIZE, size: isTd ? TD_BODY_10_SIZE : ENCLAVE_REPORT_SIZE };
  }
  if (view.byteLength < HEADER_SIZE + BODY_DESCRIPTOR_SIZE) {
    return bad('malformed', 'body type: the quote ends before it');
  }
  const type = view.getUint16(HEADER_SIZE, true);
  const size = view.getUint32(HEADER_SIZE + 2, true);
  const expected = SIZE_OF_BODY_TYPE.get(type);
  if (expected === undefined) return bad('malformed', `body type: expected 1, 2 or 3, got ${type}`);
  if (size !== expected) return bad('malformed', `body size: expected ${expected}, got ${size}`);
  if (isTd !== (type !== BODY_TYPE.sgx)) {
    return bad('version-tee-mismatch', `body type ${type} with tee_type ${isTd ? '0x81' : '0'}`);
  }
  return { offset: HEADER_SIZE + BODY_DESCRIPTOR_SIZE, size };
}

const SIZE_OF_BODY_TYPE: ReadonlyMap<number, number> = new Map([
  [BODY_TYPE.sgx, ENCLAVE_REPORT_SIZE],
  [BODY_TYPE.td10, TD_BODY_10_SIZE],
  [BODY_TYPE.td15, TD_BODY_15_SIZE],
]);

type AuthShape = Pick<
  QuoteShape,
  | 'outerType'
  | 'qeReportOffset'
  | 'qeAuthOffset'
  | 'qeAuthSize'
  | 'certificationType'
  | 'certificationOffset'
  | 'certificationSize'
>;

/**
 * Walks the auth data; since version 4 the quoting enclave's part lies in an envelope of type 6.
 */
function authShape(
  view: DataView,
  version: 3 | 4 | 5,
  start: number,
  authEnd: number,
): AuthShape | Failure {
  let at = start + SIGNATURE_AND_KEY_SIZE;
  let end = authEnd;
  let outerType: number = CERTIFICATION_TYPE.pckChain;
  if (at > end) return bad('malformed', 'auth data: ends in signature or key');
  if (version !== 3) {
    if (at + 6 > end) return bad('malformed', 'certification data: ends in type or size');
    outerType = view.getUint16(at, true);
    const size = view.getUint32(at + 2, true);
    at += 6;
    if (outerType !== CERTIFICATION_TYPE.qeReport) {
      return bad('unsupported-certification-data', `outer type: expected 6, got ${outerType}`);
    }
    if (size !== end - at) {
      return bad('malformed', `certification data: says ${size}, has ${end - at} bytes`);
    }
    end = at + size;
  }
  const qeReportOffset = at;
  const qeAuthOffset = at + QE_REPORT_AND_SIGNATURE_SIZE + 2;
  if (qeAuthOffset > end) return bad('malformed', 'QE report: cut off');
  const qeAuthSize = view.getUint16(qeAuthOffset - 2, true);
  const certificationOffset = qeAuthOffset + qeAuthSize + 6;
  if (certificationOffset > end)
    return bad('malformed', `QE auth data: says ${qeAuthSize}, cut off`);
  const certificationType = view.getUint16(certificationOffset - 6, true);
  const certificationSize = view.getUint32(certificationOffset - 4, true);
  if (certificationSize !== end - certificationOffset) {
    return bad(
      'malformed',
      `inner certification data: says ${certificationSize}, has ${end - certificationOffset} bytes`,
    );
  }
  return {
    outerType: version === 3 ? certificationType : outerType,
    qeReportOffset,
    qeAuthOffset,
    qeAuthSize,
    certificationType,
    certificationOffset,
    certificationSize,
  };
}

function bad(reason: ParseReason, detail: string): Failure {
  return { ok: false, reason, detail };
}
