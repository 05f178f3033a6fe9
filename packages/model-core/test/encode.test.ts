// SPDX-License-Identifier: MIT
import { expect, test } from 'vitest';
import { encodePlain } from '@kernel-models/model-core';

test('plain data keeps its shape, and a bigint becomes its 0x form', () => {
  const value = { a: 255n, b: [1n, -5n], c: { d: 'text', e: true, f: null, g: 7 }, h: undefined };
  expect(encodePlain(value, 'value')).toEqual({
    a: '0xff',
    b: ['0x1', '-0x5'],
    c: { d: 'text', e: true, f: null, g: 7 },
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
