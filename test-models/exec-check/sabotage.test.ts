// SPDX-License-Identifier: MIT
import { beforeAll, describe, expect, test } from 'vitest';
import fc from 'fast-check';
import { execCheck } from '@kernel-models/exec-check';
import { COMMITTED_SEED } from '../support/check-property.ts';
import { LabelCoverage } from '../support/label-coverage.ts';
import { AGREEMENT } from './agreement.ts';
import { INDEPENDENCE } from './independence.ts';
import { ORDER } from './order.ts';
import { ANONYMOUS, POLICIES } from './policies.ts';
import type { ExecModel, Property } from './property.ts';
import { RACES } from './races.ts';
import { SABOTAGES } from './sabotage.ts';
import { THEOREMS } from './theorems.ts';

const ALL: readonly Property[] = [
  ...AGREEMENT,
  ...THEOREMS,
  ...INDEPENDENCE,
  ...ORDER,
  ...POLICIES,
  ...ANONYMOUS,
  ...RACES,
];

const RUNS = 40;

/** Whether a property fails, or never sees what it should often see: either turns the suite red. */
async function isRed(property: Property, model: ExecModel): Promise<boolean> {
  const labels = new LabelCoverage();
  const wanted = property.of(model, 'linux-6.18', 'linux-6.18', labels);
  const { failed } = await fc.check(wanted, {
    seed: COMMITTED_SEED,
    numRuns: RUNS,
    endOnFailure: true,
  });
  if (failed) return true;
  const frequent = Object.entries(property.coverage).filter(([, percent]) => percent >= 2);
  if (frequent.length === 0) return false;
  try {
    labels.require(Object.fromEntries(frequent.map(([label]) => [label, Number.MIN_VALUE])));
    return false;
  } catch {
    return true;
  }
}

describe('a sabotaged model', () => {
  const red = new Map<string, readonly string[]>();

  beforeAll(async () => {
    for (const { name, sabotage } of SABOTAGES) {
      const ids: string[] = [];
      for (const property of ALL) {
        if (await isRed(property, sabotage(execCheck))) ids.push(property.id);
      }
      red.set(name, ids);
    }
  });

  test.each(SABOTAGES)('turns most properties red: $name', ({ name }) => {
    const ids = red.get(name) ?? [];
    expect(ids).toContain('reference.histories');
    expect(ids.length).toBeGreaterThan(8);
  });

  test('is told from the model itself, which is green in as many runs', async () => {
    const ids: string[] = [];
    for (const property of ALL) if (await isRed(property, execCheck)) ids.push(property.id);
    expect(ids).toEqual([]);
  });

  test('leaves no property green under every sabotage', () => {
    const seen = new Set([...red.values()].flat());
    expect(ALL.map(({ id }) => id).filter((id) => !seen.has(id))).toEqual([]);
  });
});
