// SPDX-License-Identifier: MIT
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  readTraces,
  TraceError,
  writeTrace,
  type ObservedOutcome,
  type Trace,
} from '@kernel-models/model-core';
import {
  EVERY_OPERATION,
  semaphore,
  type SemaphoreOperation,
  type SemaphoreOutcome,
  type SemaphoreSetup,
} from './toy-model.ts';

const { codec } = semaphore;
const options = {
  file: 'some.jsonl',
  codecOf: (model: string) => (model === 'semaphore' ? codec : undefined),
};
const read = (text: string) => [...readTraces(text, options as never)];

type ToyTrace = Trace<SemaphoreSetup, SemaphoreOperation, SemaphoreOutcome>;

const outcome: fc.Arbitrary<SemaphoreOutcome> = fc.oneof(
  fc.record({ kind: fc.constant('value' as const), value: fc.integer() }),
  fc.record({ kind: fc.constant('errno' as const), errno: fc.string() }),
);
const observed: fc.Arbitrary<ObservedOutcome<SemaphoreOutcome>> = fc.oneof(
  fc.record({ kind: fc.constant('one' as const), outcome }),
  fc.record({ kind: fc.constant('anyOf' as const), outcomes: fc.array(outcome, { minLength: 1 }) }),
  fc.record({ kind: fc.constant('any' as const) }),
);
const trace: fc.Arbitrary<ToyTrace> = fc
  .record({
    setup: fc.record({ start: fc.integer({ min: 0, max: 3 }) }),
    events: fc.array(fc.record({ operation: fc.constantFrom(...EVERY_OPERATION), observed })),
    threads: fc.boolean(),
  })
  .map(({ setup, events, threads }) => ({
    model: 'semaphore',
    revision: 'linux-1.0',
    setup,
    source: { kind: 'kernel', kernel: '1.0', script: 'scripts/x' },
    recordedAt: '2026-01-01T00:00:00Z',
    events: events.map((event, seq) => ({ seq, ...(threads && { thread: 't' }), ...event })),
  }));

const header = JSON.stringify({
  format: 'kernel-models-trace',
  version: 1,
  model: 'semaphore',
  setup: { start: 1 },
  source: { kind: 'kernel' },
  recordedAt: '2026-01-01T00:00:00Z',
});
const event = JSON.stringify({
  seq: 0,
  operation: { op: 'up' },
  outcome: { kind: 'value', value: 2 },
});
const withHeader = (change: object): string =>
  `${JSON.stringify({ ...(JSON.parse(header) as object), ...change })}\n`;
const withEvent = (change: object): string =>
  `${header}\n${JSON.stringify({ ...(JSON.parse(event) as object), ...change })}\n`;

describe('traces', () => {
  test('read back as they were written, several in a file', () => {
    fc.assert(
      fc.property(fc.array(trace, { minLength: 1, maxLength: 4 }), (traces) => {
        const text = traces.map((one) => writeTrace(one, codec)).join('');
        expect(read(text)).toEqual(traces);
      }),
    );
  });

  test('cut off anywhere are an error or, at a header, the whole traces before it', () => {
    fc.assert(
      fc.property(trace, fc.nat(), (one, cut) => {
        const whole = writeTrace(one, codec);
        const text = whole.slice(0, cut % whole.length);
        expect(() => read(text)).toThrow(TraceError);
      }),
    );
  });

  const bad: readonly [string, string, string][] = [
    ['nothing', '', 'some.jsonl:1: expected a trace header'],
    ['no JSON', 'hello\n', 'some.jsonl:1: expected a JSON value'],
    ['an event first', `${event}\n`, 'some.jsonl:1: header.seq: expected no such field'],
    ['a missing newline', `${header}\n${event}`, 'some.jsonl:2: expected a newline'],
    ['another format', withHeader({ format: 'x' }), 'header.format: expected one of kernel-models'],
    ['another version', withHeader({ version: 2 }), 'header.version: expected version 1, got 2'],
    ['an unknown model', withHeader({ model: 'x' }), 'header.model: no model is called x'],
    ['an unknown header field', withHeader({ extra: 1 }), 'header.extra: expected no such field'],
    ['a bad setup', withHeader({ setup: { start: 9 } }), 'setup.start: expected a whole number'],
    ['a bad source', withHeader({ source: { kind: 'x' } }), 'header.source.kind: expected one of'],
    ['a bad time', withHeader({ recordedAt: 'now' }), 'header.recordedAt: expected an ISO 8601'],
    ['an empty line', `${header}\n\n`, 'some.jsonl:2: expected a JSON value'],
    ['a gap in seq', withEvent({ seq: 1 }), 'some.jsonl:2: event.seq: expected 0, got 1'],
    ['an unknown event field', withEvent({ note: '' }), 'event.note: expected no such field'],
    [
      'an unknown operation',
      withEvent({ operation: { op: 'x' } }),
      'operation.op: expected one of',
    ],
    ['no outcome', withEvent({ outcome: undefined }), 'event.outcome: expected a value'],
    ['an empty set of outcomes', withEvent({ outcome: { anyOf: [] } }), 'outcome.anyOf: expected'],
    ['any: false', withEvent({ outcome: { any: false } }), 'outcome.any: expected true'],
    ['too few events', withHeader({ events: 1 }), 'expected 1 events, got 0: the trace is cut off'],
  ];
  test.each(bad)('refuse %s, naming the line', (_, text, message) => {
    expect(() => read(text)).toThrow(TraceError);
    expect(() => read(text)).toThrow(message);
  });
});
