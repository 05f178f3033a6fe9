// SPDX-License-Identifier: MIT
import { describe, expect, test } from 'vitest';
import {
  createMapleTree,
  EBUSY,
  EEXIST,
  EINVAL,
  LINUX_6_12,
  RETRY_ENTRY,
  ZERO_ENTRY,
  type MapleTree,
} from '@kernel-models/maple-tree';

const U64_MAX = 2n ** 64n - 1n;

function u64(allocRange = false): MapleTree<bigint, unknown> {
  return createMapleTree<unknown>({ keys: 'u64', geometry: 'kernel64', allocRange });
}

/** [10,19]=1 [30,39]=3 [50,59]=5. */
function threeRanges(allocRange = false): MapleTree<bigint, unknown> {
  const tree = u64(allocRange);
  for (const [first, entry] of [
    [10n, 1],
    [30n, 3],
    [50n, 5],
  ] as const) {
    tree.storeRange(first, first + 9n, entry);
  }
  return tree;
}

describe('the simple interface', () => {
  test('next, prev and find mind their limits', () => {
    const tree = threeRanges();
    expect(tree.next(15n)).toBe(3);
    expect([tree.next(10n, 30n), tree.next(10n, 29n)]).toEqual([3, null]);
    expect([tree.prev(30n, 19n), tree.prev(30n, 20n)]).toEqual([1, null]);
    expect(tree.find(60n)).toBeNull();
    tree.store(U64_MAX, 9);
    expect(tree.find(U64_MAX)).toEqual({ entry: 9, index: 0n });
    expect(tree.findAfter(0n)).toBeNull();
  });

  test('allocates at the lowest and at the highest place', () => {
    const tree = threeRanges(true);
    expect(tree.allocRangeLow('x', 5n, 12n, 100n)).toBe(20n);
    expect(tree.allocRangeHigh('y', 8n, 0n, 100n)).toBe(93n);
    expect(u64(true).allocRangeHigh('z', 10n, 0n, U64_MAX)).toBe(U64_MAX - 9n);
    expect(u64(true).allocRangeLow('z', U64_MAX, 0n, U64_MAX)).toBe(0n);
    expect(threeRanges().allocRangeLow('x', 1n, 0n, 9n)).toBe(EINVAL);
  });

  test('a window of one index', () => {
    const tree = u64(true);
    expect(tree.allocRangeLow('a', 1n, U64_MAX, U64_MAX)).toBe(U64_MAX);
    expect(tree.allocRangeLow('b', 1n, U64_MAX, U64_MAX)).toBe(EBUSY);
    expect(tree.allocRangeLow('b', 2n, 5n, 5n)).toBe(EINVAL);
  });

  test('cyclic allocation wraps and says so', () => {
    const tree = u64(true);
    const starts: unknown[] = [];
    let next = 3n;
    for (let i = 0; i < 6; i++) {
      const found = tree.allocCyclic('c', 0n, 4n, next);
      if (typeof found === 'number') starts.push(found);
      else {
        starts.push(`${found.start}${found.wrapped ? ' wrapped' : ''}`);
        next = found.next;
      }
    }
    expect(starts).toEqual(['3', '4', '0 wrapped', '1', '2', EBUSY]);
    const end = tree.allocCyclic('c', 0n, U64_MAX, U64_MAX);
    expect(end).toEqual({ start: U64_MAX, next: 0n, wrapped: false });
    expect(tree.allocCyclic('c', 0n, U64_MAX, 0n)).toMatchObject({ start: 5n, wrapped: true });
  });

  test('the root word, and when it becomes a leaf', () => {
    const tree = u64();
    expect(tree.storeRange(5n, 9n, null)).toBe(0);
    expect(tree.empty).toBe(true);
    tree.store(0n, 'root');
    expect([tree.statistics().height, tree.load(0n), tree.load(1n)]).toEqual([0, 'root', null]);
    tree.store(7n, null);
    expect(tree.statistics().height).toBe(0);
    tree.store(1n, 'next');
    expect([tree.load(0n), tree.load(1n), tree.statistics().height]).toEqual(['root', 'next', 1]);
    const zero = u64();
    zero.store(0n, ZERO_ENTRY);
    expect([zero.statistics().height, zero.load(0n)]).toEqual([1, null]);
  });

  test('everything by one value, everything by null', () => {
    const tree = threeRanges();
    tree.storeRange(0n, U64_MAX, 'all');
    expect([tree.statistics().nodes, tree.load(U64_MAX)]).toEqual([1, 'all']);
    tree.store(0n, 'first');
    expect([tree.load(0n), tree.load(1n)]).toEqual(['first', 'all']);
    tree.storeRange(0n, U64_MAX, null);
    expect(tree.empty).toBe(true);
    tree.storeRange(0n, U64_MAX, 'all');
    tree.storeRange(0n, U64_MAX, null);
    expect([tree.empty, tree.statistics().height]).toEqual([false, 1]);
  });

  test('the zero entry is there for inserts, and not for loads', () => {
    const tree = u64(true);
    tree.storeRange(5n, 9n, ZERO_ENTRY);
    expect([tree.load(5n), tree.find(0n), tree.insert(6n, 'x')]).toEqual([null, null, EEXIST]);
    expect(tree.cursor(5n).walk()).toBe(ZERO_ENTRY);
    expect(tree.allocRangeLow(ZERO_ENTRY, 1n, 0n, 9n)).toBe(EINVAL);
    expect(tree.allocRangeLow('x', 1n, 5n, 9n)).toBe(EBUSY);
    expect(tree.erase(7n)).toBe(ZERO_ENTRY);
    expect([tree.store(1n, RETRY_ENTRY), tree.insert(1n, RETRY_ENTRY)]).toEqual([EINVAL, EINVAL]);
  });

  test('two answers of Linux 6.12, and the documented ones', () => {
    const build = (rules = {}): MapleTree<bigint, unknown> =>
      createMapleTree<unknown>({ keys: 'u64', geometry: 'kernel64', allocRange: true, ...rules });
    for (const [rules, code, start] of [
      [{}, EEXIST, 95n],
      [{ rules: LINUX_6_12 }, 0, EBUSY],
    ] as const) {
      const one = build(rules);
      one.store(5n, 1);
      expect(one.insertRange(0n, U64_MAX, 7)).toBe(code);
      const high = build(rules);
      high.storeRange(100n, U64_MAX, 1);
      expect(high.allocRangeHigh('x', 5n, 0n, U64_MAX)).toBe(start);
      expect(high.allocRangeHigh('y', 5n, 0n, U64_MAX - 1n)).not.toBe(EBUSY);
    }
  });
});

