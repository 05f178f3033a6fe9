// SPDX-License-Identifier: MIT
import { describe, expect, test } from 'vitest';
import {
  observedOne,
  replay,
  runModel,
  type ObservedOutcome,
  type Trace,
} from '@kernel-models/model-core';
import {
  semaphore,
  type SemaphoreOperation,
  type SemaphoreOutcome,
  type SemaphoreSetup,
} from './toy-model.ts';

const value = (number: number): SemaphoreOutcome => ({ kind: 'value', value: number });
const refused: SemaphoreOutcome = { kind: 'errno', errno: 'EAGAIN' };

function traceOf(
  ...events: readonly [SemaphoreOperation['op'], ObservedOutcome<SemaphoreOutcome>][]
): Trace<SemaphoreSetup, SemaphoreOperation, SemaphoreOutcome> {
  return {
    model: 'semaphore',
    setup: { start: 1 },
    source: { kind: 'kernel' },
    recordedAt: '2026-01-01T00:00:00Z',
    events: events.map(([op, observed], seq) => ({ seq, operation: { op }, observed })),
  };
}

const on = { revision: 'linux-1.0' };

describe('replay', () => {
  test('agrees and says that it consumed everything', () => {
    const trace = traceOf(['down', observedOne(value(0))], ['down', observedOne(refused)]);
    expect(replay(semaphore, trace, on)).toMatchObject({
      verdict: 'agree',
      consumed: 2,
      total: 2,
      states: [{ value: 0 }],
    });
  });

  test('diverges at the first event that nothing explains, and says what was expected', () => {
    const trace = traceOf(['up', observedOne(value(2))], ['up', observedOne(value(9))]);
    const result = replay(semaphore, trace, on);
    expect(result).toMatchObject({ verdict: 'diverge', consumed: 1, total: 2 });
    expect(result.divergence?.event.seq).toBe(1);
    expect(result.divergence?.expected).toMatchObject([
      { outcome: value(3), rule: 'up', trail: ['up.limit'] },
    ]);
  });

  test('follows every state that explains what was seen, until an outcome decides', () => {
    const toss = ['toss', observedOne(value(0))] as const;
    const possible = replay(semaphore, traceOf([...toss], [...toss]), on);
    expect(possible.states).toEqual([{ value: 3 }, { value: 2 }, { value: 1 }]);
    const decided = traceOf([...toss], [...toss], ['down', observedOne(value(1))]);
    expect(replay(semaphore, decided, on).states).toEqual([{ value: 1 }]);
    const impossible = traceOf([...toss], [...toss], ['down', observedOne(value(7))]);
    expect(replay(semaphore, impossible, on).divergence?.expected).toHaveLength(3);
  });

  test('takes sets of outcomes and anything', () => {
    const set: ObservedOutcome<SemaphoreOutcome> = {
      kind: 'anyOf',
      outcomes: [refused, value(2)],
    };
    expect(replay(semaphore, traceOf(['up', set], ['up', { kind: 'any' }]), on).verdict).toBe(
      'agree',
    );
    const wrong: ObservedOutcome<SemaphoreOutcome> = { kind: 'anyOf', outcomes: [refused] };
    expect(replay(semaphore, traceOf(['up', wrong]), on).verdict).toBe('diverge');
  });

  test('is inconclusive, not in agreement, beyond the cap on states', () => {
    const trace = traceOf(['toss', { kind: 'any' }], ['toss', { kind: 'any' }]);
    expect(replay(semaphore, trace, { ...on, maxStates: 2 })).toMatchObject({
      verdict: 'inconclusive',
      consumed: 1,
      total: 2,
      reason: 'event 1: 3 possible states, more than 2',
    });
  });

  test('uses the model’s own notion of a match', () => {
    const lenient = { ...semaphore, matches: () => true };
    expect(replay(lenient, traceOf(['up', observedOne(refused)]), on).verdict).toBe('agree');
  });

  test('names an unknown revision', () => {
    const run = () => replay(semaphore, traceOf(['up', { kind: 'any' }]), { revision: 'linux-9' });
    expect(run).toThrow('semaphore: revision: expected one of linux-1.0, linux-2.0');
  });

  test('runs a model along operations', () => {
    const steps = runModel(semaphore, { start: 3 }, [{ op: 'up' }, { op: 'down' }], 'linux-1.0');
    expect(steps.map(({ rule }) => rule)).toEqual(['up.limit', 'down']);
  });
});
