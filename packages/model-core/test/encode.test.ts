// SPDX-License-Identifier: MIT
import { expect, test } from 'vitest';
import { decode, encodePlain, hexFields, plainCodec } from '@kernel-models/model-core';

test('plain data keeps its shape, and a bigint becomes its 0x form', () => {
  const value = {
    a: 255n,
    b: [1n, -5n],
    c: { d: 'text', e: true, f: null, g: 7 },
    h: undefined,
    i: Uint8Array.of(0, 15, 255),
  };
  expect(encodePlain(value, 'value')).toEqual({
    a: '0xff',
    b: ['0x1', '-0x5'],
    c: { d: 'text', e: true, f: null, g: 7 },
    i: '000fff',
  });
});

test('a model spells numbers of its fields itself, in lists too', () => {
  const value = { msr: 16, others: [16], size: 16, flags: 3n };
  const spelled = encodePlain(value, 'value', (one, field) =>
    field === 'size' ? undefined : `${field}:${one}`,
  );
  expect(spelled).toEqual({ msr: 'msr:16', others: ['others:16'], size: 16, flags: 'flags:3' });
});

test('what JSON cannot hold is named', () => {
  expect(() => encodePlain({ run: () => 0 }, 'value')).toThrow(
    'run: expected a value that JSON can hold, got function',
  );
  expect(() => encodePlain([Symbol('x')], 'list')).toThrow('list: expected a value');
});

test('a codec of plain data reads back what it wrote, and names the part that is wrong', () => {
  const { hex, integer, object } = decode;
  const codec = plainCodec({
    setup: object({ size: hex() }),
    operation: object({ flags: (json, field) => Number(hex()(json, field)) }),
    outcome: object({ count: integer(0) }),
    spell: hexFields('flags'),
  });
  expect(codec.encodeSetup({ size: 1n << 63n })).toEqual({ size: '0x8000000000000000' });
  expect(codec.encodeOperation({ flags: 0x300 })).toEqual({ flags: '0x300' });
  expect(codec.decodeOperation({ flags: '0x300' })).toEqual({ flags: 0x300 });
  expect(codec.encodeOutcome({ count: 3 })).toEqual({ count: 3 });
  expect(() => codec.decodeOutcome({ count: -1 })).toThrow(/^outcome\.count: /);
});
