// SPDX-License-Identifier: MIT
import { describe, expect, test } from 'vitest';
import { driver, quote, testPki, verify } from '@kernel-models/tdx-attest';
import { IS_DEEP } from '../support/check-property.ts';
import { COLLATERAL, ENCLAVE, issue, issueSgx, NOW, PKI } from './issued.ts';
import { nodeSignatureBackend } from './node-backend.ts';
import { askPeer } from './peer.ts';

/*
 * Our quotes and verdicts beside those of @phala/dcap-qvl. Where the two differ, and why, is in
 * this package's README, "Where another verifier says something else": the tests hold both to that
 * list.
 */

const verifier = verify.createVerifier({ root: PKI.root, backend: nodeSignatureBackend });
const ANY_STATUS: verify.Policy = { statuses: verify.TCB_STATUSES };

/** Both verdicts in short: a status, or `refused`. */
function both(
  bytes: Uint8Array,
  collateral: verify.Collateral = COLLATERAL,
  time: number = NOW,
): { readonly ours: string; readonly peers: string } {
  const ours = verifier.verify(bytes, collateral, time, ANY_STATUS);
  const peers = askPeer(PKI.root, bytes, collateral, time);
  return { ours: ours.ok ? ours.status : 'refused', peers: peers.ok ? peers.status : 'refused' };
}

describe('our TEST quotes verify in the peer, given our root', () => {
  test.each(['v4', 'v5-1.0', 'v5-1.5'] as const)('%s', (format) => {
    expect(both(issue(undefined, format))).toEqual({ ours: 'UpToDate', peers: 'UpToDate' });
  });

  test('v3 of an enclave', () => {
    expect(both(issueSgx(), PKI.collateral({ tee: 'sgx' }))).toEqual({
      ours: 'UpToDate',
      peers: 'UpToDate',
    });
  });
});

const QUOTE = issue();
const parsed = quote.parseQuote(QUOTE);
if (!parsed.ok) throw new Error(parsed.detail);
const { shape } = parsed.quote;
const chain = new TextDecoder('latin1').decode(QUOTE.subarray(shape.certificationOffset));
const rootStart = shape.certificationOffset + chain.lastIndexOf('-----BEGIN');

/** Bytes of a quote in which the peer accepts what we refuse, each with the reason. */
const LENIENT: readonly (readonly [reason: string, start: number, end: number])[] = [
  ['it does not look at the outer type of certification data', 764, 766],
  [
    'it takes left-over bytes behind the inner certification data',
    shape.certificationOffset - 4,
    shape.certificationOffset,
  ],
  ['it looks for its own root and ignores the one in the chain', rootStart, QUOTE.length],
];

test('one flipped bit is judged alike, but where the peer is known to be lenient', () => {
  const stride = IS_DEEP ? 3 : 41;
  const places = [
    ...Array.from({ length: 56 }, (_, at) => at),
    ...Array.from({ length: Math.floor(QUOTE.length / stride) }, (_, index) => index * stride),
    ...LENIENT.flatMap(([, start]) => [start, start + 1]),
  ];
  const lenient = new Set<string>();
  for (const at of new Set(places)) {
    const { ours, peers } = both(QUOTE.with(at, (QUOTE[at] ?? 0) ^ 1));
    if (ours === peers) continue;
    const known = LENIENT.find(([, start, end]) => at >= start && at < end);
    expect({ at, ours, peers, known: known !== undefined }).toEqual({
      at,
      ours: 'refused',
      peers: 'UpToDate',
      known: true,
    });
    if (known !== undefined) lenient.add(known[0]);
  }
  expect([...lenient].sort()).toEqual(LENIENT.map(([reason]) => reason).sort());
});

describe('where the two differ by rule', () => {
  const differs = (bytes: Uint8Array, collateral = COLLATERAL): object => both(bytes, collateral);
  const certify = (change: Partial<quote.QuoteContent>): Uint8Array =>
    ENCLAVE.certify({ version: 4, teeType: 'tdx', body: QUOTE.slice(48, 632), ...change });

  test('it does not look at the vendor of the quoting enclave', () => {
    expect(differs(certify({ qeVendorId: new Uint8Array(16) }))).toEqual({
      ours: 'refused',
      peers: 'UpToDate',
    });
  });

  test('it compares all 16 TDX components, so the module’s own level does not count', () => {
    const collateral = PKI.collateral({ moduleLevels: [{ isvSvn: 4, status: 'UpToDate' }] });
    const bytes = certify({ body: QUOTE.slice(48, 632).with(0, 4) });
    expect(differs(bytes, collateral)).toEqual({ ours: 'UpToDate', peers: 'OutOfDate' });
  });

  test('it ignores levels of the module', () => {
    const collateral = PKI.collateral({ moduleLevels: [{ isvSvn: 1, status: 'OutOfDate' }] });
    expect(differs(QUOTE, collateral)).toEqual({ ours: 'OutOfDate', peers: 'UpToDate' });
  });

  test('it ignores the order of levels no less than we do not', () => {
    const levels = testPki.TEST_TCB_LEVELS.toReversed();
    expect(differs(QUOTE, PKI.collateral({ levels }))).toEqual({
      ours: 'UpToDate',
      peers: 'OutOfDate',
    });
  });

  test('it always demands SEPT_VE_DISABLE', () => {
    const bytes = issue(undefined, 'v4', driver.tdNamed('platform', 'kernel', 0n));
    expect(differs(bytes)).toEqual({ ours: 'UpToDate', peers: 'refused' });
  });
});
