// SPDX-License-Identifier: MIT
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { replay, type Json } from '@kernel-models/model-core';
import {
  compareTraces,
  ddmin,
  generateCases,
  jsonReductions,
  observeCases,
  shrinkCase,
  shrinkDivergence,
  shrinkTrace,
} from '@kernel-models/oracle';
import { toySubsystem, toyTarget } from './toy-subsystem.ts';

const facts = {
  model: 'semaphore',
  source: { kind: 'kernel' as const },
  recordedAt: '2026-01-01T00:00:00Z',
};

describe('ddmin', () => {
  test('keeps exactly what is needed, whatever stands around it', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.uniqueArray(fc.nat(200), { maxLength: 40 }),
        fc.nat(6),
        async (items, n) => {
          const needed = items.filter((_, index) => index % 7 === n);
          const kept = await ddmin(items, async (rest) =>
            needed.every((one) => rest.includes(one)),
          );
          expect(kept).toEqual(needed);
        },
      ),
    );
  });

  test('ends with a list from which no single item can go', async () => {
    // Any two items with an even sum will do: the result is some such pair.
    const fails = async (rest: readonly number[]): Promise<boolean> =>
      rest.some((a, i) => rest.some((b, j) => i < j && (a + b) % 2 === 0));
    const kept = await ddmin([3, 8, 5, 12, 7], fails);
    expect(kept).toHaveLength(2);
    expect(await fails(kept)).toBe(true);
  });

  test('asks rarely where one item of many matters', async () => {
    let asked = 0;
    await ddmin(
      Array.from({ length: 256 }, (_, index) => index),
      async (rest) => {
        asked += 1;
        return rest.includes(77);
      },
    );
    expect(asked).toBeLessThan(40);
  });
});

describe('jsonReductions', () => {
  test('never gives the value itself, and always something smaller', () => {
    const size = (json: Json): number => JSON.stringify(json).length;
    fc.assert(
      fc.property(fc.jsonValue({ maxDepth: 3 }), (json) => {
        for (const smaller of jsonReductions(json as Json)) {
          expect(smaller).not.toEqual(json);
          expect(size(smaller)).toBeLessThanOrEqual(size(json as Json) + 1);
        }
      }),
    );
  });

  test('ends at something that has no reduction', () => {
    fc.assert(
      fc.property(fc.jsonValue({ maxDepth: 2 }), (json) => {
        let current = json as Json;
        let steps = 0;
        for (;;) {
          const next = jsonReductions(current).next();
          if (next.done === true) break;
          current = next.value;
          steps += 1;
          if (steps > 10_000) throw new Error('does not end');
        }
      }),
    );
  });

  test('drops elements, fields, flags and bits', () => {
    const of = (json: Json): readonly Json[] => [...jsonReductions(json)];
    expect(of([1, 2])).toContainEqual([2]);
    expect(of({ a: 1, b: true })).toEqual(
      expect.arrayContaining([{ b: true }, { a: 1 }, { a: 0, b: true }, { a: 1, b: false }]),
    );
    expect(of('0x180')).toEqual(expect.arrayContaining(['0x0', '0x80', '0x100']));
    expect(of('0755')).toEqual(expect.arrayContaining(['0655', '0754']));
    expect(of('word')).toEqual(['wo', 'wor']);
    expect(of('')).toEqual([]);
    expect(of(null)).toEqual([]);
  });
});

describe('shrinkCase', () => {
  const { codec } = toySubsystem.model;

  test('removes operations and simplifies the world', async () => {
    const operations = (['up', 'down', 'up', 'down', 'down', 'up'] as const).map((op) => ({ op }));
    const shrunk = await shrinkCase(
      { setup: { start: 3 }, operations },
      {
        codec,
        fails: async ({ operations: rest }) => rest.filter(({ op }) => op === 'down').length >= 2,
      },
    );
    expect(shrunk).toMatchObject({
      setup: { start: 0 },
      operations: [{ op: 'down' }, { op: 'down' }],
      minimal: true,
    });
  });

  test('says so where the budget ran out', async () => {
    const shrunk = await shrinkCase(
      { setup: { start: 3 }, operations: [{ op: 'up' }, { op: 'up' }] },
      { codec, maxExecutions: 1, fails: async () => true },
    );
    expect(shrunk).toMatchObject({ executions: 1, minimal: false });
  });

  test('never tries what the target cannot execute', async () => {
    await shrinkCase(
      { setup: { start: 3 }, operations: [{ op: 'up' }] },
      {
        codec,
        isExecutable: () => false,
        fails: async () => {
          throw new Error('was executed');
        },
      },
    );
  });
});

describe('shrinking a divergence', () => {
  const target = toyTarget({ badDown: 2 });
  const [cases = []] = generateCases(toySubsystem, 'linux-1.0', 7, 100);

  test('by executing both sides: nothing that is left can go', async () => {
    const comparison = await compareTraces(toySubsystem, observeCases(target, cases, facts), {
      target: 'toy',
      revision: 'linux-1.0',
      source: facts.source,
    });
    expect(comparison.verdict).toBe('diverge');
    const [report] = comparison.divergences;
    if (report === undefined) throw new Error('no divergence');
    const shrunk = await shrinkDivergence(toySubsystem, report, target);
    const { setup, events } = shrunk.trace;
    expect(events.length).toBeLessThanOrEqual(3);
    const operations = events.map(({ operation }) => operation);
    for (const index of operations.keys()) {
      const fewer = [{ setup, operations: operations.toSpliced(index, 1) }];
      for await (const { trace } of observeCases(target, fewer, facts)) {
        expect(replay(toySubsystem.model, trace, { revision: 'linux-1.0' }).verdict).toBe('agree');
      }
    }
    expect(shrunk).toMatchObject({ minimal: true });
    expect(shrunk.executions).toBeGreaterThan(0);
  });

  test('by removing recorded events where nobody can be asked', async () => {
    const trace = {
      ...facts,
      setup: { start: 1 },
      events: (
        [
          ['up', 2],
          ['down', 1],
          ['up', 2],
          ['down', 7],
          ['up', 3],
        ] as const
      ).map(([op, value], seq) => ({
        seq,
        operation: { op },
        observed: { kind: 'one' as const, outcome: { kind: 'value' as const, value } },
      })),
    };
    const shorter = await shrinkTrace(toySubsystem.model, trace, 'linux-1.0');
    expect(shorter?.events.map(({ operation }) => operation.op)).toEqual(['down']);
    const agreeing = { ...trace, events: trace.events.slice(0, 3) };
    expect(await shrinkTrace(toySubsystem.model, agreeing, 'linux-1.0')).toBeUndefined();
  });

  test('falls back to the recorded events where the target answers otherwise the second time', async () => {
    const [bad = { setup: { start: 0 }, operations: [] }] = cases.filter(
      ({ setup, operations }) =>
        setup.start >= 2 && operations.filter(({ op }) => op === 'down').length >= 2,
    );
    for await (const { trace } of observeCases(target, [bad], facts)) {
      const { divergence } = replay(toySubsystem.model, trace, { revision: 'linux-1.0' });
      const report = { trace, divergence, complaints: [], revision: 'linux-1.0' };
      const shrunk = await shrinkDivergence(toySubsystem, report as never, toyTarget());
      expect(shrunk.executions).toBe(0);
      expect(shrunk.divergence).toBeDefined();
    }
  });
});
