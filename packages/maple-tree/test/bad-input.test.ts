// SPDX-License-Identifier: MIT
import { describe, expect, test } from 'vitest';
import {
  createMapleTree,
  createRangeMap,
  EINVAL,
  geometry,
  RETRY_ENTRY,
  type MapleTree,
} from '@kernel-models/maple-tree';
import { loadInSteps } from '@kernel-models/maple-tree/testing';

/** [0, 9] = 'a' [20, 29] = 'b', with gaps kept. */
function twoRanges(): MapleTree<number, string> {
  return fill(createMapleTree<string>({ allocRange: true, geometry: 'kernel64' }));
}

function fill<Tree extends Pick<MapleTree<number, string>, 'storeRange'>>(tree: Tree): Tree {
  tree.storeRange(0, 9, 'a');
  tree.storeRange(20, 29, 'b');
  return tree;
}

/** Every call that takes an index, with the name that a complaint about it must give. */
const CALLS: readonly (readonly [
  field: string,
  call: string,
  (tree: MapleTree<number, string>, bad: number) => unknown,
])[] = [
  ['index', 'load', (tree, bad) => tree.load(bad)],
  ['first', 'store', (tree, bad) => tree.store(bad, 'x')],
  ['last', 'storeRange', (tree, bad) => tree.storeRange(3, bad, 'x')],
  ['first', 'insert', (tree, bad) => tree.insert(bad, 'x')],
  ['last', 'insertRange', (tree, bad) => tree.insertRange(3, bad, 'x')],
  ['index', 'erase', (tree, bad) => tree.erase(bad)],
  ['size', 'allocRangeLow', (tree, bad) => tree.allocRangeLow('x', bad, 0, 99)],
  ['min', 'allocRangeLow', (tree, bad) => tree.allocRangeLow('x', 1, bad, 99)],
  ['max', 'allocRangeHigh', (tree, bad) => tree.allocRangeHigh('x', 1, 0, bad)],
  ['min', 'allocCyclic', (tree, bad) => tree.allocCyclic('x', bad, 99, 0)],
  ['max', 'allocCyclic', (tree, bad) => tree.allocCyclic('x', 0, bad, 0)],
  ['next', 'allocCyclic', (tree, bad) => tree.allocCyclic('x', 0, 99, bad)],
  ['index', 'find', (tree, bad) => tree.find(bad)],
  ['max', 'find', (tree, bad) => tree.find(0, bad)],
  ['max', 'findAfter', (tree, bad) => tree.findAfter(1, bad)],
  ['max', 'findAll', (tree, bad) => [...tree.findAll(0, bad)]],
  ['index', 'next', (tree, bad) => tree.next(bad)],
  ['max', 'next', (tree, bad) => tree.next(0, bad)],
  ['min', 'prev', (tree, bad) => tree.prev(25, bad)],
  ['from', 'forEach', (tree, bad) => tree.forEach(() => undefined, bad)],
  ['to', 'forEach', (tree, bad) => tree.forEach(() => undefined, 0, bad)],
  ['first', 'cursor', (tree, bad) => tree.cursor(bad)],
  ['first', 'cursor.set', (tree, bad) => tree.cursor(5).set(bad)],
  ['last', 'cursor.setRangeHere', (tree, bad) => tree.cursor(5).setRangeHere(5, bad)],
  ['max', 'cursor.next', (tree, bad) => tree.cursor(5).next(bad)],
  ['max', 'cursor.nextRange', (tree, bad) => tree.cursor(5).nextRange(bad)],
  ['min', 'cursor.prev', (tree, bad) => tree.cursor(5).prev(bad)],
  ['min', 'cursor.prevRange', (tree, bad) => tree.cursor(5).prevRange(bad)],
  ['max', 'cursor.find', (tree, bad) => tree.cursor(5).find(bad)],
  ['max', 'cursor.findRange', (tree, bad) => tree.cursor(5).findRange(bad)],
  ['min', 'cursor.findRev', (tree, bad) => tree.cursor(5).findRev(bad)],
  ['min', 'cursor.findRangeRev', (tree, bad) => tree.cursor(5).findRangeRev(bad)],
  ['min', 'cursor.emptyArea', (tree, bad) => tree.cursor().emptyArea(bad, 99, 1)],
  ['max', 'cursor.emptyAreaRev', (tree, bad) => tree.cursor().emptyAreaRev(0, bad, 1)],
  ['size', 'cursor.emptyArea', (tree, bad) => tree.cursor().emptyArea(0, 99, bad)],
  ['count', 'cursor.expectedEntries', (tree, bad) => tree.cursor().expectedEntries(bad)],
];

describe('what is no index is refused by name, and nothing changes', () => {
  test.each(CALLS)('%s of %s()', (field, _, call) => {
    const tree = twoRanges();
    const before = tree.dump();
    for (const bad of [-1, 1.5, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 53]) {
      expect(() => call(tree, bad)).toThrow(RangeError);
      expect(() => call(tree, bad)).toThrow(new RegExp(`^${field}: expected .*, got ${bad}$`));
    }
    expect(tree.dump()).toBe(before);
    tree.validate();
  });

  test('by the mode of the keys', () => {
    const wide = createMapleTree<string>({ keys: 'u64' });
    expect(() => wide.load(-1n)).toThrow('expected a bigint from 0 to 18446744073709551615');
    expect(() => wide.load(2n ** 64n)).toThrow('got 18446744073709551616n');
    expect(() => wide.load(5 as unknown as bigint)).toThrow('expected a bigint');
    const narrow = createMapleTree<string>({ keys: 'u32' });
    expect(() => narrow.store(2 ** 32, 'x')).toThrow('from 0 to 4294967295, got 4294967296');
    expect([wide.empty, narrow.empty]).toEqual([true, true]);
  });
});

