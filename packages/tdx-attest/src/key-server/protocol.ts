// SPDX-License-Identifier: MIT
import { hkdf } from '@noble/hashes/hkdf.js';
import { hmac } from '@noble/hashes/hmac.js';
import { sha256, sha512 } from '@noble/hashes/sha2.js';
import { concatBytes } from '@noble/hashes/utils.js';
import { areEqual, asciiBytes } from '../bytes.ts';
import { sharedSecret, signingKeyOf } from '../crypto/signing-key.ts';

/*
 * The words of key release: the key server starts, with a nonce; the TD puts the nonce and its own
 * key into REPORTDATA; the server seals the disk key to that key. Follows the order that Message-ID
 * 1168a7cc-9e41-ee2d-8b3d-8dbd1ab85609@linux.intel.com settles: the server asks, not the TD.
 */

const CONTEXT = asciiBytes('kernel-models key release 1');

/** Bytes of a nonce. */
export const NONCE_SIZE = 32;

/** How REPORTDATA is made: over nonce and key, or the bare nonce, which binds no key. */
export type Binding = 'nonce-and-key' | 'nonce-only';

/**
 * REPORTDATA of a session, 64 bytes.
 *
 * @param publicKey x || y of the TD's ephemeral key
 */
export function reportDataOf(
  binding: Binding,
  nonce: Uint8Array,
  publicKey: Uint8Array,
): Uint8Array {
  if (binding === 'nonce-and-key') return sha512(concatBytes(CONTEXT, nonce, publicKey));
  return concatBytes(nonce, new Uint8Array(64 - nonce.length));
}

/** A disk key that only the holder of a private key can open. */
export interface SealedKey {
  /** x || y of the server's ephemeral key. */
  readonly serverKey: Uint8Array;
  /** The key under a pad of its own length. */
  readonly sealed: Uint8Array;
  /** HMAC-SHA-256 over serverKey || sealed. */
  readonly tag: Uint8Array;
}

/**
 * Seals a key to a public key: ECDH on P-256, HKDF, a pad that is used once, HMAC. Undefined where
 * the public key is no point of the curve.
 *
 * @param seed of the server's ephemeral key: another for each session
 */
export function seal(key: Uint8Array, publicKey: Uint8Array, seed: string): SealedKey | undefined {
  const secret = sharedSecret(seed, publicKey);
  if (secret === undefined) return undefined;
  const serverKey = signingKeyOf(seed).point;
  const { pad, macKey } = derive(secret, key.length);
  const sealed = key.map((byte, index) => byte ^ (pad[index] ?? 0));
  return { serverKey, sealed, tag: hmac(sha256, macKey, concatBytes(serverKey, sealed)) };
}

/**
 * Opens a sealed key; undefined where it was sealed to another.
 *
 * @param seed of the receiver's ephemeral key
 */
export function unseal(
  { serverKey, sealed, tag }: SealedKey,
  seed: string,
): Uint8Array | undefined {
  const secret = sharedSecret(seed, serverKey);
  if (secret === undefined) return undefined;
  const { pad, macKey } = derive(secret, sealed.length);
  if (!areEqual(hmac(sha256, macKey, concatBytes(serverKey, sealed)), tag)) return undefined;
  return sealed.map((byte, index) => byte ^ (pad[index] ?? 0));
}

function derive(
  secret: Uint8Array,
  size: number,
): { readonly pad: Uint8Array; readonly macKey: Uint8Array } {
  const okm = hkdf(sha256, secret, CONTEXT, asciiBytes('seal'), size + 32);
  return { pad: okm.subarray(0, size), macKey: okm.subarray(size) };
}
