// SPDX-License-Identifier: MIT
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { canonicalJson } from '@kernel-models/model-core';
import { execCheck, type State } from '@kernel-models/exec-check';
import { operationFor, setupArbitrary } from '@kernel-models/exec-check/testing';

function keyOf(state: State): string | number {
  return execCheck.key?.(state) ?? canonicalJson(state);
}

test('keys are equal exactly where states are', () => {
  const byKey = new Map<string | number, string>();
  const byText = new Map<string, string | number>();
  const setups = fc.sample(setupArbitrary(), { seed: 7, numRuns: 60 });
  let states = 0;
  for (const [number, setup] of setups.entries()) {
    let state = execCheck.initial(setup);
    for (let index = 0; index < 25; index += 1) {
      const text = canonicalJson(state);
      const key = keyOf(state);
      if ((byKey.get(key) ?? text) !== text || (byText.get(text) ?? key) !== key) {
        throw new Error(`key ${key} of state ${index} of world ${number}`);
      }
      byKey.set(key, text);
      byText.set(text, key);
      const seed = number * 100 + index;
      const [operation] = fc.sample(operationFor(state), { seed, numRuns: 1 });
      if (operation === undefined) break;
      ({ state } = execCheck.apply(state, operation, 'linux-6.18'));
      states += 1;
    }
  }
  expect(states).toBeGreaterThan(1000);
});

test('states that were reached on two ways have one key', () => {
  const setup = { mounts: [], nodes: [], tasks: [] };
  const make = (path: string) => ({ op: 'mkfifo' as const, task: 'init', path, mode: 0o644 });
  const watch = (number: number) => ({
    op: 'watch' as const,
    task: 'init',
    watch: number,
    path: '/',
  });
  const run = (order: readonly number[]): State =>
    order.reduce(
      (state, number) => execCheck.apply(state, watch(number), 'linux-6.18').state,
      execCheck.apply(execCheck.initial(setup), make('/f'), 'linux-6.18').state,
    );
  expect(keyOf(run([0, 1]))).toBe(keyOf(run([1, 0])));
  expect(keyOf(run([0, 1]))).not.toBe(keyOf(run([0])));
});
