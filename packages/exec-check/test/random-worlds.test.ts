// SPDX-License-Identifier: MIT
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { deepEqual, promisedInvariants, type Json } from '@kernel-models/model-core';
import { execCheck, isLive, normaliseSetup } from '@kernel-models/exec-check';
import { operationFor, setupArbitrary } from '@kernel-models/exec-check/testing';

const REVISIONS = execCheck.revisions.filter((revision) => !('base' in revision));

function throughJson(json: Json): Json {
  return JSON.parse(JSON.stringify(json));
}

test('in random worlds every promised invariant holds at every step, and values survive JSON', () => {
  const property = fc.property(
    setupArbitrary(),
    fc.nat(),
    fc.constantFrom(...REVISIONS.map(({ id }) => id)),
    (setup, seed, revision) => {
      const { codec } = execCheck;
      if (!deepEqual(codec.decodeSetup(throughJson(codec.encodeSetup(setup))), setup)) return false;
      if (!deepEqual(normaliseSetup(setup), setup)) return false;
      const invariants = promisedInvariants(execCheck, revision);
      let state = execCheck.initial(setup);
      for (let index = 0; index < 20; index += 1) {
        const [operation] = fc.sample(operationFor(state), { seed: seed + index, numRuns: 1 });
        if (operation === undefined) return false;
        const again = codec.decodeOperation(throughJson(codec.encodeOperation(operation)));
        if (!deepEqual(again, operation)) return false;
        const step = execCheck.apply(state, operation, revision);
        const outcome = codec.decodeOutcome(throughJson(codec.encodeOutcome(step.outcome)));
        if (!deepEqual(outcome, step.outcome)) return false;
        for (const invariant of invariants) {
          if (!invariant.holds({ before: state, operation, step, revision })) {
            throw new Error(`${invariant.id}: ${JSON.stringify(codec.encodeOperation(operation))}`);
          }
        }
        state = step.state;
      }
      return true;
    },
  );
  fc.assert(property, { seed: 20240704, numRuns: 200 });
});

test('live generators give operations that a target can be asked', () => {
  const state = execCheck.initial({ mounts: [], nodes: [], tasks: [] });
  const operations = fc.sample(operationFor(state, { live: true }), { seed: 1, numRuns: 300 });
  expect(operations.every(isLive)).toBe(true);
});
