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
  refuseRevision: (model: string, revision: string) =>
    semaphore.revisions.some(({ id }) => id === revision)
      ? undefined
      : `${model} has no ${revision}`,
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
/** A line in which the member that begins with a key stands twice, the second with another value. */
function twice(line: string, key: string, spelled: string = key): string {
  const member = new RegExp(`${key}:("[^"]*"|\\d+)`);
  return `${line.replace(member, `${key}:$1,${spelled}:null`)}\n`;
}

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

  const odd: readonly [string, string][] = [
    ['lines that end in CR LF', `${header}\r\n${event}\r\n`],
    ['white space between tokens', `${header}\n ${event.replaceAll(/[:,]/g, ' $& ')} \n`],
    ['fields in another order', `${header.replace('{', '{"events":1,')}\n${event}\n`],
    [
      'the same key in two objects, and quotes inside strings',
      `${header.replace('"kind":"kernel"', String.raw`"kind":"kernel","cpu":"\"cpu\":\\"`)}\n${event}\n`,
    ],
  ];
  test.each(odd)('may have %s', (_, text) => {
    expect(read(text)[0]?.events).toHaveLength(1);
  });

  test('that are trusted are not searched for keys that stand twice', () => {
    const text = `${header}\n${event.replace('{', '{"seq":0,')}\n`;
    expect(() => read(text)).toThrow('event.seq: expected each key once');
    expect([...readTraces(text, { ...options, trusted: true } as never)]).toHaveLength(1);
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
    ['a byte order mark', `\uFEFF${header}\n`, 'some.jsonl:1: expected UTF-8 without one, begins'],
    [
      'an unknown revision',
      withHeader({ revision: 'linux-9' }),
      'some.jsonl:1: header.revision: semaphore has no linux-9',
    ],
    [
      'a key of the header twice',
      twice(header, '"model"'),
      ':1: header.model: expected each key once',
    ],
    [
      'a key of an event twice',
      `${header}\n${twice(event, '"seq"')}`,
      ':2: event.seq: expected each',
    ],
    [
      'a key of an operation twice',
      `${header}\n${twice(event, '"op"')}`,
      ':2: operation.op: expected each key once',
    ],
    [
      'a key spelled otherwise',
      `${header}\n${twice(event, '"op"', '"\\u006fp"')}`,
      ':2: operation.op: expected each key once',
    ],
    [
      'a key twice inside a list',
      `${header}\n{"seq":0,"operation":{"op":"up"},"outcome":{"anyOf":[{"any":true},{"a":[{}, 1], "a" :1}]}}\n`,
      ':2: outcome.anyOf[1].a: expected each key once',
    ],
    ['too few events', withHeader({ events: 1 }), 'expected 1 events, got 0: the trace is cut off'],
  ];
  test.each(bad)('refuse %s, naming the line', (_, text, message) => {
    expect(() => read(text)).toThrow(TraceError);
    expect(() => read(text)).toThrow(message);
  });
});
