// SPDX-License-Identifier: MIT
import { describe, expect, test } from 'vitest';
import {
  createMapleTree,
  createRangeMap,
  EINVAL,
  geometry,
  RangeMap,
  RETRY_ENTRY,
  ZERO_ENTRY,
  type Key,
  type KeyModeName,
  type MapleTree,
} from '@kernel-models/maple-tree';
import { loadInSteps } from '@kernel-models/maple-tree/testing';

/** A tree with keys of any mode. */
type AnyTree = MapleTree<Key, unknown>;

/** A mode of keys, how an index is written in it, and what is no index there. */
interface Mode {
  readonly keys: KeyModeName;
  readonly k: (index: number) => Key;
  readonly bad: readonly unknown[];
}

const MODES: readonly Mode[] = [
  {
    keys: 'number',
    k: (index) => index,
    bad: [-1, 1.5, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 53, 5n, '5', null],
  },
  { keys: 'u32', k: (index) => index, bad: [-1, 0.5, Number.NaN, 2 ** 32, 2 ** 53, 5n, '5'] },
  { keys: 'u64', k: BigInt, bad: [-1n, 2n ** 64n, 5, 1.5, Number.NaN, '5', null] },
];

/** [0, 9] = 'a' [20, 29] = 'b', with gaps kept. */
function twoRanges({ k, keys }: Mode, debug: boolean = false): AnyTree {
  const common = { allocRange: true, geometry: 'kernel64', debug } as const;
  const made: unknown =
    keys === 'u64'
      ? createMapleTree<unknown>({ ...common, keys })
      : createMapleTree<unknown>({ ...common, keys });
  const tree = made as AnyTree;
  tree.storeRange(k(0), k(9), 'a');
  tree.storeRange(k(20), k(29), 'b');
  return tree;
}

