// SPDX-License-Identifier: MIT
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { nobleBackend, verify } from '@kernel-models/tdx-attest';
import { checkProperty } from '../support/check-property.ts';
import { LabelCoverage } from '../support/label-coverage.ts';
import { evidence } from './evidence.ts';
import { issueEvidence, TRUSTED_ROOT } from './issue-evidence.ts';
import { nodeSignatureBackend } from './node-backend.ts';
import { judge } from './reference-verifier.ts';

/*
 * The verifier beside a naive reference: evidence is described, then made, and the verdict on the
 * bytes must be that on the description.
 */

const verifier = verify.createVerifier({ root: TRUSTED_ROOT, backend: nodeSignatureBackend });
const slow = verify.createVerifier({ root: TRUSTED_ROOT, backend: nobleBackend });

test('verify.agreement: the verdict on a quote is that on what it was made of', async () => {
  const labels = new LabelCoverage();
  await checkProperty(
    'verify.agreement',
    fc.property(evidence, (described) => {
      const { quote, collateral, time, policy } = issueEvidence(described);
      const verdict = verifier.verify(quote, collateral, time, policy);
      const judgement = judge(described);
      if (!verdict.ok) {
        expect(judgement, `${verdict.step}: ${verdict.detail}`).toMatchObject({
          step: verdict.step,
          reasons: expect.arrayContaining([verdict.reason]),
        });
        labels.count([verdict.step, verdict.reason]);
        return;
      }
      const { status, advisories, trailingSize } = verdict;
      expect({ status, advisories: [...advisories].sort() }).toEqual(judgement);
      expect(trailingSize).toBe(described.quote.padding);
      labels.count(['accepted', status]);
    }),
    { runs: 300 },
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
