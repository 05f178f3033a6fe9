// SPDX-License-Identifier: MIT
import { bytesToHex } from '@noble/hashes/utils.js';
import { decodeDer, encodingOf, isTagged, sequence, unixTime, unsignedInteger } from './asn1.ts';
import { signatureOf } from './certificate.ts';

/** A certificate revocation list. */
export interface RevocationList {
  readonly tbs: Uint8Array;
  /** r || s. */
  readonly signature: Uint8Array;
  /** Encoding of the issuer's name. */
  readonly issuer: Uint8Array;
  /** Seconds since 1970. */
  readonly thisUpdate: number;
  readonly nextUpdate: number;
  /** Serial numbers, hexadecimal digits without leading zeros. */
  readonly revoked: ReadonlySet<string>;
}

/** Reads an X.509 list signed with ECDSA on P-256; undefined for anything else. */
export function parseRevocationList(der: Uint8Array): RevocationList | undefined {
  const [tbsElement, algorithm, bits] = sequence(decodeDer(der)) ?? [];
  const signature = signatureOf(algorithm, bits);
  const fields = sequence(tbsElement);
  if (tbsElement === undefined || fields === undefined || signature === undefined) return undefined;
  // The version is there in version 2, which lists have that know extensions.
  const versioned = unsignedInteger(fields[0]) !== undefined;
  const [, issuer, first, second, ...rest] = versioned ? fields.slice(1) : fields;
  const thisUpdate = unixTime(first);
  const nextUpdate = unixTime(second);
  if (issuer === undefined || thisUpdate === undefined || nextUpdate === undefined)
    return undefined;
  const revoked = new Set<string>();
  const [entries] = rest;
  if (entries !== undefined && !isTagged(entries, 0)) {
    for (const entry of sequence(entries) ?? []) {
      const serial = unsignedInteger(sequence(entry)?.[0]);
      if (serial === undefined) return undefined;
      revoked.add(bytesToHex(serial));
    }
  }
  return {
    tbs: encodingOf(tbsElement),
    signature,
    issuer: encodingOf(issuer),
    thisUpdate,
    nextUpdate,
    revoked,
  };
}
