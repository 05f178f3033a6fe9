// SPDX-License-Identifier: MIT
import { concatBytes } from '@noble/hashes/utils.js';
import { viewOf } from '../bytes.ts';
import {
  ATTESTATION_KEY_ECDSA_P256,
  BODY_TYPE,
  CERTIFICATION_TYPE,
  ENCLAVE_REPORT_SIZE,
  HEADER_OFFSET,
  HEADER_SIZE,
  INTEL_QE_VENDOR_ID,
  TD_BODY_10_SIZE,
  TD_BODY_15_SIZE,
  TEE_TYPE_SGX,
  TEE_TYPE_TDX,
} from './layout.ts';
import type { Quote } from './quote.ts';

/** What an attestation key signs. */
export interface QuoteContent {
  readonly version: 3 | 4 | 5;
  readonly teeType: 'sgx' | 'tdx';
  /** 384, 584 or, in version 5, 648 bytes. */
  readonly body: Uint8Array;
  /** 16 bytes; absent: Intel's. */
  readonly qeVendorId?: Uint8Array;
  /** 20 bytes; absent: zero. */
  readonly userData?: Uint8Array;
  /** Absent: ECDSA on P-256. */
  readonly attestationKeyType?: number;
}

/** What follows the signed range. Nothing of it is signed by the attestation key. */
export interface AuthData {
  /** r || s. */
  readonly signature: Uint8Array;
  /** x || y. */
  readonly attestationKey: Uint8Array;
  readonly qeReport: Uint8Array;
  readonly qeReportSignature: Uint8Array;
  readonly qeAuthData: Uint8Array;
  readonly certificationType: number;
  readonly certificationData: Uint8Array;
}

const BODY_TYPE_OF_SIZE: ReadonlyMap<number, number> = new Map([
  [ENCLAVE_REPORT_SIZE, BODY_TYPE.sgx],
  [TD_BODY_10_SIZE, BODY_TYPE.td10],
  [TD_BODY_15_SIZE, BODY_TYPE.td15],
]);

/**
 * Lays out what the attestation key signs: header, descriptor (version 5) and body.
 *
 * @throws RangeError where the body is not one of that version and TEE
 */
export function signedRange(content: QuoteContent): Uint8Array {
  const { version, teeType, body } = content;
  const type = BODY_TYPE_OF_SIZE.get(body.length);
  const fits = (teeType === 'sgx') === (type === BODY_TYPE.sgx);
  if (type === undefined || !fits || (version !== 5 && type === BODY_TYPE.td15)) {
    throw new RangeError(
      `body: expected one of a ${teeType} quote v${version}, got ${body.length} bytes`,
    );
  }
  const header = new Uint8Array(HEADER_SIZE);
  const view = viewOf(header);
  const keyType = content.attestationKeyType ?? ATTESTATION_KEY_ECDSA_P256;
  view.setUint16(HEADER_OFFSET.version, version, true);
  view.setUint16(HEADER_OFFSET.attestationKeyType, keyType, true);
  view.setUint32(HEADER_OFFSET.teeType, teeType === 'tdx' ? TEE_TYPE_TDX : TEE_TYPE_SGX, true);
  header.set(content.qeVendorId ?? INTEL_QE_VENDOR_ID, HEADER_OFFSET.qeVendorId);
  header.set(content.userData ?? new Uint8Array(20), HEADER_OFFSET.userData);
  if (version !== 5) return concatBytes(header, body);
  const descriptor = new Uint8Array(6);
  viewOf(descriptor).setUint16(0, type, true);
  viewOf(descriptor).setUint32(2, body.length, true);
  return concatBytes(header, descriptor, body);
}

/** Puts a quote together: the signed range and the auth data. */
export function serialiseQuote(signed: Uint8Array, version: 3 | 4 | 5, auth: AuthData): Uint8Array {
  const inner = concatBytes(
    auth.qeReport,
    auth.qeReportSignature,
    u16(auth.qeAuthData.length),
    auth.qeAuthData,
    u16(auth.certificationType),
    u32(auth.certificationData.length),
    auth.certificationData,
  );
  const envelope =
    version === 3 ? inner : concatBytes(u16(CERTIFICATION_TYPE.qeReport), u32(inner.length), inner);
  const data = concatBytes(auth.signature, auth.attestationKey, envelope);
  return concatBytes(signed, u32(data.length), data);
}

/**
 * The auth data of a parsed quote: {@link serialiseQuote} gives its bytes back, without padding.
 */
export function authDataOf(quote: Quote): AuthData {
  return {
    signature: quote.signature,
    attestationKey: quote.attestationKey,
    qeReport: quote.qeReport.bytes,
    qeReportSignature: quote.qeReportSignature,
    qeAuthData: quote.qeAuthData,
    certificationType: quote.certificationType,
    certificationData: quote.certificationData,
  };
}

function u16(value: number): Uint8Array {
  const bytes = new Uint8Array(2);
  viewOf(bytes).setUint16(0, value, true);
  return bytes;
}

function u32(value: number): Uint8Array {
  const bytes = new Uint8Array(4);
  viewOf(bytes).setUint32(0, value, true);
  return bytes;
}
