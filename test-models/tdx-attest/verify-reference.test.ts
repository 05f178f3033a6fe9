// SPDX-License-Identifier: MIT
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { nobleBackend, verify } from '@kernel-models/tdx-attest';
import { checkProperty } from '../support/check-property.ts';
import { LabelCoverage } from '../support/label-coverage.ts';
import { evidence, type Evidence } from './evidence.ts';
import { issueEvidence, TRUSTED_ROOT } from './issue-evidence.ts';
import { nearlyRight } from './nearly-right.ts';
import { nodeSignatureBackend } from './node-backend.ts';
import { judge } from './reference-verifier.ts';

/*
 * The verifier beside a naive reference: evidence is described, then made, and the verdict on the
 * bytes must be that on the description.
 */

const verifier = verify.createVerifier({ root: TRUSTED_ROOT, backend: nodeSignatureBackend });
const slow = verify.createVerifier({ root: TRUSTED_ROOT, backend: nobleBackend });

/**
 * Verifies evidence, and holds the verdict against the reference's.
 *
 * @returns labels of the verdict
 */
function agree(described: Evidence): readonly string[] {
  const { quote, collateral, time, policy } = issueEvidence(described);
  const verdict = verifier.verify(quote, collateral, time, policy);
  const judgement = judge(described);
  if (!verdict.ok) {
    expect(judgement, `${verdict.step}: ${verdict.detail}`).toMatchObject({
      step: verdict.step,
      reasons: expect.arrayContaining([verdict.reason]),
    });
    return [verdict.step, verdict.reason];
  }
  const { status, advisories, trailingSize } = verdict;
  expect({ status, advisories: [...advisories].sort() }).toEqual(judgement);
  expect(trailingSize).toBe(described.quote.padding);
  return ['accepted', status];
}

test('verify.agreement: the verdict on a quote is that on what it was made of', async () => {
  const labels = new LabelCoverage();
  await checkProperty(
    'verify.agreement',
    fc.property(evidence, (described) => {
      labels.count(agree(described));
    }),
    { runs: 150 },
  );
  labels.require({
    accepted: 14,
    'pck-chain': 10,
    'tcb-info': 2,
    'tdx-module': 1,
    'qe-identity': 1,
    'tcb-level': 0.3,
    policy: 5,
    OutOfDate: 1,
  });
});

test('verify.agreement: also where one part of the evidence alone may be wrong', async () => {
  const labels = new LabelCoverage();
  await checkProperty(
    'verify.agreement, one flaw',
    fc.property(nearlyRight, (described) => {
      labels.count(agree(described));
    }),
    { runs: 300 },
  );
  labels.require({
    accepted: 30,
    'pck-chain': 5,
    'tcb-info': 2,
    'tdx-module': 1,
    'qe-identity': 2,
    'crl-expired': 1,
    'certificate-expired': 1,
    'tcb-info-expired': 0.3,
    'qe-identity-expired': 0.5,
    policy: 5,
  });
});

test('both signature backends give the same verdict', async () => {
  await checkProperty(
    'both signature backends',
    fc.property(evidence, (described) => {
      const { quote, collateral, time, policy } = issueEvidence(described);
      expect(slow.verify(quote, collateral, time, policy)).toEqual(
        verifier.verify(quote, collateral, time, policy),
      );
    }),
    { runs: 15 },
  );
});
