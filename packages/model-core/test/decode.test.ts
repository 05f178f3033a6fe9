// SPDX-License-Identifier: MIT
import { describe, expect, test } from 'vitest';
import { decode, DecodeError, formatMode, type Json } from '@kernel-models/model-core';

const shape = decode.object({
  name: decode.string,
  mode: decode.octalMode,
  value: decode.hex(),
  flags: decode.array(decode.oneOf(['A', 'B'])),
  limit: decode.optional(decode.integer(0, 9)),
});
const good = { name: 'x', mode: '0755', value: '0xffffffffffffffff', flags: ['A'] };

describe('decoders', () => {
  test('accept what is right and keep 64 bits', () => {
    expect(shape(good, 'it')).toEqual({
      name: 'x',
      mode: 0o755,
      value: 0xffff_ffff_ffff_ffffn,
      flags: ['A'],
    });
    expect(shape({ ...good, limit: 9 }, 'it')).toHaveProperty('limit', 9);
    expect(decode.record(decode.boolean)({ a: true }, 'it')).toEqual({ a: true });
    expect(formatMode(0o644)).toBe('0644');
  });

  const bad: readonly [string, Json, string, string][] = [
    ['an unknown field', { ...good, extra: 1 }, 'it.extra', 'no such field'],
    ['a missing field', { name: 'x' }, 'it.mode', 'got nothing'],
    ['a value of the wrong type', { ...good, name: 7 }, 'it.name', 'a string, got 7'],
    ['a mode with a digit too high', { ...good, mode: '0888' }, 'it.mode', 'octal'],
    ['a mode with too many bits', { ...good, mode: '17777' }, 'it.mode', 'octal'],
    ['a 65-bit value', { ...good, value: '0x10000000000000000' }, 'it.value', '0xffffffffffffffff'],
    ['a decimal value', { ...good, value: '12' }, 'it.value', '0x'],
    ['an upper-case value', { ...good, value: '0xFF' }, 'it.value', '0x'],
    ['a wrong list item', { ...good, flags: ['A', 'C'] }, 'it.flags[1]', 'one of A, B, got "C"'],
    ['a number out of range', { ...good, limit: 10 }, 'it.limit', 'from 0 to 9, got 10'],
    ['a fraction', { ...good, limit: 0.5 }, 'it.limit', 'whole number'],
    ['null', { ...good, limit: null }, 'it.limit', 'got null'],
    ['a list for an object', [], 'it', 'an object'],
    ['an object for a list', { ...good, flags: {} }, 'it.flags', 'a list'],
  ];
  test.each(bad)('refuse %s, naming the field', (_, json, field, message) => {
    expect(() => shape(json, 'it')).toThrow(DecodeError);
    expect(() => shape(json, 'it')).toThrow(`${field}: expected`);
    expect(() => shape(json, 'it')).toThrow(message);
  });

  test('tell the shapes of a union apart', () => {
    const either = decode.union('kind', { a: { x: decode.integer() }, b: {} });
    expect(either({ kind: 'a', x: 1 }, 'it')).toEqual({ kind: 'a', x: 1 });
    expect(() => either({ kind: 'b', x: 1 }, 'it')).toThrow('it.x: expected no such field');
    expect(() => either({ kind: 'c' }, 'it')).toThrow('it.kind: expected one of a, b, got "c"');
  });

  test('shorten long values in messages', () => {
    expect(() => decode.boolean('y'.repeat(500), 'it')).toThrow(/^it: expected .{0,130}$/);
  });
});

describe('bytes', () => {
  test('of exactly a size', () => {
    expect(decode.bytes(3)('000fff', 'b')).toEqual(Uint8Array.of(0, 15, 255));
    expect(() => decode.bytes(3)('000f', 'b')).toThrow(
      'b: expected 3 bytes as hexadecimal digits, got "000f"',
    );
  });

  test('within a range, none of them included', () => {
    const some = decode.bytes({ max: 2 });
    expect(some('', 'b')).toEqual(new Uint8Array());
    expect(some('ab00', 'b')).toEqual(Uint8Array.of(0xab, 0));
    expect(() => some('ab0000', 'b')).toThrow('b: expected 0 to 2 bytes');
    expect(() => decode.bytes({ min: 1, max: 2 })('', 'b')).toThrow('b: expected 1 to 2 bytes');
  });

  test.each(['abc', 'AB', '0xab', 'zz', 7, null])('not as %j', (json) => {
    expect(() => decode.bytes({ max: 8 })(json, 'b')).toThrow('b: expected 0 to 8 bytes');
  });
});
