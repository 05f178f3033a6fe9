// SPDX-License-Identifier: MIT
import { quote, verify } from '@kernel-models/tdx-attest';
import { covered } from '../support/rule-coverage.ts';
import { COLLATERAL, ENCLAVE, issue, NOW, PKI } from './issued.ts';
import { nodeSignatureBackend } from './node-backend.ts';

/* What the tests of the verifier share: one quote, and how a verdict on it, or on another, reads. */

/** The verifier's model, its rules counted. */
export const model = covered(verify.verifierModel(nodeSignatureBackend));
/** The correct verifier. */
export const REVISION = 'dcap-1.23';

/** In what a verification differs from that of {@link QUOTE} by current collateral. */
export interface Case {
  readonly bytes?: Uint8Array;
  readonly collateral?: verify.Collateral;
  readonly time?: number;
  readonly policy?: verify.Policy;
  readonly root?: Uint8Array;
}

/** The outcome of a verification, in short: a status, or step and reason. */
export function outcomeOf(one: Case): string {
  const setup = {
    root: one.root ?? PKI.root,
    collateral: one.collateral ?? COLLATERAL,
    time: one.time ?? NOW,
    policy: one.policy ?? {},
  };
  const operation = { op: 'verify', quote: one.bytes ?? QUOTE } as const;
  const { outcome } = model.apply(model.initial(setup), operation, REVISION);
  if (outcome.kind === 'accepted') return outcome.status ?? '';
  return outcome.kind === 'refused' ? `${outcome.step}: ${outcome.reason}` : outcome.kind;
}

/** A genuine quote of the example TD. */
export const QUOTE: Uint8Array = issue();

/** {@link QUOTE}, parsed. */
export const PARSED: quote.Quote = (() => {
  const parsed = quote.parseQuote(QUOTE);
  if (!parsed.ok) throw new Error(parsed.detail);
  return parsed.quote;
})();

/** {@link QUOTE} with one bit flipped. */
export function flip(at: number, bit: number = 0): Uint8Array {
  return QUOTE.with(at, (QUOTE[at] ?? 0) ^ (1 << bit));
}

/** Another quote with everything the caller says, signed anew by the same keys. */
export function resigned(change: (content: quote.QuoteContent) => quote.QuoteContent): Uint8Array {
  return ENCLAVE.certify(change({ version: 4, teeType: 'tdx', body: QUOTE.slice(48, 632) }));
}

/** {@link QUOTE} with other auth data: nothing of that is signed with it. */
export function withAuthData(
  change: (auth: quote.AuthData) => Partial<quote.AuthData>,
): Uint8Array {
  const auth = quote.authDataOf(PARSED);
  return quote.serialiseQuote(PARSED.signedRange, 4, { ...auth, ...change(auth) });
}
