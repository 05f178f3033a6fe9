// SPDX-License-Identifier: MIT
import { describe, expect, test } from 'vitest';
import { runCase, type Case } from '@kernel-models/oracle';
import {
  compareTraces,
  explainTrace,
  exportItf,
  formatDivergence,
  fuzz,
  generateCases,
  modelReproducer,
  modelTarget,
  observeCases,
  shrinkDivergence,
  whichRevision,
} from '@kernel-models/oracle';
import { toySubsystem, toyTarget } from './toy-subsystem.ts';
import type { SemaphoreOperation, SemaphoreSetup } from '../../model-core/test/toy-model.ts';

const facts = {
  model: 'semaphore',
  source: { kind: 'kernel' as const, kernel: '1.0' },
  recordedAt: '2026-01-01T00:00:00Z',
};
const options = { target: 'toy', revision: 'linux-1.0', source: facts.source };
const [cases = []] = generateCases(toySubsystem, 'linux-1.0', 1, 64);

async function tracesOf(
  quirks = {},
  of: readonly Case<SemaphoreSetup, SemaphoreOperation>[] = cases,
) {
  const traces = [];
  for await (const one of observeCases(toyTarget(quirks), of, facts)) traces.push(one);
  return traces;
}

describe('generateCases', () => {
  test('gives the same cases for the same seed, however many are asked for', () => {
    const few = [...generateCases(toySubsystem, 'linux-1.0', 5, 3)].flat();
    const many = [...generateCases(toySubsystem, 'linux-1.0', 5, 600)].flat();
    expect(few).toEqual(many.slice(0, 3));
    expect(many).toHaveLength(600);
    expect(many.slice(0, 256)).not.toEqual(many.slice(256, 512));
  });
});

describe('fuzz', () => {
  test('shrinks a few of many divergences, and counts the others', async () => {
    const right = toyTarget();
    let answers = 0;
    const wrong = {
      ...right,
      async *run(...words: Parameters<typeof right.run>) {
        for await (const outcome of right.run(...words)) {
          yield outcome.kind === 'value' ? { ...outcome, value: 100 + (answers++ % 50) } : outcome;
        }
      },
    };
    const availability = { ok: true as const, source: facts.source, revision: 'linux-1.0' };
    const { comparison, shrunk } = await fuzz(
      toySubsystem,
      { target: wrong, availability },
      { revision: 'linux-1.0', runs: 64, seed: 1 },
    );
    expect(comparison.verdict).toBe('diverge');
    expect(comparison.divergences.length).toBeGreaterThan(20);
    expect(shrunk).toHaveLength(5);
  });
});

describe('compareTraces', () => {
  test('agrees with a target that does right, and counts rows by operation and rule', async () => {
    const comparison = await compareTraces(toySubsystem, await tracesOf(), options);
    const operations = cases.reduce((sum, one) => sum + one.operations.length, 0);
    expect(comparison).toMatchObject({
      verdict: 'agree',
      traces: 64,
      consumed: operations,
      total: operations,
      divergences: [],
    });
    expect(comparison.rows.reduce((sum, { count }) => sum + count, 0)).toBe(operations);
    expect(comparison.rows.map(({ rule }) => rule)).toEqual(
      expect.arrayContaining(['up', 'up.limit', 'down', 'down.empty']),
    );
  });

  test('counts a divergence once for each operation and rule', async () => {
    const comparison = await compareTraces(toySubsystem, await tracesOf({ badDown: 1 }), options);
    expect(comparison.verdict).toBe('diverge');
    expect(comparison.divergences).toHaveLength(1);
    expect(comparison.divergences[0]?.occurrences).toBeGreaterThan(5);
    expect(comparison.divergences[0]?.explainedBy).toBeUndefined();
  });

  test('is inconclusive where a target died, even if all before agreed', async () => {
    const comparison = await compareTraces(toySubsystem, await tracesOf({ diesAt: 2 }), options);
    expect(comparison.verdict).toBe('inconclusive');
    expect([...comparison.inconclusive.keys()]).toEqual(['the probe died']);
  });

  test('is inconclusive where there was nothing', async () => {
    const comparison = await compareTraces(toySubsystem, [], options);
    expect(comparison.verdict).toBe('inconclusive');
  });

  test('takes a complaint of the kernel’s log for a divergence', async () => {
    const [one] = await tracesOf();
    if (one === undefined) throw new Error('no trace');
    const complaining = { ...one, complaints: ['WARNING: CPU: 0'] };
    const comparison = await compareTraces(toySubsystem, [complaining], options);
    expect(comparison.verdict).toBe('diverge');
    expect(comparison.divergences[0]?.complaints).toEqual(['WARNING: CPU: 0']);
  });

  test('ends between two traces when it is told to', async () => {
    const abort = new AbortController();
    const comparison = await compareTraces(toySubsystem, await tracesOf(), {
      ...options,
      signal: abort.signal,
      onTrace: (traces) => traces === 3 && abort.abort(),
    });
    expect(comparison.traces).toBe(3);
    // What it did not come to may diverge.
    expect(comparison.verdict).toBe('inconclusive');
  });

  test('lets the rest of the process have its turn, so that Ctrl-C is seen', async () => {
    const [one] = await tracesOf();
    if (one === undefined) throw new Error('no trace');
    const abort = new AbortController();
    const timer = setTimeout(() => abort.abort(), 10);
    const endless = function* (): Generator<typeof one> {
      const end = performance.now() + 10_000;
      while (performance.now() < end) yield one;
    };
    const started = performance.now();
    const comparison = await compareTraces(toySubsystem, endless(), {
      ...options,
      signal: abort.signal,
    });
    clearTimeout(timer);
    expect(comparison.verdict).toBe('inconclusive');
    expect(performance.now() - started).toBeLessThan(5_000);
  });
});