describe('the cursor', () => {
  test('meets its limits and turns round', () => {
    const cursor = threeRanges().cursor(10n);
    const step = (entry: unknown): unknown[] => [entry, cursor.status, cursor.index, cursor.last];
    cursor.walk();
    expect(step(cursor.next(29n))).toEqual([null, 'overflow', 20n, 29n]);
    expect(step(cursor.next(39n))).toEqual([3, 'active', 30n, 39n]);
    expect(step(cursor.next(39n))).toEqual([null, 'overflow', 30n, 39n]);
    expect(cursor.next()).toBe(5);
    expect(step(cursor.next())).toEqual([null, 'overflow', 60n, U64_MAX]);
    expect(cursor.prev()).toBe(5);
    expect(step(cursor.prev(40n))).toEqual([null, 'underflow', 40n, 49n]);
    expect([cursor.prev(), cursor.prev()]).toEqual([3, 1]);
    expect(step(cursor.prev())).toEqual([null, 'underflow', 0n, 9n]);
    expect(cursor.next()).toBe(1);
  });

  test('continues after a pause, and not past the last index', () => {
    const tree = threeRanges();
    tree.store(U64_MAX, 9);
    const cursor = tree.cursor(30n);
    expect(cursor.find()).toBe(3);
    cursor.pause();
    expect(cursor.find()).toBe(5);
    expect(cursor.find()).toBe(9);
    cursor.pause();
    expect(cursor.find()).toBeNull();
  });

  test.each(['tuned', 'kernel64'] as const)('store() tells what was at the index, %s', (shape) => {
    for (const covered of [0, 37, 131]) {
      const tree = createMapleTree<unknown>({ geometry: shape });
      for (let i = 0; i < 33; i++) tree.storeRange(4 * i, 4 * i + 1, i === 9 ? ZERO_ENTRY : i);
      expect(tree.cursor(0, covered).store('x')).toBe(0);
      expect(tree.cursor(0, 131).store('y')).toBe('x');
    }
    const small = createMapleTree<unknown>({ geometry: shape });
    small.store(0, 'root');
    const cursor = small.cursor(0);
    cursor.walk();
    expect([cursor.store('x'), small.load(0)]).toEqual(['root', 'x']);
    const tree = createMapleTree<unknown>({ geometry: shape });
    for (let i = 0; i < 99; i++) tree.storeRange(4 * i, 4 * i + 1, i === 9 ? ZERO_ENTRY : i);
    expect(tree.cursor(37, 350).store('x')).toBe(ZERO_ENTRY);
  });

  test('stands at what it stored', () => {
    const tree = threeRanges();
    const cursor = tree.cursor(12n, 14n);
    cursor.storeGfp('new');
    expect([cursor.nextRange(), cursor.index, cursor.last]).toEqual([1, 15n, 19n]);
    expect([cursor.prevRange(), cursor.index, cursor.last]).toEqual(['new', 12n, 14n]);
    cursor.set(30n, 39n);
    cursor.storeGfp(null);
    expect([cursor.index, cursor.last]).toEqual([20n, 49n]);
    const first = u64();
    const fresh = first.cursor(4n, 6n);
    fresh.storeGfp('only');
    expect([fresh.next(), fresh.status]).toEqual([null, 'overflow']);
  });
});
