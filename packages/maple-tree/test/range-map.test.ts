// SPDX-License-Identifier: MIT
import { inspect } from 'node:util';
import { describe, expect, test } from 'vitest';
import { createRangeMap, MapleTreeError } from '@kernel-models/maple-tree';

const text = (map: Iterable<{ first: unknown; last: unknown; value: unknown }>): string =>
  [...map].map(({ first, last, value }) => `${String(first)}-${String(last)}:${value}`).join(' ');

describe('RangeMap', () => {
  test('is loaded in order and iterated in order', () => {
    const ranges = Array.from({ length: 500 }, (_, i) => [3 * i, 3 * i + 1, i] as const);
    const map = createRangeMap<number>(ranges);
    expect([...map].map(({ first, last, value }) => [first, last, value])).toEqual(ranges);
    map.tree.validate();
  });

  test('gives its values alone, all of them or those of a window', () => {
    const map = createRangeMap<string>([
      [0, 9, 'a'],
      [20, 29, 'b'],
      [40, 49, 'c'],
    ]);
    expect([...map.values()]).toEqual(['a', 'b', 'c']);
    expect([...map.values(9, 20)]).toEqual(['a', 'b']);
  });

  test('gives its ranges alone, and says how many there are', () => {
    const map = createRangeMap<string>([
      [0, 9, 'a'],
      [20, 29, 'b'],
      [40, 49, 'c'],
    ]);
    expect([...map.keys(10, 40)]).toEqual([
      { first: 20, last: 29 },
      { first: 40, last: 49 },
    ]);
    expect([...map.keys(10, 30)]).toEqual([{ first: 20, last: 29 }]);
    expect([map.count(), map.count(9, 20), map.count(10, 19)]).toEqual([3, 2, 0]);
    map.set(5, 24, 'd');
    expect(map.count()).toBe(4);
    map.clear();
    expect([map.count(), [...map.keys()]]).toEqual([0, []]);
  });

  test('counts as many ranges as it iterates over, also after many stores', () => {
    const map = createRangeMap<number>();
    for (let i = 0; i < 3000; i++) {
      const first = (i * 7919) % 10_007;
      if (i % 5 === 0) map.clear(first, first + 20);
      else map.set(first, first + (i % 11), i);
    }
    expect(map.count()).toBe([...map].length);
  });

  test('is shown as its ranges', () => {
    const map = createRangeMap<unknown>([
      [0, 9, 'a'],
      [20, 20, { deep: { deeper: { deepest: {} } } }],
    ]);
    expect(inspect(map, { compact: true })).toBe(
      "RangeMap(2) { 0..9 => 'a', 20 => { deep: { deeper: [Object] } } }",
    );
    expect(inspect({ in: { in: { in: map } } })).toBe('{ in: { in: { in: [RangeMap] } } }');
    expect(inspect(map, { maxArrayLength: 1 })).toBe(
      "RangeMap(2) { 0..9 => 'a', ... 1 more item }",
    );
    expect(inspect(map, { maxArrayLength: null, depth: null })).toContain('deepest');
    expect(inspect(createRangeMap())).toBe('RangeMap(0) {}');
    expect(inspect(createRangeMap([[0n, 9n, 1n]], { keys: 'u64' }))).toBe(
      'RangeMap(1) { 0..9 => 1n }',
    );
    expect(String(map)).toBe('[object RangeMap]');
    const long = createRangeMap<string>([
      [0, 9, 'x'.repeat(40)],
      [20, 29, 'y'.repeat(40)],
    ]);
    expect(inspect(long).split('\n')).toEqual([
      'RangeMap(2) {',
      `  0..9 => '${'x'.repeat(40)}',`,
      `  20..29 => '${'y'.repeat(40)}'`,
      '}',
    ]);
    const many = createRangeMap(Array.from({ length: 150 }, (_, i) => [2 * i, 2 * i, i] as const));
    expect(inspect(many)).toContain('... 50 more items');
  });

  test('cuts what a new range overlaps', () => {
    const map = createRangeMap<string>([[10, 19, 'a']]);
    map.set(12, 14, 'b').set(18, 25, 'c');
    expect(text(map)).toBe('10-11:a 12-14:b 15-17:a 18-25:c');
    expect(map.rangeAt(16)).toEqual({ first: 15, last: 17, value: 'a' });
    expect(map.rangeAt(26)).toBeUndefined();
  });

  test('sees what is stored ahead of an iteration, and not what is stored behind', () => {
    const map = createRangeMap<string>([
      [10, 10, 'a'],
      [20, 20, 'b'],
    ]);
    const seen: string[] = [];
    for (const { first, value } of map) {
      seen.push(`${first}${value}`);
      if (first === 10) map.set(5, 5, 'behind').set(15, 15, 'ahead');
    }
    expect(seen).toEqual(['10a', '15ahead', '20b']);
  });

  test('ends an iteration at the last key', () => {
    const map = createRangeMap<string>();
    const { max } = map.tree.keys;
    map.set(max - 1, max, 'end');
    expect(text(map)).toBe(`${max - 1}-${max}:end`);
  });

  test('throws the reason of a refusal', () => {
    const map = createRangeMap<string>([[0, 9, 'a']], { allocRange: true });
    expect(() => map.insert(5, 12, 'b')).toThrow(/EEXIST/);
    expect(() => map.set(2, 1, 'b')).toThrow(MapleTreeError);
    expect(() => map.allocate(5, 'b', 0, 9)).toThrow(/EBUSY/);
    expect(() => map.set(2, 1, 'b')).toThrow('set: EINVAL, the range ends before it starts');
    expect(() => map.allocate(5, 'b', 0, 3)).toThrow('EINVAL, the window is shorter than the size');
    expect(() => createRangeMap<string>().allocate(1, 'b')).toThrow('allocRange: true');
    expect(() => map.get(-1)).toThrow(/index: expected a whole number from 0/);
    expect(() => createRangeMap<string>([[-1, 3, 'a']])).toThrow(/first: expected/);
    expect(text(map)).toBe('0-9:a');
  });

  test('joins equal neighbours on request', () => {
    const map = createRangeMap<string>([
      [0, 1, 'a'],
      [2, 3, 'a'],
      [4, 5, 'b'],
      [7, 8, 'b'],
    ]);
    expect(map.coalesce()).toBe(1);
    expect(text(map)).toBe('0-3:a 4-5:b 7-8:b');
  });

  test('holds bigints exactly', () => {
    const map = createRangeMap<string>([[2n ** 63n, 2n ** 63n + 1n, 'a']], { keys: 'u64' });
    map.set(2n ** 63n + 1n, 2n ** 63n + 1n, 'b');
    expect(map.get(2n ** 63n)).toBe('a');
    expect(map.get(2n ** 63n + 1n)).toBe('b');
    expect(map.delete(2n ** 63n)).toBe('a');
    map.forEach((value, first, last) => expect([value, first === last]).toEqual(['b', true]));
  });
});