/** Every call that takes an index, with the name that a complaint about it must give. */
const CALLS: readonly (readonly [
  field: string,
  call: string,
  (tree: AnyTree, bad: Key, k: Mode['k']) => unknown,
])[] = [
  ['index', 'load', (tree, bad) => tree.load(bad)],
  ['first', 'store', (tree, bad) => tree.store(bad, 'x')],
  ['first', 'storeRange', (tree, bad, k) => tree.storeRange(bad, k(3), 'x')],
  ['last', 'storeRange', (tree, bad, k) => tree.storeRange(k(3), bad, 'x')],
  ['first', 'insert', (tree, bad) => tree.insert(bad, 'x')],
  ['first', 'insertRange', (tree, bad, k) => tree.insertRange(bad, k(3), 'x')],
  ['last', 'insertRange', (tree, bad, k) => tree.insertRange(k(3), bad, 'x')],
  ['index', 'erase', (tree, bad) => tree.erase(bad)],
  ['size', 'allocRangeLow', (tree, bad, k) => tree.allocRangeLow('x', bad, k(0), k(99))],
  ['min', 'allocRangeLow', (tree, bad, k) => tree.allocRangeLow('x', k(1), bad, k(99))],
  ['max', 'allocRangeLow', (tree, bad, k) => tree.allocRangeLow('x', k(1), k(0), bad)],
  ['size', 'allocRangeHigh', (tree, bad, k) => tree.allocRangeHigh('x', bad, k(0), k(99))],
  ['min', 'allocRangeHigh', (tree, bad, k) => tree.allocRangeHigh('x', k(1), bad, k(99))],
  ['max', 'allocRangeHigh', (tree, bad, k) => tree.allocRangeHigh('x', k(1), k(0), bad)],
  ['min', 'allocCyclic', (tree, bad, k) => tree.allocCyclic('x', bad, k(99), k(0))],
  ['max', 'allocCyclic', (tree, bad, k) => tree.allocCyclic('x', k(0), bad, k(0))],
  ['next', 'allocCyclic', (tree, bad, k) => tree.allocCyclic('x', k(0), k(99), bad)],
  ['index', 'find', (tree, bad) => tree.find(bad)],
  ['max', 'find', (tree, bad, k) => tree.find(k(0), bad)],
  ['index', 'findAfter', (tree, bad) => tree.findAfter(bad)],
  ['max', 'findAfter', (tree, bad, k) => tree.findAfter(k(1), bad)],
  ['max', 'findAll', (tree, bad, k) => [...tree.findAll(k(0), bad)]],
  ['index', 'next', (tree, bad) => tree.next(bad)],
  ['max', 'next', (tree, bad, k) => tree.next(k(0), bad)],
  ['index', 'prev', (tree, bad) => tree.prev(bad)],
  ['min', 'prev', (tree, bad, k) => tree.prev(k(25), bad)],
  ['from', 'forEach', (tree, bad) => tree.forEach(() => undefined, bad)],
  ['to', 'forEach', (tree, bad, k) => tree.forEach(() => undefined, k(0), bad)],
  ['first', 'cursor', (tree, bad) => tree.cursor(bad)],
  ['last', 'cursor', (tree, bad, k) => tree.cursor(k(0), bad)],
  ['first', 'cursor.set', (tree, bad, k) => tree.cursor(k(5)).set(bad)],
  ['last', 'cursor.set', (tree, bad, k) => tree.cursor(k(5)).set(k(5), bad)],
  ['first', 'cursor.setRangeHere', (tree, bad, k) => tree.cursor(k(5)).setRangeHere(bad, k(5))],
  ['last', 'cursor.setRangeHere', (tree, bad, k) => tree.cursor(k(5)).setRangeHere(k(5), bad)],
  ['max', 'cursor.next', (tree, bad, k) => tree.cursor(k(5)).next(bad)],
  ['max', 'cursor.nextRange', (tree, bad, k) => tree.cursor(k(5)).nextRange(bad)],
  ['min', 'cursor.prev', (tree, bad, k) => tree.cursor(k(5)).prev(bad)],
  ['min', 'cursor.prevRange', (tree, bad, k) => tree.cursor(k(5)).prevRange(bad)],
  ['max', 'cursor.find', (tree, bad, k) => tree.cursor(k(5)).find(bad)],
  ['max', 'cursor.findRange', (tree, bad, k) => tree.cursor(k(5)).findRange(bad)],
  ['min', 'cursor.findRev', (tree, bad, k) => tree.cursor(k(5)).findRev(bad)],
  ['min', 'cursor.findRangeRev', (tree, bad, k) => tree.cursor(k(5)).findRangeRev(bad)],
  ['min', 'cursor.emptyArea', (tree, bad, k) => tree.cursor().emptyArea(bad, k(99), k(1))],
  ['max', 'cursor.emptyArea', (tree, bad, k) => tree.cursor().emptyArea(k(0), bad, k(1))],
  ['size', 'cursor.emptyArea', (tree, bad, k) => tree.cursor().emptyArea(k(0), k(99), bad)],
  ['min', 'cursor.emptyAreaRev', (tree, bad, k) => tree.cursor().emptyAreaRev(bad, k(9), k(1))],
  ['max', 'cursor.emptyAreaRev', (tree, bad, k) => tree.cursor().emptyAreaRev(k(0), bad, k(1))],
  ['size', 'cursor.emptyAreaRev', (tree, bad, k) => tree.cursor().emptyAreaRev(k(0), k(9), bad)],
  ['index', 'map.get', (tree, bad) => new RangeMap(tree).get(bad)],
  ['index', 'map.has', (tree, bad) => new RangeMap(tree).has(bad)],
  ['first', 'map.rangeAt', (tree, bad) => new RangeMap(tree).rangeAt(bad)],
  ['first', 'map.set', (tree, bad, k) => new RangeMap(tree).set(bad, k(5), 'x')],
  ['last', 'map.set', (tree, bad, k) => new RangeMap(tree).set(k(5), bad, 'x')],
  ['last', 'map.insert', (tree, bad, k) => new RangeMap(tree).insert(k(5), bad, 'x')],
  ['index', 'map.delete', (tree, bad) => new RangeMap(tree).delete(bad)],
  ['first', 'map.clear', (tree, bad) => new RangeMap(tree).clear(bad)],
  ['size', 'map.allocate', (tree, bad) => new RangeMap(tree).allocate(bad, 'x')],
  ['first', 'map.entries', (tree, bad) => [...new RangeMap(tree).entries(bad)]],
  ['max', 'map.entries', (tree, bad, k) => [...new RangeMap(tree).entries(k(0), bad)]],
];

