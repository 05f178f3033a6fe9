// SPDX-License-Identifier: MIT
import * as asn1 from 'asn1js';
import type { SigningKey } from '../crypto/signing-key.ts';
import { OID } from '../x509/certificate.ts';
import {
  bigInteger,
  encode,
  integer,
  octetString,
  oid,
  sequence,
  tagged,
} from './asn1-elements.ts';

/* Certificates and revocation lists for TEST keys. */

type Element = asn1.AsnType;

/** A time as tests name it: `2026-01-01T00:00:00Z`. */
export type IsoTime = string;

/** What a TEST certificate says. */
export interface CertificateSpec {
  readonly subject: string;
  readonly issuer: string;
  readonly serial: number;
  readonly from: IsoTime;
  readonly to: IsoTime;
  /** x || y. */
  readonly publicKey: Uint8Array;
  readonly isCa: boolean;
  /** Content of the SGX extension. */
  readonly sgxExtensions?: Uint8Array;
  /** keyUsage, its first byte. Absent: what the profile wants of a CA, or of another. */
  readonly keyUsage?: number;
}

/** What a TEST list says. */
export interface ListSpec {
  readonly issuer: string;
  readonly from: IsoTime;
  readonly to: IsoTime;
  readonly revoked: readonly number[];
}

/** One attribute, the common name. Its TEST prefix is in every name. */
function nameOf(commonName: string): asn1.Sequence {
  const value = new asn1.Utf8String({ value: commonName });
  return sequence(new asn1.Set({ value: [sequence(oid(OID.commonName), value)] }));
}

/** `2026-01-01T00:00:00Z` as the encodings of times write it. */
function timeOf(iso: IsoTime): Element {
  const digits = iso.replace(/[-:T]/g, '');
  return iso < '2050'
    ? new asn1.UTCTime({ value: digits.slice(2) })
    : new asn1.GeneralizedTime({ value: digits });
}

const ALGORITHM = (): asn1.Sequence => sequence(oid(OID.ecdsaWithSha256));

/** Encodes and signs a certificate. */
export function certificate(spec: CertificateSpec, issuerKey: SigningKey): Uint8Array {
  const point = Uint8Array.of(0x04, ...spec.publicKey);
  const keyInfo = sequence(
    sequence(oid(OID.ecPublicKey), oid(OID.prime256v1)),
    new asn1.BitString({ valueHex: point.buffer }),
  );
  const tbs = sequence(
    tagged(0, integer(2)),
    integer(spec.serial),
    ALGORITHM(),
    nameOf(spec.issuer),
    sequence(timeOf(spec.from), timeOf(spec.to)),
    nameOf(spec.subject),
    keyInfo,
    tagged(3, sequence(...extensionsOf(spec))),
  );
  return signed(tbs, issuerKey);
}

/** keyCertSign and cRLSign, or digitalSignature and nonRepudiation. */
function extensionsOf({
  isCa,
  keyUsage = isCa ? 0x06 : 0xc0,
  sgxExtensions,
}: CertificateSpec): readonly Element[] {
  const usage = new asn1.BitString({ valueHex: Uint8Array.of(keyUsage).buffer });
  const constraints = isCa ? sequence(new asn1.Boolean({ value: true })) : sequence();
  const critical = new asn1.Boolean({ value: true });
  return [
    sequence(oid(OID.keyUsage), critical, octetString(encode(usage))),
    sequence(oid(OID.basicConstraints), critical, octetString(encode(constraints))),
    ...(sgxExtensions === undefined
      ? []
      : [sequence(oid(OID.sgxExtensions), octetString(sgxExtensions))]),
  ];
}

/** Encodes and signs a revocation list. */
export function revocationList(spec: ListSpec, issuerKey: SigningKey): Uint8Array {
  const entries = spec.revoked.map((serial) => sequence(integer(serial), timeOf(spec.from)));
  const tbs = sequence(
    integer(1),
    ALGORITHM(),
    nameOf(spec.issuer),
    timeOf(spec.from),
    timeOf(spec.to),
    ...(entries.length === 0 ? [] : [sequence(...entries)]),
  );
  return signed(tbs, issuerKey);
}

function signed(tbs: asn1.Sequence, key: SigningKey): Uint8Array {
  const signature = key.sign(encode(tbs));
  const der = sequence(bigInteger(signature.slice(0, 32)), bigInteger(signature.slice(32)));
  const bits = new asn1.BitString({ valueHex: encode(der).slice().buffer });
  return encode(sequence(tbs, ALGORITHM(), bits));
}
