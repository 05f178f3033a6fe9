// SPDX-License-Identifier: MIT
import { bytesToHex } from '@noble/hashes/utils.js';
import {
  boolean,
  decodeDer,
  ecdsaSignature,
  elementsOf,
  encodingOf,
  isTagged,
  namedBits,
  objectIdentifier,
  octets,
  sequence,
  textOf,
  unixTime,
  unsignedInteger,
  wholeBits,
  type Element,
} from './asn1.ts';

/** Object identifiers. Origin: RFC 5280, RFC 5480; Intel SGX PCK Certificate and CRL Profile. */
export const OID = {
  commonName: '2.5.4.3',
  basicConstraints: '2.5.29.19',
  keyUsage: '2.5.29.15',
  ecPublicKey: '1.2.840.10045.2.1',
  prime256v1: '1.2.840.10045.3.1.7',
  ecdsaWithSha256: '1.2.840.10045.4.3.2',
  sgxExtensions: '1.2.840.113741.1.13.1',
} as const;

/** A certificate as far as quotes need it. */
export interface Certificate {
  /** The whole encoding. */
  readonly der: Uint8Array;
  /** What the issuer's signature is over, as it was encoded. */
  readonly tbs: Uint8Array;
  /** r || s. */
  readonly signature: Uint8Array;
  /** Encodings of the names. */
  readonly issuer: Uint8Array;
  readonly subject: Uint8Array;
  /** Common name of the subject. */
  readonly commonName: string;
  /** Serial number, hexadecimal digits without leading zeros. */
  readonly serial: string;
  /** Seconds since 1970, both inclusive. */
  readonly notBefore: number;
  readonly notAfter: number;
  /** x || y of a point on P-256, not yet checked to be one. */
  readonly publicKey: Uint8Array;
  /** basicConstraints.cA. */
  readonly isCa: boolean;
  /** keyUsage, first octet: 0x80 digitalSignature, 0x04 keyCertSign, 0x02 cRLSign. */
  readonly keyUsage: number;
  /** Content of the SGX extension, where there is one. */
  readonly sgxExtensions: Uint8Array | undefined;
}

/**
 * Reads an X.509 certificate with an ECDSA key and signature on P-256; undefined for anything
 * else.
 */
export function parseCertificate(der: Uint8Array): Certificate | undefined {
  const [tbsElement, algorithm, signatureBits] = sequence(decodeDer(der)) ?? [];
  const signature = signatureOf(algorithm, signatureBits);
  const fields = sequence(tbsElement);
  if (tbsElement === undefined || fields === undefined || signature === undefined) return undefined;
  const [version, ...rest] = fields;
  if (!isTagged(version, 0)) return undefined;
  const [serial, , issuer, validity, subject, keyInfo, ...optional] = rest;
  const [notBefore, notAfter] = (sequence(validity) ?? []).map(unixTime);
  const serialBytes = unsignedInteger(serial);
  const publicKey = pointOf(keyInfo);
  const extensions = extensionsOf(optional.find((one) => isTagged(one, 3)));
  if (
    issuer === undefined ||
    subject === undefined ||
    notBefore === undefined ||
    notAfter === undefined ||
    serialBytes === undefined ||
    publicKey === undefined ||
    extensions === undefined
  ) {
    return undefined;
  }
  const constraints = extensions.get(OID.basicConstraints);
  const usage = extensions.get(OID.keyUsage);
  return {
    der: der.slice(),
    tbs: encodingOf(tbsElement),
    signature,
    issuer: encodingOf(issuer),
    subject: encodingOf(subject),
    commonName: commonNameOf(subject),
    serial: bytesToHex(serialBytes),
    notBefore,
    notAfter,
    publicKey,
    isCa: constraints !== undefined && boolean(sequence(decodeDer(constraints))?.[0]) === true,
    keyUsage: usage === undefined ? 0 : (namedBits(decodeDer(usage)) ?? 0),
    sgxExtensions: extensions.get(OID.sgxExtensions),
  };
}

/** The signature of a certificate or a list; undefined where it is not ECDSA with SHA-256. */
export function signatureOf(
  algorithm: Element | undefined,
  bits: Element | undefined,
): Uint8Array | undefined {
  if (objectIdentifier(sequence(algorithm)?.[0]) !== OID.ecdsaWithSha256) return undefined;
  const der = wholeBits(bits);
  return der === undefined ? undefined : ecdsaSignature(der);
}

function pointOf(keyInfo: Element | undefined): Uint8Array | undefined {
  const [algorithm, bits] = sequence(keyInfo) ?? [];
  const [type, curve] = (sequence(algorithm) ?? []).map(objectIdentifier);
  if (type !== OID.ecPublicKey || curve !== OID.prime256v1) return undefined;
  const point = wholeBits(bits);
  return point?.length === 65 && point[0] === 0x04 ? point.slice(1) : undefined;
}

/** Extensions by object identifier; undefined where one stands twice or is malformed. */
function extensionsOf(tagged: Element | undefined): ReadonlyMap<string, Uint8Array> | undefined {
  const extensions = new Map<string, Uint8Array>();
  if (tagged === undefined) return extensions;
  for (const extension of sequence(elementsOf(tagged)?.[0]) ?? []) {
    const fields = sequence(extension) ?? [];
    const id = objectIdentifier(fields[0]);
    const value = octets(fields.at(-1));
    if (id === undefined || value === undefined || extensions.has(id)) return undefined;
    extensions.set(id, value);
  }
  return extensions;
}

function commonNameOf(name: Element): string {
  for (const set of elementsOf(name) ?? []) {
    const [type, value] = sequence(elementsOf(set)?.[0]) ?? [];
    if (objectIdentifier(type) === OID.commonName) return textOf(value) ?? '';
  }
  return '';
}