describe('a target that gives fewer answers than it was given cases', () => {
  test('leaves a failure for each that is missing', async () => {
    const silent = { ...toyTarget(), runBatch: async function* () {} };
    const answers = [];
    for await (const one of observeCases(silent as never, cases.slice(0, 2), facts))
      answers.push(one);
    expect(answers.map(({ failure }) => failure)).toEqual(['toy: no answer', 'toy: no answer']);
    expect(await runCase(silent as never, { setup: {}, operations: [] })).toMatchObject({
      failure: 'toy: no answer',
    });
  });
});

describe('whichRevision', () => {
  test('tells revisions apart and puts the best first', async () => {
    const target = modelTarget(toySubsystem, 'linux-2.0');
    const traces = [];
    for await (const { trace } of observeCases(target, cases, facts)) traces.push(trace);
    const [best, ...others] = whichRevision(toySubsystem, traces);
    expect(best).toMatchObject({ revision: 'linux-2.0', traces: 64, totalTraces: 64 });
    expect(others.every(({ traces: explained }) => explained < 64)).toBe(true);
    expect(others.find(({ revision }) => revision === 'linux-1.0')?.first?.rule).toBe('up.limit');
  });
});

describe('explainTrace', () => {
  test('gives rule, trail and state changes of each step, up to the divergence', async () => {
    const operations: SemaphoreOperation[] = [{ op: 'up' }, { op: 'down' }, { op: 'up' }];
    const [one] = await tracesOf({ badDown: 1 }, [{ setup: { start: 1 }, operations }]);
    if (one === undefined) throw new Error('no trace');
    const steps = explainTrace(toySubsystem, one.trace, 'linux-1.0');
    expect(steps).toHaveLength(2);
    expect(steps[0]).toMatchObject({
      agrees: true,
      rule: { id: 'up' },
      trail: [{ id: 'up.limit', sentence: 'refuses at the limit' }],
      changes: [{ path: 'value', before: 1, after: 2 }],
    });
    expect(steps[1]).toMatchObject({ agrees: false, outcome: { kind: 'value', value: 1 } });
  });
});

describe('a divergence report', () => {
  test('says what was done, seen, expected and why', async () => {
    const target = toyTarget({ badDown: 1 });
    const comparison = await compareTraces(
      toySubsystem,
      observeCases(target, cases, facts),
      options,
    );
    const [report] = comparison.divergences;
    if (report === undefined) throw new Error('no divergence');
    const shrunk = await shrinkDivergence(toySubsystem, report, target);
    const text = formatDivergence(toySubsystem, shrunk, report);
    expect(text).toContain('DIVERGENCE  semaphore: revision linux-1.0 against kernel 1.0');
    expect(text).toContain('>   0  down  ->  value value=7');
    expect(text).toContain('Expected:   value value=0    (down)');
    expect(text).toContain('Because:    takes one');
    expect(text).toContain('Explained by no revision that the model has.');
    expect(text.split('\n').every((line) => line.length <= 120)).toBe(true);
  });

  test('comes with a test for the model', async () => {
    const [one] = await tracesOf();
    if (one === undefined) throw new Error('no trace');
    const source = modelReproducer(toySubsystem, one.trace, 'linux-1.0', 'x.jsonl');
    expect(source).toContain("import { subsystemOf } from '@kernel-models/oracle';");
    expect(source).toContain("revision: 'linux-1.0'");
  });
});

describe('exportItf', () => {
  test('has every state, the first and the last included', async () => {
    const operations: SemaphoreOperation[] = [{ op: 'up' }, { op: 'down' }];
    const [one] = await tracesOf({}, [{ setup: { start: 1 }, operations }]);
    if (one === undefined) throw new Error('no trace');
    const itf = exportItf(toySubsystem.model, one.trace, 'linux-1.0');
    expect(itf.states.map(({ state }) => state)).toEqual([
      { value: 1 },
      { value: 2 },
      { value: 1 },
    ]);
    expect(itf.states.map((state) => state['mbt::actionTaken'])).toEqual([undefined, 'up', 'down']);
    expect(itf['#meta']['format']).toBe('ITF');
  });
});