describe.each(MODES)('what is no index is refused by name, $keys keys', (mode) => {
  test.each(CALLS)('%s of %s()', (field, _, call) => {
    const tree = twoRanges(mode);
    const before = tree.dump();
    for (const bad of mode.bad) {
      const use = (): unknown => call(tree, bad as Key, mode.k);
      expect(use).toThrow(RangeError);
      expect(use).toThrow(new RegExp(`^${field}: expected .*, got `));
    }
    expect(tree.dump()).toBe(before);
    tree.validate();
  });

  test('count of cursor.expectedEntries()', () => {
    const tree = twoRanges(mode);
    const before = tree.dump();
    for (const bad of [-1, 1.5, Number.NaN, Number.POSITIVE_INFINITY]) {
      expect(() => tree.cursor().expectedEntries(bad)).toThrow(`expected a whole number from 0`);
    }
    expect(tree.dump()).toBe(before);
  });
});

test('an index that is none is told as it is', () => {
  const wide = createMapleTree<string>({ keys: 'u64' });
  expect(() => wide.load(-1n)).toThrow('expected a bigint from 0 to 18446744073709551615, got -1n');
  expect(() => wide.load(5 as unknown as bigint)).toThrow(/got 5$/);
  expect(() => wide.load('5' as unknown as bigint)).toThrow(/got "5"$/);
  const narrow = createMapleTree<string>({ keys: 'u32' });
  expect(() => narrow.store(2 ** 32, 'x')).toThrow('from 0 to 4294967295, got 4294967296');
  expect([wide.empty, narrow.empty]).toEqual([true, true]);
});

