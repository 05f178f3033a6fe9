// SPDX-License-Identifier: MIT
import { p256 } from '@noble/curves/nist.js';
import { sha512 } from '@noble/hashes/sha2.js';
import { asciiBytes } from '../bytes.ts';

/** A key pair of P-256 for TEST certificates and TEST quotes. It protects nothing. */
export interface SigningKey {
  /** x || y, 64 bytes. */
  readonly point: Uint8Array;
  /** r || s over SHA-256 of a message. The same message, the same signature (RFC 6979). */
  sign(message: Uint8Array): Uint8Array;
}

/** The key pair of a seed: equal seeds, equal keys. */
export function signingKeyOf(seed: string): SigningKey {
  const { secretKey } = p256.keygen(sha512(asciiBytes(seed)).slice(0, 48));
  return {
    point: p256.getPublicKey(secretKey, false).slice(1),
    sign: (message) => p256.sign(message, secretKey, { prehash: true, lowS: false }),
  };
}

/**
 * ECDH on P-256: the x coordinate of the shared point, or undefined where the other key is none.
 */
export function sharedSecret(seed: string, point: Uint8Array): Uint8Array | undefined {
  const { secretKey } = p256.keygen(sha512(asciiBytes(seed)).slice(0, 48));
  const key = Uint8Array.of(0x04, ...point);
  if (!p256.utils.isValidPublicKey(key, false)) return undefined;
  return p256.getSharedSecret(secretKey, key, false).slice(1, 33);
}
