// SPDX-License-Identifier: MIT
import { createPublicKey, verify, type KeyObject } from 'node:crypto';
import type { SignatureBackend } from '@kernel-models/tdx-attest';

/** The signature backend of Node's own OpenSSL: some fifty times as fast as the portable one. */
export const nodeSignatureBackend: SignatureBackend = {
  name: 'node:crypto',
  importKey: (point) => {
    const key = importPoint(point);
    if (key === undefined) return undefined;
    const verifying = { key, dsaEncoding: 'ieee-p1363' } as const;
    return {
      verify: (message, signature) =>
        signature.length === 64 && verify('sha256', message, verifying, signature),
    };
  },
};

function importPoint(point: Uint8Array): KeyObject | undefined {
  if (point.length !== 64) return undefined;
  const coordinate = (start: number): string =>
    Buffer.from(point.subarray(start, start + 32)).toString('base64url');
  try {
    return createPublicKey({
      key: { kty: 'EC', crv: 'P-256', x: coordinate(0), y: coordinate(32) },
      format: 'jwk',
    });
  } catch {
    // OpenSSL refuses what is no point of the curve.
    return undefined;
  }
}
