// SPDX-License-Identifier: MIT
import { p256 } from '@noble/curves/nist.js';

/** Bytes of a point of P-256 as quotes hold it: x || y. */
export const POINT_SIZE = 64;
/** Bytes of a signature as quotes hold it: r || s. */
export const SIGNATURE_SIZE = 64;

/** A public key that is ready to verify with. */
export interface VerifyingKey {
  /**
   * Whether a signature (r || s) over SHA-256 of a message is right. s may be high: quoting
   * enclaves do not normalise. A signature of another size is wrong. Never throws.
   */
  verify(message: Uint8Array, signature: Uint8Array): boolean;
}

/**
 * ECDSA on P-256 with SHA-256, synchronous. Verification is the whole of what attestation needs.
 */
export interface SignatureBackend {
  readonly name: string;
  /** The key of a point (x || y), or undefined where it is none of the curve. Never throws. */
  importKey(point: Uint8Array): VerifyingKey | undefined;
}

const VERIFY_OPTIONS = { prehash: true, lowS: false } as const;

/** The backend that runs anywhere: @noble/curves. */
export const nobleBackend: SignatureBackend = {
  name: 'noble',
  importKey: (point) => {
    const key = uncompressed(point);
    if (key === undefined) return undefined;
    return {
      verify: (message, signature) =>
        signature.length === SIGNATURE_SIZE && p256.verify(signature, message, key, VERIFY_OPTIONS),
    };
  },
};

/** A backend that takes low-s signatures alone: what `bug:low-s-required` does. */
export function requireLowS(backend: SignatureBackend): SignatureBackend {
  return {
    name: `${backend.name}, low s alone`,
    importKey: (point) => {
      const key = backend.importKey(point);
      if (key === undefined) return undefined;
      return {
        verify: (message, signature) => isLowS(signature) && key.verify(message, signature),
      };
    },
  };
}

const HALF_ORDER = p256.Point.Fn.ORDER >> 1n;

function isLowS(signature: Uint8Array): boolean {
  const s = signature.subarray(32).reduce((value, byte) => (value << 8n) | BigInt(byte), 0n);
  return s <= HALF_ORDER;
}

function uncompressed(point: Uint8Array): Uint8Array | undefined {
  if (point.length !== POINT_SIZE) return undefined;
  const key = new Uint8Array(POINT_SIZE + 1);
  key[0] = 0x04;
  key.set(point, 1);
  return p256.utils.isValidPublicKey(key, false) ? key : undefined;
}
