// SPDX-License-Identifier: MIT
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { bpfCfi, executed, REVISIONS } from '@kernel-models/bpf-cfi';
import { canonicalJson, promisedInvariants } from '@kernel-models/model-core';
import { checkProperty } from '../support/check-property.ts';
import { LabelCoverage } from '../support/label-coverage.ts';
import { covered } from '../support/rule-coverage.ts';
import { lives } from './arbitraries.ts';

const model = covered(bpfCfi);
const everyRevision = fc.constantFrom(...REVISIONS.map(({ id }) => id));
const realRevisions = REVISIONS.filter(({ id }) => !id.startsWith('bug:')).map(({ id }) => id);

/** A call may end outside of what the hardware model executes: then the execution says nothing. */
test('what is decided of a call is what executing its bytes comes to, on every revision and variant', async () => {
  const labels = new LabelCoverage();
  await checkProperty(
    'bpf-cfi: decided = executed',
    fc.property(lives, everyRevision, ({ setup, operations }, revision) => {
      let state = model.initial(setup);
      for (const operation of operations) {
        const step = model.apply(state, operation, revision);
        const run = executed(state, operation, revision);
        if (run !== undefined) {
          labels.count([step.rule, step.outcome.kind]);
          const [decided, found] = [canonicalJson(step.outcome), canonicalJson(run)];
          if (decided !== found) {
            throw new Error(
              `${revision} ${canonicalJson(operation)}:\n decided ${decided}\nexecuted ${found}`,
            );
          }
        }
        state = step.state;
      }
    }),
    { runs: 1_000 },
  );
  labels.require({
    returned: 20,
    trapped: 20,
    'call.same-type': 8,
    'call.type-mismatch': 8,
    'call.missing-endbr': 0.25,
    'call.reported': 2,
    'call.unchecked': 5,
    runaway: 0.05,
    'call.unmapped': 0.5,
  });
});

test('the invariants hold on every revision that promises them', async () => {
  await checkProperty(
    'bpf-cfi: invariants',
    fc.property(lives, fc.constantFrom(...realRevisions), ({ setup, operations }, revision) => {
      const invariants = promisedInvariants(model, revision);
      let before = model.initial(setup);
      for (const operation of operations) {
        const step = model.apply(before, operation, revision);
        for (const invariant of invariants) {
          if (!invariant.holds({ before, operation, step, revision })) {
            throw new Error(
              `${revision}: ${invariant.id} at ${canonicalJson(operation)}: ${canonicalJson(step.outcome)}`,
            );
          }
        }
        before = step.state;
      }
    }),
    { runs: 1_500 },
  );
});

test('traces of the model read back as they were written', async () => {
  await checkProperty(
    'bpf-cfi: codec',
    fc.property(lives, ({ setup, operations }) => {
      const { codec } = model;
      let state = model.initial(setup);
      if (canonicalJson(codec.decodeSetup(codec.encodeSetup(setup))) !== canonicalJson(setup))
        return false;
      for (const operation of operations) {
        const again = codec.decodeOperation(codec.encodeOperation(operation));
        if (canonicalJson(again) !== canonicalJson(operation)) return false;
        const step = model.apply(state, operation, 'linux-6.18');
        const outcome = codec.decodeOutcome(codec.encodeOutcome(step.outcome));
        if (canonicalJson(outcome) !== canonicalJson(step.outcome)) return false;
        state = step.state;
      }
      return true;
    }),
    { runs: 300 },
  );
  expect(model.revisions.length).toBeGreaterThan(20);
});
