// SPDX-License-Identifier: MIT
import fc from 'fast-check';
import { afterAll, describe, expect, test } from 'vitest';
import { isBugRevision, promisedInvariants } from '@kernel-models/model-core';
import {
  crPinningModel,
  INVARIANTS,
  KNOWN_DEFECTS,
  REVISIONS,
  runsL2,
} from '@kernel-models/cr-pinning';
import { checkProperty, SUITE_SEED } from '../support/check-property.ts';
import { LabelCoverage } from '../support/label-coverage.ts';
import { covered } from '../support/rule-coverage.ts';
import { choice, operationOf, SETUPS } from './operations.ts';

const model = covered(crPinningModel);
const histories = fc.tuple(
  fc.constantFrom(...SETUPS),
  fc.array(choice, { minLength: 1, maxLength: 60, size: 'max' }),
);

const REAL = REVISIONS.filter((revision) => !isBugRevision(revision)).map(({ id }) => id);

describe('any history keeps what its revision promises', () => {
  const labels = new LabelCoverage();

  test.each(REAL)('%s', async (revision) => {
    const invariants = promisedInvariants(model, revision);
    const property = fc.property(histories, ([setup, choices]) => {
      let state = model.initial(setup);
      const seen = new Set<string>();
      for (const one of choices) {
        const before = state;
        const operation = operationOf(before, one);
        const step = model.apply(before, operation, revision);
        const broken = invariants.find(
          (each) => !each.holds({ before, operation, step, revision }),
        );
        if (broken !== undefined) throw new Error(`${broken.id} at ${operation.op}: ${step.rule}`);
        if (step.rule === 'pin.cr0' || step.rule === 'pin.cr4') seen.add('refused by a pin');
        if (step.rule === 'rsm.resumed') seen.add('returned from SMM');
        if (step.state.vcpus.some(runsL2)) seen.add('ran L2');
        state = step.state;
      }
      if (revision === 'posted-2020-06-fixed') labels.count(seen);
    });
    await checkProperty(`pinning invariants, ${revision}`, property, { runs: 120 });
  });

  afterAll(() => {
    labels.require({ 'refused by a pin': 20, 'returned from SMM': 10, 'ran L2': 5 });
  });
});

/** Whether some history of a few thousand breaks an invariant. */
function isBroken(revision: string, id: string): boolean {
  const invariant = INVARIANTS.find((one) => one.id === id);
  if (invariant === undefined) throw new Error(`expected an invariant, got ${id}`);
  const samples = fc.sample(histories, { seed: SUITE_SEED, numRuns: 1500 });
  return samples.some(([setup, choices]) => {
    let state = model.initial(setup);
    return choices.some((one) => {
      const before = state;
      const operation = operationOf(before, one);
      const step = model.apply(before, operation, revision);
      state = step.state;
      return !invariant.holds({ before, operation, step, revision });
    });
  });
}

const DEFECTS = Object.entries(KNOWN_DEFECTS).flatMap(([revision, ids]) =>
  ids.map((id) => ({ revision, id })),
);

describe('the properties find what the postings leave open', () => {
  test.each(DEFECTS)('$revision: $id', ({ revision, id }) => {
    expect(isBroken(revision, id)).toBe(true);
  });
});