describe('what an index may be and a call may not ask', () => {
  test('ranges that end before they start', () => {
    const tree = twoRanges();
    const before = tree.dump();
    const cursor = tree.cursor(5, 4);
    expect([tree.storeRange(5, 4, 'x'), tree.insertRange(15, 14, 'x')]).toEqual([EINVAL, EINVAL]);
    expect([cursor.storeGfp('x'), cursor.preallocate('x')]).toEqual([EINVAL, EINVAL]);
    expect(cursor.insert('x')).toBe(EINVAL);
    expect(cursor.store('x')).toBeNull();
    expect([cursor.status, cursor.errno]).toEqual(['error', EINVAL]);
    expect([tree.allocRangeLow('x', 1, 9, 8), tree.allocRangeHigh('x', 1, 9, 8)]).toEqual([
      EINVAL,
      EINVAL,
    ]);
    expect(tree.allocRangeLow('x', 0, 0, 99)).toBe(EINVAL);
    expect(tree.find(9, 8)).toBeNull();
    expect(tree.dump()).toBe(before);
  });

  test('entries that the kernel keeps for itself', () => {
    const tree = fill(createMapleTree<unknown>({ allocRange: true, geometry: 'kernel64' }));
    const before = tree.dump();
    expect([
      tree.store(12, RETRY_ENTRY),
      tree.insert(12, RETRY_ENTRY),
      tree.allocRangeLow(RETRY_ENTRY, 1, 0, 99),
      tree.allocRangeHigh(RETRY_ENTRY, 1, 0, 99),
      tree.allocCyclic(RETRY_ENTRY, 0, 99, 0),
    ]).toEqual([EINVAL, EINVAL, EINVAL, EINVAL, EINVAL]);
    expect(tree.dump()).toBe(before);
  });

  test('undefined is nothing to a tree, and no value to a map', () => {
    const tree: MapleTree<number, string | undefined> = createMapleTree();
    tree.storeRange(0, 9, 'a');
    expect([tree.storeRange(3, 4, undefined), tree.load(3)]).toEqual([0, null]);
    const cursor = tree.cursor(6);
    expect([cursor.storeGfp(undefined), tree.cursor(6).walk()]).toEqual([0, null]);
    const map = createRangeMap<string | null>([[0, 9, 'a']], { allocRange: true });
    const complaint = 'value: expected anything but null and undefined, got null';
    expect(() => map.set(3, 4, null)).toThrow(complaint);
    expect(() => map.insert(13, 14, null)).toThrow(complaint);
    expect(() => map.allocate(1, null)).toThrow(complaint);
    expect(() => createRangeMap<string | null>([[0, 9, null]])).toThrow(complaint);
    expect([...map]).toEqual([{ first: 0, last: 9, value: 'a' }]);
  });

  test('a cursor that a write has left behind, in a tree made with debug', () => {
    const tree = createMapleTree<string>({ debug: true });
    tree.storeRange(0, 5, 'a');
    const cursor = tree.cursor(3);
    cursor.walk();
    tree.store(9, 'b');
    const before = tree.dump();
    for (const use of [
      () => cursor.next(),
      () => cursor.prev(),
      () => cursor.find(),
      () => cursor.storeGfp('c'),
      () => cursor.insert('c'),
      () => cursor.erase(),
    ]) {
      expect(use).toThrow(/cursor: expected a position in the tree as it is/);
    }
    expect(tree.dump()).toBe(before);
    cursor.reset();
    expect(cursor.next()).toBe('b');
    cursor.index = 0.5;
    expect(() => cursor.storeGfp('c')).toThrow(/cursor.index: expected a whole number/);
    expect(() => tree.cursor().storePrealloc('x')).toThrow(/expected preallocate/);
  });

  test('a read section that has ended: released twice it is released once', () => {
    const tree = createMapleTree<string>({ rcu: true, geometry: 'kernel64' });
    tree.storeRange(0, 9, 'a');
    const [one, other] = [tree.rcuReadLock(), tree.rcuReadLock()];
    const reader = loadInSteps(tree, 3);
    reader.next();
    tree.storeRange(3, 4, 'b');
    one.release();
    one.release();
    expect([other.released, tree.statistics().awaitingGrace]).toEqual([false, 1]);
    other.release();
    expect(tree.statistics().awaitingGrace).toBe(0);
  });

  test('options that there are not', () => {
    expect(() => geometry('small', 4, 16, 10)).toThrow('leafSlots: expected a whole number from 8');
    expect(() => createMapleTree({ geometry: 'huge' as 'tuned' })).toThrow('geometry: expected');
    expect(() => createMapleTree({ keys: 'u8' as 'u32' })).toThrow('keys: expected');
  });
});
