// SPDX-License-Identifier: MIT
import { createRequire } from 'node:module';
import { collateralFields } from '@kernel-models/oracle';
import type { verify } from '@kernel-models/tdx-attest';

/** The peer's verifier, as far as it is used: @phala/dcap-qvl, CommonJS. */
interface PeerModule {
  readonly QuoteVerifier: {
    newWithRootCa(root: Buffer): {
      verify(quote: Buffer, collateral: object, seconds: number): { readonly status: string };
    };
  };
}

const peer = createRequire(import.meta.url)('@phala/dcap-qvl') as PeerModule;

/** What the peer says of a quote: a status, or its message of refusal. */
export type PeerVerdict =
  { readonly ok: true; readonly status: string } | { readonly ok: false; readonly message: string };

/** Asks the peer. */
export function askPeer(
  root: Uint8Array,
  quote: Uint8Array,
  collateral: verify.Collateral,
  time: number,
): PeerVerdict {
  try {
    const verifier = peer.QuoteVerifier.newWithRootCa(Buffer.from(root));
    const { status } = verifier.verify(Buffer.from(quote), collateralFields(collateral), time);
    return { ok: true, status };
  } catch (error) {
    return { ok: false, message: error instanceof Error ? error.message : String(error) };
  }
}
