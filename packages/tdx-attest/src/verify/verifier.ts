// SPDX-License-Identifier: MIT
import { areEqual } from '../bytes.ts';
import { nobleBackend, requireLowS, type SignatureBackend } from '../crypto/signature-backend.ts';
import type { ChainContext } from './chain.ts';
import { openCollateral, type Collateral, type OpenedCollateral } from './collateral.ts';
import { openPckChain, type PckChain } from './pck-chain.ts';
import type { Policy } from './policy.ts';
import type { Checked } from './reasons.ts';
import { CORRECT, type Variant } from './variant.ts';
import { verifyQuote, type Verdict } from './verify-quote.ts';

/** What a verifier trusts and computes with. */
export interface VerifierOptions {
  /** DER of the root certificate that is trusted. */
  readonly root: Uint8Array;
  /** Absent: @noble/curves. */
  readonly backend?: SignatureBackend;
  /** Absent: {@link CORRECT}. */
  readonly variant?: Variant;
}

/** Verifies quotes, offline: collateral and time are arguments. */
export interface Verifier {
  /**
   * Verifies one quote. Never throws.
   *
   * What is signed in a collateral is checked once for each collateral object, and the PCK chain
   * of the last quote is remembered: only dates, the quote and the policy are looked at each time.
   *
   * @param time seconds since 1970
   */
  verify(quote: Uint8Array, collateral: Collateral, time: number, policy?: Policy): Verdict;
}

/** A PCK chain that was opened with a collateral. */
interface Remembered {
  readonly pem: Uint8Array;
  readonly collateral: Collateral;
  readonly chain: Checked<PckChain>;
}

/** A verifier for one root. */
export function createVerifier(options: VerifierOptions): Verifier {
  const { root, backend = nobleBackend, variant = CORRECT } = options;
  const context: ChainContext = {
    root: root.slice(),
    backend: variant.requiresLowS ? requireLowS(backend) : backend,
    variant,
  };
  const openedBefore = new WeakMap<Collateral, OpenedCollateral>();
  let last: Remembered | undefined;

  const open = (collateral: Collateral): OpenedCollateral => {
    const known = openedBefore.get(collateral);
    if (known !== undefined) return known;
    const opened = openCollateral(collateral, context);
    openedBefore.set(collateral, opened);
    return opened;
  };
  const openChain = (pem: Uint8Array, collateral: Collateral): Checked<PckChain> => {
    if (last?.collateral !== collateral || !areEqual(last.pem, pem)) {
      last = { pem, collateral, chain: openPckChain(pem, collateral, context) };
    }
    return last.chain;
  };
  return {
    verify: (quote, collateral, time, policy = {}) =>
      verifyQuote(quote, { context, opened: open(collateral), openChain, time, policy }),
  };
}
