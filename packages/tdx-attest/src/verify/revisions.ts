// SPDX-License-Identifier: MIT
import { resolveRevisions, type Revision, type RevisionId } from '@kernel-models/model-core';
import { CORRECT, type Variant } from './variant.ts';

/** The correct verifier, then the mistakes. */
export const VERIFIER_REVISIONS: readonly Revision<Variant>[] = [
  {
    id: 'dcap-1.23',
    source: 'Intel SGX DCAP 1.23, QuoteVerification/QVL, with the differences in the README',
    date: '2025-03',
    features: CORRECT,
  },
  {
    id: 'bug:verify-skips-qe-report-data',
    base: 'dcap-1.23',
    features: { skipsQeReportData: true },
    story: 'Nobody asks whether the enclave’s report is over the key that signed the quote.',
    caughtBy: ['verify.bit-flip-rejected', 'verify.agreement'],
  },
  {
    id: 'bug:verify-skips-chain-root',
    base: 'dcap-1.23',
    features: { skipsChainRoot: true },
    story: 'Any self-signed root will do.',
    caughtBy: ['verify.foreign-root-rejected', 'verify.agreement'],
  },
  {
    id: 'bug:verify-skips-crl',
    base: 'dcap-1.23',
    features: { skipsCrl: true },
    story: 'Revocation lists are not looked at.',
    caughtBy: ['verify.revoked-rejected', 'verify.agreement'],
  },
  {
    id: 'bug:verify-skips-dates',
    base: 'dcap-1.23',
    features: { skipsDates: true },
    story: 'Collateral of any age will do.',
    caughtBy: ['verify.time-within-windows', 'verify.agreement'],
  },
  {
    id: 'bug:verify-skips-debug',
    base: 'dcap-1.23',
    features: { skipsDebug: true },
    story: 'A TD that its host may debug is taken.',
    caughtBy: ['verify.debug-rejected', 'verify.agreement'],
  },
  {
    id: 'bug:tcb-compare-any-instead-of-all',
    base: 'dcap-1.23',
    features: { comparesAnyComponent: true },
    story: 'A level fits where any component reaches it, so an old platform is up to date.',
    caughtBy: ['verify.better-svn-never-worse', 'verify.agreement'],
  },
  {
    id: 'bug:level-order-trusted-from-json',
    base: 'dcap-1.23',
    features: { trustsLevelOrder: true },
    story:
      'Levels are taken in the order of the JSON, so an up-to-date platform may be out of date.',
    caughtBy: ['verify.level-order-irrelevant', 'verify.agreement'],
  },
  {
    id: 'bug:module-svn-compared-from-0',
    base: 'dcap-1.23',
    features: { comparesModuleSvn: true },
    story:
      'Components 0 and 1 are compared, so a newer module version with a lower SVN does not fit.',
    caughtBy: ['verify.better-svn-never-worse', 'verify.agreement'],
  },
  {
    id: 'bug:json-reserialised',
    base: 'dcap-1.23',
    features: { reserialisesJson: true },
    story: 'Signatures on collateral are checked over JSON that was parsed and written again.',
    caughtBy: ['verify.signature-over-exact-text', 'verify.agreement'],
  },
  {
    id: 'bug:low-s-required',
    base: 'dcap-1.23',
    features: { requiresLowS: true },
    story: 'Signatures with a high s are refused: half of the genuine quotes.',
    caughtBy: ['verify.malleable-accepted', 'verify.agreement'],
  },
  {
    id: 'bug:trailing-bytes-rejected',
    base: 'dcap-1.23',
    features: { rejectsTrailingBytes: true },
    story: 'Padding behind the auth data is refused, which genuine quotes carry.',
    caughtBy: ['verify.malleable-accepted', 'verify.agreement'],
  },
];

/**
 * The mistakes of a verifier.
 *
 * @throws RangeError where the revision is unknown
 */
export const variantOf: (revision: RevisionId) => Variant = resolveRevisions(
  'tdx-attest.verifier',
  VERIFIER_REVISIONS,
);
