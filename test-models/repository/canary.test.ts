// SPDX-License-Identifier: MIT
import { existsSync, readFileSync, rmSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { checkProperty, PropertyFailure } from '../support/check-property.ts';
import { LabelCoverage } from '../support/label-coverage.ts';

const CANARY = 'every list is shorter than three';
const falseProperty = fc.property(fc.array(fc.nat(9)), (list) => list.length < 3);
const kept = fileURLToPath(
  new URL('../corpus/new/every-list-is-shorter-than-three.jsonl', import.meta.url),
);

describe('the suite’s own machinery', () => {
  test('the canary: a property that is false must fail, shrunk, with the way to run it again', async () => {
    const failure = await checkProperty(CANARY, falseProperty).then(
      () => undefined,
      (error: unknown) => error,
    );
    if (!(failure instanceof PropertyFailure)) throw new Error('a false property passed');
    expect(failure.counterexample).toEqual([[0, 0, 0]]);
    expect(failure.message).toContain('KM_SEED=');
    expect(failure.message).toContain(CANARY);
  });

  test('a counterexample is kept as a file where it can be', async () => {
    const toTrace = ([list]: [number[]]): string => `${JSON.stringify(list)}\n`;
    const failure = await checkProperty(CANARY, falseProperty, { toTrace }).catch(
      (error: unknown) => error,
    );
    try {
      expect(String(failure)).toContain(`kernel-oracle explain ${kept}`);
      expect(readFileSync(kept, 'utf8')).toBe('[0,0,0]\n');
    } finally {
      if (existsSync(kept)) rmSync(kept);
    }
  });

  test('a property that throws fails with its message', async () => {
    const throwing = fc.property(fc.nat(), () => {
      throw new Error('the reason');
    });
    await expect(checkProperty('throws', throwing)).rejects.toThrow('the reason');
  });

  test('a property that filters everything away fails', async () => {
    const vacuous = fc.property(fc.nat(), () => fc.pre(false));
    await expect(checkProperty('vacuous', vacuous)).rejects.toThrow(PropertyFailure);
  });

  test('a label that is too rare fails', () => {
    const labels = new LabelCoverage();
    for (let run = 0; run < 100; run += 1) labels.count(run % 10 === 0 ? ['rare', 'rare'] : []);
    labels.require({ rare: 10 });
    expect(() => labels.require({ rare: 11 })).toThrow('rare: 10.00 %, expected 11 %');
    expect(() => labels.require({ never: 1 })).toThrow('never: 0.00 %');
    expect(() => new LabelCoverage().require({})).toThrow('no case was counted');
  });
});
