// SPDX-License-Identifier: MIT
import { viewOf } from '../bytes.ts';
import { EnclaveReport, TdBody } from './body.ts';
import { HEADER_OFFSET, HEADER_SIZE } from './layout.ts';

/** Where the parts of a quote lie, as {@link parseQuote} found them. Offsets from its start. */
export interface QuoteShape {
  readonly version: 3 | 4 | 5;
  readonly bodyOffset: number;
  readonly bodySize: number;
  readonly bodyKind: 'td' | 'enclave';
  /** End of what the attestation key signs: header, descriptor and body. */
  readonly signedSize: number;
  /** Start of the auth data, behind its length. */
  readonly authOffset: number;
  readonly authSize: number;
  /** Type of the outer certification data; version 3 has none and shows that of the inner. */
  readonly outerType: number;
  readonly qeReportOffset: number;
  readonly qeAuthOffset: number;
  readonly qeAuthSize: number;
  readonly certificationType: number;
  readonly certificationOffset: number;
  readonly certificationSize: number;
}

/**
 * A quote: one copy of its bytes, and getters over it. Fields are views: do not write to them.
 *
 * Only the signed range is covered by the quote's own signature; auth data is malleable.
 */
export class Quote {
  readonly bytes: Uint8Array;
  readonly shape: QuoteShape;

  /** Use {@link parseQuote}: a shape that does not fit its bytes reads nonsense. */
  constructor(bytes: Uint8Array, shape: QuoteShape) {
    this.bytes = bytes;
    this.shape = shape;
  }

  get version(): 3 | 4 | 5 {
    return this.shape.version;
  }
  get attestationKeyType(): number {
    return this.u16(HEADER_OFFSET.attestationKeyType);
  }
  get teeType(): number {
    return viewOf(this.bytes).getUint32(HEADER_OFFSET.teeType, true);
  }
  /** Reserved since version 4. */
  get qeSvn(): number {
    return this.u16(HEADER_OFFSET.qeSvn);
  }
  /** Reserved since version 4. */
  get pceSvn(): number {
    return this.u16(HEADER_OFFSET.pceSvn);
  }
  /** 16 bytes. */
  get qeVendorId(): Uint8Array {
    return this.part(HEADER_OFFSET.qeVendorId, 16);
  }
  /** 20 bytes, of which the first 16 name the quoting enclave's platform. */
  get userData(): Uint8Array {
    return this.part(HEADER_OFFSET.userData, 20);
  }
  get header(): Uint8Array {
    return this.part(0, HEADER_SIZE);
  }
  get body(): TdBody | EnclaveReport {
    const bytes = this.part(this.shape.bodyOffset, this.shape.bodySize);
    return this.shape.bodyKind === 'td' ? new TdBody(bytes) : new EnclaveReport(bytes);
  }
  /** What the quote's signature is over. */
  get signedRange(): Uint8Array {
    return this.part(0, this.shape.signedSize);
  }
  /** r || s, 64 bytes. Not normalised: s may be high. */
  get signature(): Uint8Array {
    return this.part(this.shape.authOffset, 64);
  }
  /** x || y of a point on P-256, 64 bytes. */
  get attestationKey(): Uint8Array {
    return this.part(this.shape.authOffset + 64, 64);
  }
  /** The quoting enclave's own report. */
  get qeReport(): EnclaveReport {
    return new EnclaveReport(this.part(this.shape.qeReportOffset, 384));
  }
  /** Signature of the PCK key over the quoting enclave's report. */
  get qeReportSignature(): Uint8Array {
    return this.part(this.shape.qeReportOffset + 384, 64);
  }
  /** What the quoting enclave hashes with its key; any size. */
  get qeAuthData(): Uint8Array {
    return this.part(this.shape.qeAuthOffset, this.shape.qeAuthSize);
  }
  /** Type of the inner certification data: 5 for a chain of PCK certificates. */
  get certificationType(): number {
    return this.shape.certificationType;
  }
  get certificationData(): Uint8Array {
    return this.part(this.shape.certificationOffset, this.shape.certificationSize);
  }
  /** Bytes behind the auth data. Quotes from Linux often carry padding; it means nothing. */
  get trailingSize(): number {
    return this.bytes.length - this.shape.authOffset - this.shape.authSize;
  }

  private part(offset: number, size: number): Uint8Array {
    return this.bytes.subarray(offset, offset + size);
  }

  private u16(offset: number): number {
    return viewOf(this.bytes).getUint16(offset, true);
  }
}
