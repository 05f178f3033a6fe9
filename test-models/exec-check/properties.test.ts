// SPDX-License-Identifier: MIT
import { describe, expect, test } from 'vitest';
import fc from 'fast-check';
import { execCheck } from '@kernel-models/exec-check';
import { SUITE_SEED } from '../support/check-property.ts';
import { LabelCoverage } from '../support/label-coverage.ts';
import { covered } from '../support/rule-coverage.ts';
import { INDEPENDENCE } from './independence.ts';
import { ORDER } from './order.ts';
import { ANONYMOUS, locksSurvive, POLICIES } from './policies.ts';
import { hold } from './property.ts';
import { THEOREMS } from './theorems.ts';

const model = covered(execCheck);

const EVERYWHERE = [...THEOREMS, ...INDEPENDENCE, ...ORDER, ...POLICIES];

describe('linux-6.18', () => {
  test.each([...EVERYWHERE, ...ANONYMOUS])('$id: $sentence', async (property) => {
    await hold(property, model, 'linux-6.18');
  });
});

describe.each(['posted-v19', 'linux-6.14', 'linux-6.19'] as const)('%s', (revision) => {
  test.each(EVERYWHERE)('$id: $sentence', async (property) => {
    // Fewer cases than for linux-6.18, too few to judge their labels.
    await hold({ ...property, coverage: {} }, model, revision, 0.15);
  });
});

describe.each(['linux-6.1', 'linux-6.12'] as const)('%s, which has no check', (revision) => {
  test.each(ORDER)('$id: $sentence', async (property) => {
    await hold(property, model, revision);
  });
});

describe('locks and user namespaces', () => {
  test('a kernel with the fix keeps locked bits in a new user namespace', async () => {
    await hold(locksSurvive, model, 'linux-6.18-fixed');
  });

  test.each(['linux-6.14', 'linux-6.18'] as const)(
    '%s loses them: it must be found',
    async (revision) => {
      const property = locksSurvive.of(model, revision, revision, new LabelCoverage());
      const details = await fc.check(property, {
        seed: SUITE_SEED,
        numRuns: 2 * locksSurvive.runs,
      });
      expect(details.failed).toBe(true);
      expect(String(details.errorInstance)).toMatch(/became 0x0 .*credentials.userns-made/);
    },
  );
});
