// SPDX-License-Identifier: MIT
import { EnclaveReport, TdBody } from './body.ts';
import { copyOf } from './copy.ts';
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

/** Header and body of a quote: all that its signature is over, without the rest of it. */
export interface FixedPart {
  readonly version: 3 | 4 | 5;
  readonly body: TdBody | EnclaveReport;
}

/**
 * Reads header and body alone, say to find the session that a REPORTDATA belongs to before anything
 * dearer is done. Never throws. The 584 bytes of a version 4 body are copied, and what follows is not
 * looked at.
 */
export function parseFixedPart(
  input: Uint8Array,
): { readonly ok: true; readonly fixed: FixedPart } | Failure {
  const place = placeOfBody(input);
  if ('reason' in place) return place;
  const { version, isTd, offset, size } = place;
  if (input.length < offset + size) return bad('malformed', `body: expected ${size} bytes`);
  const bytes = copyOf(input, offset, offset + size);
  const body = isTd ? new TdBody(bytes) : new EnclaveReport(bytes);
  return { ok: true, fixed: { version, body } };
}

/**
 * Reads a quote of version 3, 4 or 5. Never throws. The bytes are copied once; what is returned is
 * views.
 *
 * Sizes within the auth data must come out even; bytes behind it are padding.
 */
export function parseQuote(input: Uint8Array, variant: ParseVariant = {}): ParseResult {
  const place = placeOfBody(input);
  if ('reason' in place) return place;
  const { version, isTd, offset, size } = place;
  const signedSize = offset + size;
  const authOffset = signedSize + 4;
  if (input.length < authOffset)
    return bad('malformed', `body: expected ${size} bytes and a length`);
  const authSize = u32(input, signedSize);
  if (authSize > input.length - authOffset) {
    return bad(
      'malformed',
      `auth_data_len: ${authSize}, with ${input.length - authOffset} bytes left`,
    );
  }
  const authEnd = authOffset + authSize;
  if (variant.rejectsTrailingBytes === true && authEnd !== input.length) {
    return bad('malformed', `${input.length - authEnd} bytes behind the auth data`);
  }
  const auth = authShape(input, version, authOffset, authEnd);
  if ('reason' in auth) return auth;
  const shape: QuoteShape = {
    version,
    bodyOffset: offset,
    bodySize: size,
    bodyKind: isTd ? 'td' : 'enclave',
    signedSize,
    authOffset,
    authSize,
    outerType: auth.outerType,
    qeReportOffset: auth.qeReportOffset,
    qeAuthOffset: auth.qeAuthOffset,
    qeAuthSize: auth.qeAuthSize,
    certificationType: auth.certificationType,
    certificationOffset: auth.certificationOffset,
    certificationSize: auth.certificationSize,
  };
  return { ok: true, quote: new Quote(input.slice(), shape) };
}

type Failure = Extract<ParseResult, { readonly ok: false }>;

/** Where the body lies, by what the header says. */
interface BodyPlace {
  readonly version: 3 | 4 | 5;
  readonly isTd: boolean;
  readonly offset: number;
  readonly size: number;
}

function placeOfBody(bytes: Uint8Array): BodyPlace | Failure {
  if (bytes.length < HEADER_SIZE) {
    return bad('malformed', `header: expected 48 bytes, got ${bytes.length}`);
  }
  const version = u16(bytes, HEADER_OFFSET.version);
  if (version !== 3 && version !== 4 && version !== 5) {
    return bad('unsupported-version', `version: expected 3, 4 or 5, got ${version}`);
  }
  const teeType = u32(bytes, HEADER_OFFSET.teeType);
  if (teeType !== TEE_TYPE_SGX && teeType !== TEE_TYPE_TDX) {
    return bad(
      'unsupported-tee-type',
      `tee_type: expected 0 or 0x81, got 0x${teeType.toString(16)}`,
    );
  }
  const isTd = teeType === TEE_TYPE_TDX;
  if (version === 3 && isTd) return bad('version-tee-mismatch', 'version 3 with tee_type 0x81');
  if (version !== 5) {
    const size = isTd ? TD_BODY_10_SIZE : ENCLAVE_REPORT_SIZE;
    return { version, isTd, offset: HEADER_SIZE, size };
  }
  return placeOfDescribedBody(bytes, isTd);
}

/** Version 5 says itself what its body is. */
function placeOfDescribedBody(bytes: Uint8Array, isTd: boolean): BodyPlace | Failure {
  const offset = HEADER_SIZE + BODY_DESCRIPTOR_SIZE;
  if (bytes.length < offset) return bad('malformed', 'body type: the quote ends before it');
  const type = u16(bytes, HEADER_SIZE);
  const size = u32(bytes, HEADER_SIZE + 2);
  const expected = SIZE_OF_BODY_TYPE.get(type);
  if (expected === undefined) return bad('malformed', `body type: expected 1, 2 or 3, got ${type}`);
  if (size !== expected) return bad('malformed', `body size: expected ${expected}, got ${size}`);
  if (isTd !== (type !== BODY_TYPE.sgx)) {
    return bad('version-tee-mismatch', `body type ${type} with tee_type ${isTd ? '0x81' : '0'}`);
  }
  return { version: 5, isTd, offset, size };
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
  bytes: Uint8Array,
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
    outerType = u16(bytes, at);
    const size = u32(bytes, at + 2);
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
  const qeAuthSize = u16(bytes, qeAuthOffset - 2);
  const certificationOffset = qeAuthOffset + qeAuthSize + 6;
  if (certificationOffset > end)
    return bad('malformed', `QE auth data: says ${qeAuthSize}, cut off`);
  const certificationType = u16(bytes, certificationOffset - 6);
  const certificationSize = u32(bytes, certificationOffset - 4);
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

/* Read byte by byte: a DataView for each of them costs more than all else that parsing does. */

function u16(bytes: Uint8Array, at: number): number {
  return (bytes[at] ?? 0) | ((bytes[at + 1] ?? 0) << 8);
}

function u32(bytes: Uint8Array, at: number): number {
  return (u16(bytes, at) | (u16(bytes, at + 2) << 16)) >>> 0;
}
