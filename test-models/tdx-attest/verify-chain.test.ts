// SPDX-License-Identifier: MIT
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { report } from '@kernel-models/hw-model/tdx';
import { quotingEnclave, testPki } from '@kernel-models/tdx-attest';
import { checkProperty } from '../support/check-property.ts';
import { COLLATERAL, NOW, PKI, PLATFORM, TD } from './issued.ts';
import { outcomeOf, QUOTE } from './verify-case.ts';

/* Certificates, lists and the windows of time in which anything is good. */

describe('verify.chain-says-what-it-may: a certificate is used for what it says it is for', () => {
  test.each<[string, testPki.TestMistake, string]>([
    [
      'a platform CA that is none',
      { certificate: 'platform-ca', isCa: false },
      'pck-chain: bad-certificate-chain',
    ],
    [
      'a platform CA that may not sign certificates',
      { certificate: 'platform-ca', keyUsage: 0x02 },
      'pck-chain: bad-certificate-chain',
    ],
    [
      'a platform CA that may not sign lists',
      { certificate: 'platform-ca', keyUsage: 0x04 },
      'pck-chain: crl-invalid',
    ],
    [
      'a PCK certificate that is a CA',
      { certificate: 'pck', isCa: true },
      'pck-chain: bad-certificate-chain',
    ],
    [
      'a PCK certificate that may not sign',
      { certificate: 'pck', keyUsage: 0x40 },
      'pck-chain: bad-certificate-chain',
    ],
    [
      'a TCB signer that is a CA',
      { certificate: 'tcb-signing', isCa: true },
      'tcb-info: bad-certificate-chain',
    ],
    [
      'a TCB signer that may not sign',
      { certificate: 'tcb-signing', keyUsage: 0x40 },
      'tcb-info: bad-certificate-chain',
    ],
  ])('%s', (_, mistake, expected) => {
    const pki = testPki.createTestPki({ mistake });
    const enclave = quotingEnclave.createQuotingEnclave(pki, PLATFORM);
    const quoted = enclave.quoteTd(report(TD, new Uint8Array(64)).report);
    if (!quoted.ok) throw new Error(quoted.reason);
    const collateral = pki.collateral();
    expect(outcomeOf({ root: pki.root, bytes: quoted.quote, collateral })).toBe(expected);
  });
});

test('verify.foreign-root-rejected: names do not make a root', () => {
  const foreign = testPki.createTestPki({ seed: 'somebody else' });
  expect(outcomeOf({ root: foreign.root })).toBe('pck-chain: untrusted-root');
  expect(outcomeOf({ root: new Uint8Array(9) })).toBe('pck-chain: untrusted-root');
});

describe('verify.time-within-windows', () => {
  const { from, to } = testPki.TEST_COLLATERAL_WINDOW;
  const [start = 0, end = 0] = [from, to].map((iso) => Date.parse(iso) / 1000);

  test('a verdict depends on the time through windows alone', async () => {
    await checkProperty(
      'accepted exactly within the window',
      fc.property(
        fc.oneof(
          fc.constantFrom(start - 1, start, end, end + 1),
          fc.integer({ min: start - 10_000_000, max: end + 10_000_000 }),
        ),
        (time) => {
          const accepted = outcomeOf({ time }) === 'UpToDate';
          expect(accepted).toBe(time >= start && time <= end);
        },
      ),
      { runs: 40 },
    );
  });

  test('each document has its own', () => {
    const early = PKI.collateral({ window: { from, to: '2026-03-01T00:00:00Z' } });
    const lists = { rootCaCrl: COLLATERAL.rootCaCrl, pckCrl: COLLATERAL.pckCrl };
    expect(outcomeOf({ collateral: { ...early, ...lists } })).toBe('tcb-info: tcb-info-expired');
    const oldQe = {
      qeIdentity: early.qeIdentity,
      qeIdentitySignature: early.qeIdentitySignature,
    };
    expect(outcomeOf({ collateral: { ...COLLATERAL, ...oldQe } })).toBe(
      'qe-identity: qe-identity-expired',
    );
    const late = PKI.collateral({ window: { from: '2026-09-01T00:00:00Z', to } });
    expect(outcomeOf({ collateral: { ...late, ...lists } })).toBe(
      'tcb-info: tcb-info-not-yet-valid',
    );
    const shortLived = testPki.createTestPki({ certificateWindow: { from, to } });
    expect(
      outcomeOf({
        root: shortLived.root,
        collateral: shortLived.collateral(),
        bytes: QUOTE,
        time: NOW,
      }),
    ).not.toContain('expired');
    expect(outcomeOf({ time: Date.parse('2050-06-01T00:00:00Z') / 1000 })).toBe(
      'pck-chain: certificate-expired',
    );
  });
});

test('verify.revoked-rejected', () => {
  for (const [revoked, step] of [
    ['pck', 'pck-chain'],
    ['platform-ca', 'pck-chain'],
    ['tcb-signing', 'tcb-info'],
  ] as const) {
    const collateral = PKI.collateral({ revoked: [revoked] });
    expect(outcomeOf({ collateral })).toBe(`${step}: certificate-revoked`);
  }
});
