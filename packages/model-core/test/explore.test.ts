// SPDX-License-Identifier: MIT
import { describe, expect, test } from 'vitest';
import { compareRevisions, explore, promisedInvariants } from '@kernel-models/model-core';
import { EVERY_OPERATION, semaphore } from './toy-model.ts';

const small = {
  setups: [{ start: 1 }],
  operations: () => EVERY_OPERATION,
  depth: 10,
};

describe('explore', () => {
  test('counts states and transitions exactly', () => {
    const result = explore(semaphore, { ...small, revision: 'linux-1.0' });
    expect(result).toMatchObject({
      complete: true,
      exhausted: true,
      states: 4,
      // Three operations from each of the states 0 to 3; a toss below the limit has two steps.
      transitions: 4 * 3 + 3,
      statesPerDepth: [1, 2, 1, 0],
    });
    expect(result.rules.get('up.limit')).toBe(1);
    expect(result.rules.get('down.empty')).toBe(1);
  });

  test('stops at the depth and says that more is there', () => {
    const result = explore(semaphore, { ...small, depth: 1, revision: 'linux-1.0' });
    expect(result).toMatchObject({ complete: true, exhausted: false, states: 3 });
    expect(explore(semaphore, { ...small, depth: 0, revision: 'linux-1.0' }).states).toBe(1);
  });

  test('finds a shortest counterexample', () => {
    const { counterexample, complete } = explore(semaphore, {
      ...small,
      revision: 'bug:below-zero',
    });
    expect(complete).toBe(false);
    expect(counterexample).toMatchObject({
      invariant: 'never-negative',
      setup: { start: 1 },
      operations: [{ op: 'down' }, { op: 'down' }],
      before: { value: 0 },
    });
  });

  test('holds a revision only to what it promises', () => {
    const ids = (revision: string) => promisedInvariants(semaphore, revision).map(({ id }) => id);
    expect(ids('linux-1.0')).toEqual(['never-negative', 'at-most-three']);
    expect(ids('linux-2.0')).toEqual(['never-negative']);
    expect(ids('bug:below-zero')).toEqual(['never-negative', 'at-most-three']);
  });

  test('names the states that were reached', () => {
    const sometimes = {
      full: ({ value }: { value: number }) => value === 3,
      overfull: ({ value }: { value: number }) => value === 4,
    };
    const { reached } = explore(semaphore, { ...small, sometimes, revision: 'linux-1.0' });
    expect([...reached]).toEqual(['full']);
  });

  test('ends incomplete at the cap on states', () => {
    const result = explore(semaphore, { ...small, maxStates: 2, revision: 'linux-1.0' });
    expect(result).toMatchObject({ complete: false, exhausted: false, states: 3 });
  });

  test('merges equal states by canonical JSON where the model has no key', () => {
    const { key: _key, ...keyless } = semaphore;
    expect(explore(keyless, { ...small, revision: 'linux-1.0' }).states).toBe(4);
  });

  test('tells how far it is', () => {
    const seen: number[] = [];
    explore(semaphore, {
      ...small,
      revision: 'linux-1.0',
      onProgress: ({ transitions }) => seen.push(transitions),
    });
    expect(seen).toEqual([15]);
  });

  test('refuses a depth that is no whole number', () => {
    const run = () => explore(semaphore, { ...small, depth: 1.5, revision: 'linux-1.0' });
    expect(run).toThrow('depth: expected a whole number from 0, got 1.5');
  });
});

describe('compareRevisions', () => {
  const options = { ...small, revisions: ['linux-1.0', 'linux-2.0'] as const };

  test('finds a shortest difference', () => {
    const result = compareRevisions(semaphore, options);
    expect(result.complete).toBe(true);
    // The second is the toss at the limit, which shows only when the value is asked for.
    expect(result.differences.map(({ steps }) => steps.map(({ rule }) => rule))).toEqual([
      ['up.limit', 'up'],
      ['down', 'down'],
    ]);
    expect(result.differences[0]).toMatchObject({
      operations: [{ op: 'up' }, { op: 'up' }, { op: 'up' }],
      steps: [{ rule: 'up.limit' }, { rule: 'up' }],
    });
  });

  test('finds none between a revision and itself', () => {
    const result = compareRevisions(semaphore, {
      ...options,
      revisions: ['linux-1.0', 'linux-1.0'],
    });
    expect(result).toMatchObject({ differences: [], complete: true, states: 4 });
  });

  test('says when it was cut short', () => {
    expect(compareRevisions(semaphore, { ...options, maxStates: 1 }).complete).toBe(false);
    expect(compareRevisions(semaphore, { ...options, maxDifferences: 1 }).complete).toBe(false);
  });
});