describe.each(MODES)('what an index may be and a call may not ask, $keys keys', (mode) => {
  const { k } = mode;

  test('ranges that end before they start', () => {
    const tree = twoRanges(mode);
    const before = tree.dump();
    const cursor = tree.cursor(k(5), k(4));
    expect([tree.storeRange(k(5), k(4), 'x'), tree.insertRange(k(15), k(14), 'x')]).toEqual([
      EINVAL,
      EINVAL,
    ]);
    expect([cursor.storeGfp('x'), cursor.preallocate('x')]).toEqual([EINVAL, EINVAL]);
    expect(cursor.insert('x')).toBe(EINVAL);
    expect(cursor.store('x')).toBeNull();
    expect([cursor.status, cursor.errno]).toEqual(['error', EINVAL]);
    expect([
      tree.allocRangeLow('x', k(1), k(9), k(8)),
      tree.allocRangeHigh('x', k(1), k(9), k(8)),
      tree.cursor().emptyArea(k(9), k(8), k(1)),
      tree.cursor().emptyAreaRev(k(9), k(8), k(1)),
      tree.allocRangeLow('x', k(0), k(0), k(99)),
      tree.allocRangeHigh('x', k(0), k(0), k(99)),
      tree.allocRangeLow('x', k(9), k(0), k(7)),
    ]).toEqual(Array(7).fill(EINVAL));
    expect(tree.find(k(9), k(8))).toBeNull();
    const map = new RangeMap(tree);
    expect(() => map.set(k(5), k(4), 'x')).toThrow('set: EINVAL');
    expect(() => map.insert(k(15), k(14), 'x')).toThrow('insert: EINVAL');
    expect(() => map.clear(k(5), k(4))).toThrow('clear: EINVAL');
    expect(() => map.allocate(k(1), 'x', k(9), k(8))).toThrow('allocate: EINVAL');
    expect(tree.dump()).toBe(before);
  });

  test('entries that the kernel keeps for itself', () => {
    const tree = twoRanges(mode);
    const before = tree.dump();
    expect([
      tree.store(k(12), RETRY_ENTRY),
      tree.insert(k(12), RETRY_ENTRY),
      tree.allocRangeLow(RETRY_ENTRY, k(1), k(0), k(99)),
      tree.allocRangeHigh(RETRY_ENTRY, k(1), k(0), k(99)),
      tree.allocCyclic(RETRY_ENTRY, k(0), k(99), k(0)),
      tree.allocRangeLow(ZERO_ENTRY, k(1), k(0), k(99)),
      tree.allocRangeHigh(ZERO_ENTRY, k(1), k(0), k(99)),
      tree.allocCyclic(ZERO_ENTRY, k(0), k(99), k(0)),
    ]).toEqual(Array(8).fill(EINVAL));
    expect(tree.dump()).toBe(before);
  });

  test('a cursor that a write has left behind, in a tree made with debug', () => {
    const tree = twoRanges(mode, true);
    const cursor = tree.cursor(k(3));
    cursor.walk();
    tree.store(k(15), 'c');
    const before = tree.dump();
    for (const use of [
      () => cursor.walk(),
      () => cursor.next(),
      () => cursor.nextRange(),
      () => cursor.prev(),
      () => cursor.prevRange(),
      () => cursor.find(),
      () => cursor.findRange(),
      () => cursor.findRev(),
      () => cursor.findRangeRev(),
      () => cursor.store('c'),
      () => cursor.storeGfp('c'),
      () => cursor.insert('c'),
      () => cursor.preallocate('c'),
      () => cursor.storePrealloc('c'),
      () => cursor.erase(),
    ]) {
      expect(use).toThrow(/cursor: expected a position in the tree as it is/);
    }
    expect(tree.dump()).toBe(before);
    cursor.reset();
    expect(cursor.next()).toBe('c');
    cursor.index = mode.bad[0] as Key;
    expect(() => cursor.storeGfp('c')).toThrow(/cursor.index: expected a/);
    cursor.set(k(3));
    cursor.last = mode.bad[0] as Key;
    expect(() => cursor.storeGfp('c')).toThrow(/cursor.last: expected a/);
    expect(() => tree.cursor().storePrealloc('x')).toThrow(/expected preallocate/);
    expect(tree.dump()).toBe(before);
  });

  test('no index is told before a tree without gaps is', () => {
    const made: unknown =
      mode.keys === 'u64'
        ? createMapleTree({ keys: mode.keys })
        : createMapleTree({ keys: mode.keys });
    const tree = made as AnyTree;
    const bad = mode.bad[0] as Key;
    expect(() => tree.allocCyclic('x', k(0), bad, k(0))).toThrow(/^max: expected/);
    expect(() => tree.allocRangeLow('x', k(1), k(0), bad)).toThrow(/^max: expected/);
    expect(tree.allocCyclic('x', k(0), k(9), k(0))).toBe(EINVAL);
    expect(tree.empty).toBe(true);
  });
});

describe('what else may not be', () => {
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

  test('a reader goes on after its read section has ended', () => {
    const tree = createMapleTree<string>({ rcu: true, geometry: 'kernel64' });
    tree.storeRange(0, 9, 'a');
    const pin = tree.rcuReadLock();
    const reader = loadInSteps(tree, 3);
    reader.next();
    pin.release();
    tree.storeRange(3, 4, 'b');
    const before = tree.dump();
    expect(() => reader.next()).toThrow('expected a node in use, got one that was freed');
    expect(tree.dump()).toBe(before);
  });

  test('options that there are not', () => {
    expect(() => geometry('small', 4, 16, 10)).toThrow('leafSlots: expected a whole number from 8');
    expect(() => createMapleTree({ geometry: 'huge' as 'tuned' })).toThrow('geometry: expected');
    expect(() => createMapleTree({ keys: 'u8' as 'u32' })).toThrow('keys: expected');
  });
});
