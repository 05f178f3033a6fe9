// SPDX-License-Identifier: MIT
import { describe, expect, test } from 'vitest';
import fc from 'fast-check';
import { execCheck } from '@kernel-models/exec-check';
import { checkProperty, SUITE_SEED } from '../support/check-property.ts';
import { LabelCoverage } from '../support/label-coverage.ts';
import { covered } from '../support/rule-coverage.ts';
import { hold } from './property.ts';
import { RACES, sameFileByPath, sameVersion } from './races.ts';
import { scheduledRace } from './scheduled.ts';

const model = covered(execCheck);

describe.each(['posted-v19', 'linux-6.14', 'linux-6.18'] as const)('%s', (revision) => {
  test.each(RACES)('$id: $sentence', async (property) => {
    await hold(property, model, revision);
  });
});

describe('attacks that no check stops must be found', () => {
  test.each([
    ['C14', sameVersion, /interpretBegin[^]*(write|truncate)[^]*interpretEnd/],
    ['C13', sameFileByPath, /interpretBegin[^]*(rename|symlink)[^]*interpretEnd/],
  ] as const)('%s', async (_chain, property, attack) => {
    const wrong = property.of(model, 'linux-6.18', 'linux-6.18', new LabelCoverage());
    const details = await fc.check(wrong, { seed: SUITE_SEED, numRuns: 2 * property.runs });
    expect(details.failed).toBe(true);
    const found = String(details.errorInstance);
    expect(found).toMatch(attack);
    expect(found.match(/^ {2}\d+\. /gm)?.length).toBeLessThanOrEqual(4);
  });
});

test('tasks that run concurrently exclude each other as their steps do', async () => {
  await checkProperty('race.scheduled', scheduledRace(model, 'linux-6.18'), { runs: 150 });
});
