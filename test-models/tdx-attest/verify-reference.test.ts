// SPDX-License-Identifier: MIT
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { nobleBackend, verify } from '@kernel-models/tdx-attest';
import { checkProperty, SUITE_SEED } from '../support/check-property.ts';
import { LabelCoverage } from '../support/label-coverage.ts';
import { evidence } from './any-evidence.ts';
import type { Evidence } from './evidence.ts';
import { changed, CHANGES, upright } from './flaws.ts';
import { issueEvidence, TRUSTED_ROOT } from './issue-evidence.ts';
import { afterUpdate, atEdge, EDGES, nearlyRight } from './nearly-right.ts';
import { nodeSignatureBackend } from './node-backend.ts';
import { judge } from './reference-verifier.ts';
import { disagreement } from './verify-agreement.ts';

/*
 * The verifier beside a naive reference: evidence is described, then made, and the verdict on the
 * bytes must be that on the description.
 */

const verifier = verify.createVerifier({ root: TRUSTED_ROOT, backend: nodeSignatureBackend });
const slow = verify.createVerifier({ root: TRUSTED_ROOT, backend: nobleBackend });

const FORMATS = ['v3', 'v4', 'v5-1.0', 'v5-1.5'] as const;

/**
 * Verifies evidence, and holds the verdict against the reference's.
 *
 * @returns labels of the verdict
 */
function agree(described: Evidence): readonly string[] {
  const { quote, collateral, time, policy } = issueEvidence(described);
  const verdict = verifier.verify(quote, collateral, time, policy);
  const told = disagreement(verdict, judge(described), described.quote.padding);
  if (told !== undefined) throw new Error(told);
  return verdict.ok ? ['accepted', verdict.status] : [verdict.step, verdict.reason];
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
  labels.require({ accepted: 10, 'pck-chain': 10, 'tcb-info': 1, policy: 2 });
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
    'qe-identity': 1,
    policy: 5,
  });
});

/** Evidence that is accepted. One for all cases, so that most certificates are signed once. */
const base: Evidence | undefined = fc
  .sample(upright, { seed: SUITE_SEED, numRuns: 50 })
  .find((it) => 'status' in judge(it));

function agreeOnAll(cases: readonly ((right: Evidence) => Evidence)[]): LabelCoverage {
  if (base === undefined) throw new Error('none of 50 pieces of evidence is accepted');
  const labels = new LabelCoverage();
  for (const make of cases) labels.count(agree(make(base)));
  return labels;
}

test('verify.agreement: also where one fact alone is another, each fact in each format', () => {
  const cases = FORMATS.flatMap((format) =>
    CHANGES.map(
      (change) => (right: Evidence) => changed(changed(right, { quote: { format } }), change),
    ),
  );
  agreeOnAll(cases).require({
    accepted: 20,
    'pck-chain': 10,
    'tcb-info': 3,
    'tdx-module': 1,
    policy: 5,
  });
});

test('verify.agreement: also at both ends of each validity, to the second', () => {
  const cases = EDGES.map((edge) => (right: Evidence) => atEdge(right, edge));
  agreeOnAll(cases).require({
    accepted: 45,
    'certificate-expired': 20,
    'crl-expired': 14,
    'tcb-info-not-yet-valid': 3,
    'tcb-info-expired': 3,
    'qe-identity-expired': 7,
  });
});

test('verify.agreement: also where two facts are others', async () => {
  await checkProperty(
    'verify.agreement, two flaws',
    fc.property(
      upright,
      fc.constantFrom(...CHANGES),
      fc.constantFrom(...CHANGES),
      (it, one, other) => {
        agree(changed(changed(it, one), other));
      },
    ),
    { runs: 150 },
  );
});

test('verify.agreement: also on a TD that runs on since its module was updated', async () => {
  const labels = new LabelCoverage();
  await checkProperty(
    'verify.agreement, after an update',
    fc.property(afterUpdate, (described) => {
      labels.count(agree(described));
    }),
    { runs: 200 },
  );
  labels.require({
    TDRelaunchAdvised: 1,
    TDRelaunchAdvisedConfigurationNeeded: 0.5,
    OutOfDate: 5,
    'tcb-revoked': 2,
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
