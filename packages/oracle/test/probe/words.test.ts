// SPDX-License-Identifier: MIT
import { DecodeError, type JsonObject } from '@kernel-models/model-core';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { decodeWords, encodeWords } from '../../src/probe/words.ts';

const text = fc.oneof(
  fc.string(),
  fc.string({ unit: 'binary' }),
  fc.constantFrom(
    '',
    '5',
    '-1',
    '0x10',
    'true',
    'null',
    '{}',
    '[2]',
    "'",
    'a b',
    'a=b',
    '%41',
    'ü\n',
  ),
);
const { object } = fc.letrec<{ value: unknown; object: JsonObject }>((tie) => ({
  value: fc.oneof(
    { depthSize: 'small' },
    text,
    fc.integer(),
    fc.double({ noNaN: true, noDefaultInfinity: true }).filter((number) => !Object.is(number, -0)),
    fc.boolean(),
    fc.constant(null),
    fc.array(tie('value'), { maxLength: 3 }),
    tie('object'),
  ),
  object: fc.dictionary(
    text.filter((key) => key !== ''),
    tie('value'),
    { maxKeys: 4, noNullPrototype: true },
  ) as fc.Arbitrary<JsonObject>,
}));

describe('words', () => {
  test('every JSON object comes back as it was', () => {
    fc.assert(
      fc.property(object, (value) => {
        expect(decodeWords(encodeWords(value))).toEqual(value);
      }),
      { seed: 1, numRuns: 500 },
    );
  });

  test('a line is one line of printable ASCII, and its words are separated by one space', () => {
    fc.assert(
      fc.property(object, (value) => {
        expect(encodeWords(value)).toMatch(/^(?:[!-~]+(?: [!-~]+)*)?$/);
      }),
      { seed: 2, numRuns: 500 },
    );
  });

  test('lists say how long they are, and objects are flattened', () => {
    const operation = {
      op: 'open',
      flags: ['O_PATH'],
      at: { fd: 5, path: '5' },
      none: [],
      more: {},
    };
    expect(encodeWords(operation)).toBe(
      "op=open flags=[1] flags.0=O_PATH at.fd=5 at.path='5 none=[0] more={}",
    );
  });

  test('a field that is undefined is absent', () => {
    expect(encodeWords({ a: undefined, b: { c: undefined } })).toBe('b={}');
  });

  test.each([
    ['no equals sign', 'word'],
    ['no key', '=1'],
    ['a key twice', 'a=1 a=2'],
    ['a value and an object', 'a=1 a.b=2'],
    ['a list of another length', 'a=[2] a.0=x'],
    ['an item that is not next', 'a=[1] a.1=x'],
    ['a number that is none', 'a=0y'],
    ['a broken percent code', 'a=%zz'],
  ])('%s is refused', (_, line) => {
    expect(() => decodeWords(line)).toThrow(DecodeError);
  });
});
