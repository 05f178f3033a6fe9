// SPDX-License-Identifier: MIT
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
