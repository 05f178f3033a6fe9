// SPDX-License-Identifier: MIT
import fc, { type Arbitrary } from 'fast-check';
import { describe, expect, test } from 'vitest';
import { deepEqual, type AnyOperation, type Model } from '@kernel-models/model-core';
import { model as tdxModule } from '@kernel-models/hw-model/tdx';
import { driver, measurement, tsm } from '@kernel-models/tdx-attest';
import { BUILD, SETUP, tdOperation } from '../hw-model/tdx/generators.ts';
import { checkProperty } from '../support/check-property.ts';
import { driverOperation, driverSetup, measurementOperation, tsmOperation } from './generators.ts';

/*
 * Exploration takes states of equal keys for one state, so a key that leaves something out hides
 * whatever follows from it. Each leaf of a state is changed once, and the key has to notice.
 */

/** A value with one leaf changed, for every leaf. Of a byte string, one byte. */
function* withOneLeafChanged(value: unknown): Generator<unknown> {
  if (typeof value === 'bigint') yield value + 1n;
  else if (typeof value === 'number') yield value + 1;
  else if (typeof value === 'boolean') yield !value;
  else if (typeof value === 'string') yield `${value}x`;
  else if (value === null) yield 'there';
  else if (value instanceof Uint8Array) {
    const at = value.length - 1;
    yield value.length === 0 ? Uint8Array.of(0) : value.with(at, (value[at] ?? 0) ^ 1);
  } else if (Array.isArray(value)) {
    for (const [index, item] of value.entries()) {
      for (const other of withOneLeafChanged(item)) yield value.with(index, other);
    }
  } else if (typeof value === 'object') {
    for (const [name, field] of Object.entries(value)) {
      for (const other of withOneLeafChanged(field)) yield { ...value, [name]: other };
    }
  }
}

function keysTell<State, Operation extends AnyOperation, Outcome, Setup>(
  model: Model<State, Operation, Outcome, Setup>,
  revision: string,
  setup: Arbitrary<Setup>,
  operations: Arbitrary<readonly Operation[]>,
  isKeyed: (state: State) => unknown = (state) => state,
): void {
  const keyOf = (state: State): string | number => {
    const key = model.key?.(state);
    if (key === undefined) throw new Error(`${model.name}: expected a key`);
    return key;
  };
  const reach = (from: Setup, all: readonly Operation[]): readonly State[] => {
    const states = [model.initial(from)];
    for (const operation of all) {
      const last = states.at(-1);
      if (last !== undefined) states.push(model.apply(last, operation, revision).state);
    }
    return states;
  };

  describe(`keys of ${model.name}`, () => {
    test('equal keys are of equal states, and equal states have equal keys', async () => {
      const met = new Map<string | number, State>();
      await checkProperty(
        `keys of ${model.name}`,
        fc.property(setup, operations, (from, all) => {
          for (const state of reach(from, all)) {
            const key = keyOf(state);
            const other = met.get(key) ?? state;
            met.set(key, other);
            expect(deepEqual(isKeyed(other), isKeyed(state))).toBe(true);
          }
          const last = reach(from, all).at(-1);
          if (last !== undefined) expect(keyOf(structuredClone(last))).toBe(keyOf(last));
        }),
        { runs: 40 },
      );
      expect(met.size).toBeGreaterThan(30);
    });

    test('no leaf of a state is left out', async () => {
      await checkProperty(
        `leaves in keys of ${model.name}`,
        fc.property(setup, operations, (from, all) => {
          const state = reach(from, all).at(-1);
          if (state === undefined) return;
          for (const changed of withOneLeafChanged(state)) {
            const other = changed as State;
            if (deepEqual(isKeyed(other), isKeyed(state))) continue;
            expect(keyOf(other)).not.toBe(keyOf(state));
          }
        }),
        { runs: 15 },
      );
    });
  });
}

const some = <Operation>(operation: Arbitrary<Operation>): Arbitrary<readonly Operation[]> =>
  fc.array(operation, { minLength: 20, maxLength: 40 });

keysTell(
  tdxModule,
  'tdx-module-1.5.01',
  fc.constant(SETUP),
  some(tdOperation).map((all) => [...BUILD, ...all]),
);
keysTell(driver.model, 'linux-7.0', driverSetup, some(driverOperation));
keysTell(measurement.model, 'linux-7.0', driverSetup, some(measurementOperation));
keysTell(
  tsm.model,
  'linux-7.0',
  driverSetup.map((setup): tsm.Setup => setup),
  some(tsmOperation),
  // Setups differ in the TD's platform alone, and no operation changes more than a cached hash.
  ({ driver: { td, ...own }, ...state }) => [td.platform, own, state],
);
