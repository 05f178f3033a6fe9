// SPDX-License-Identifier: MIT
import { createRequire } from 'node:module';
import type { verify } from '@kernel-models/tdx-attest';

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

/** A collateral in the peer's names. */
export function peerCollateral(collateral: verify.Collateral): object {
  const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');
  return {
    root_ca_crl: hex(collateral.rootCaCrl),
    pck_crl: hex(collateral.pckCrl),
    tcb_info_issuer_chain: collateral.tcbInfoIssuerChain,
    tcb_info: collateral.tcbInfo,
    tcb_info_signature: hex(collateral.tcbInfoSignature),
    qe_identity_issuer_chain: collateral.qeIdentityIssuerChain,
    qe_identity: collateral.qeIdentity,
    qe_identity_signature: hex(collateral.qeIdentitySignature),
  };
}
