// SPDX-License-Identifier: MIT
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { canonicalJson, isBugRevision } from '@kernel-models/model-core';
import {
  crPinningModel,
  REVISIONS,
  smallSetup,
  type Setup,
  type State,
} from '@kernel-models/cr-pinning';
import { checkProperty } from '../support/check-property.ts';
import { covered } from '../support/rule-coverage.ts';
import { choice, operationOf, SETUPS } from './operations.ts';

const model = covered(crPinningModel);
const REAL = REVISIONS.filter((revision) => !isBugRevision(revision)).map(({ id }) => id);

const setups: fc.Arbitrary<Setup> = fc
  .tuple(fc.constantFrom(...SETUPS), fc.boolean(), fc.constantFrom(1, 2, 3))
  .map(([setup, hidesFeature, vcpus]) => ({ ...setup, hidesFeature, vcpus }));

test('two states have the same key where they are the same, and nowhere else', async () => {
  const texts = new Map<string | number, string>();
  const keys = new Map<string, string | number>();
  const property = fc.property(
    setups,
    fc.constantFrom(...REAL),
    fc.array(choice, { minLength: 1, maxLength: 40, size: 'max' }),
    (setup, revision, choices) => {
      let state = model.initial(setup);
      for (const one of choices) {
        state = model.apply(state, operationOf(state, one), revision).state;
        const number = model.key?.(state);
        if (number === undefined) throw new Error('key: expected the model to have one');
        const text = canonicalJson(state);
        const isNew = !texts.has(number) && !keys.has(text);
        if (isNew) {
          texts.set(number, text);
          keys.set(text, number);
        } else if (texts.get(number) !== text || keys.get(text) !== number) return false;
      }
      return true;
    },
  );
  await checkProperty('keys of machines', property, { runs: 300 });
  // Most histories meet states that another one has met, so both directions were tried.
  expect(texts.size).toBeGreaterThan(1000);
});

/** The same data with one leaf changed, for every leaf. */
function* withOneLeafChanged(value: unknown): Generator<unknown> {
  if (typeof value === 'bigint') yield value ^ 1n;
  else if (typeof value === 'number') yield value + 1;
  else if (typeof value === 'boolean') yield !value;
  else if (typeof value === 'string') yield `${value}x`;
  else if (value === null) yield {};
  else if (Array.isArray(value)) {
    for (const [index, item] of value.entries()) {
      for (const other of withOneLeafChanged(item)) yield value.with(index, other);
    }
  } else if (typeof value === 'object' && value !== null) {
    for (const [name, field] of Object.entries(value)) {
      for (const other of withOneLeafChanged(field)) yield { ...value, [name]: other };
    }
  }
}

test('every single field counts', () => {
  const inSmm = model.apply(model.initial(smallSetup(2)), { op: 'smi', vcpu: 1 }, 'posted-2020-06');
  const others = [...withOneLeafChanged(inSmm.state)];
  // No history makes these values, and some a state cannot have: an object where there was null.
  const keys = others.map((other) => {
    // What is remembered of the last state must not hide what changed.
    model.key?.(inSmm.state);
    return model.key?.(other as State);
  });
  expect(others.length).toBeGreaterThan(100);
  expect(new Set([model.key?.(inSmm.state), ...keys]).size).toBe(others.length + 1);
});
