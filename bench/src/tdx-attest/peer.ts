// SPDX-License-Identifier: MIT
import { createRequire } from 'node:module';

/** The peer, as far as it is measured: @phala/dcap-qvl, CommonJS. */
interface PeerModule {
  readonly Quote: { parse(bytes: Buffer): object };
  readonly QuoteVerifier: {
    newWithRootCa(root: Buffer): {
      verify(quote: Buffer, collateral: object, seconds: number): { readonly status: string };
    };
  };
}

/** The peer, or undefined where it is not installed. */
export function loadPeer(): PeerModule | undefined {
  try {
    return createRequire(import.meta.url)('@phala/dcap-qvl') as PeerModule;
  } catch {
    return undefined;
  }
}
