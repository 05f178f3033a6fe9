// SPDX-License-Identifier: MIT
import { createRequire } from 'node:module';
import { OrderedMap } from '@js-sdsl/ordered-map';
import { createMapleTree, type Key, type MapleTree } from '@kernel-models/maple-tree';
import { Tree as AvlTree } from 'avl';
import { RBTree } from 'bintrees';
import { IntervalTree } from 'node-interval-tree';
import BTreeModule from 'sorted-btree';
import type { Contender, RangeStore } from './contender.ts';
import { Session } from './session.ts';

/** What a tree of single keys stores under the start of a range. */
interface Value {
  readonly last: number;
  readonly value: number;
}

interface Row extends Value {
  readonly first: number;
}

/** The maple tree. */
function maple<K extends Key>(tree: MapleTree<K, number>, eight: K): RangeStore<K> {
  const { max } = tree.keys;
  const searcher = tree.cursor();
  return {
    put: (first, last, value) => void tree.storeRange(first, last, value),
    load: (index) => tree.load(index) ?? 0,
    scan: () => {
      let sum = 0;
      tree.forEach((value) => void (sum += value));
      return sum;
    },
    walk: () => {
      const cursor = tree.cursor();
      let sum = 0;
      for (let value = cursor.find(max); value !== null; value = cursor.find(max)) sum += value;
      return sum;
    },
    overwrite: (first, last, value) => void tree.storeRange(first, last, value),
    erase: (index) => void tree.erase(index),
    search: (from) => {
      searcher.reset();
      searcher.emptyArea(from, max, eight);
      return searcher.index;
    },
    allocate: (from) => {
      const start = tree.allocRangeLow(1, eight, from, max);
      if (start >= from) tree.erase(start as K);
    },
    snapshot: () => void tree.snapshot(),
  };
}

function sortedBTree(): RangeStore<number> {
  const BTree = BTreeModule.default;
  const tree = new BTree<number, Value>();
  return {
    put: (first, last, value) => void tree.set(first, { last, value }),
    load: (index) => {
      const found = tree.getPairOrNextLower(index)?.[1];
      return found !== undefined && found.last >= index ? found.value : 0;
    },
    scan: () => {
      let sum = 0;
      tree.forEachPair((_key, { value }) => void (sum += value));
      return sum;
    },
    overwrite: (first, last, value) => {
      tree.deleteRange(first, last, true);
      tree.set(first, { last, value });
    },
    erase: (index) => {
      const start = tree.getPairOrNextLower(index)?.[0];
      if (start !== undefined) tree.delete(start);
    },
    snapshot: () => void tree.clone(),
  };
}

function orderedMap(): RangeStore<number> {
  const map = new OrderedMap<number, Value>();
  return {
    put: (first, last, value) => void map.setElement(first, { last, value }),
    load: (index) => {
      const at = map.reverseLowerBound(index);
      const found = at.isAccessible() ? at.pointer[1] : undefined;
      return found !== undefined && found.last >= index ? found.value : 0;
    },
    scan: () => {
      let sum = 0;
      map.forEach(([, { value }]) => void (sum += value));
      return sum;
    },
    overwrite: (first, last, value) => {
      for (;;) {
        const at = map.lowerBound(first);
        if (!at.isAccessible() || at.pointer[0] > last) break;
        map.eraseElementByIterator(at);
      }
      map.setElement(first, { last, value });
    },
    erase: (index) => {
      const at = map.reverseLowerBound(index);
      if (at.isAccessible()) map.eraseElementByIterator(at);
    },
  };
}

function redBlackTree(): RangeStore<number> {
  const tree = new RBTree<Row>((a, b) => a.first - b.first);
  const probe = (first: number): Row => ({ first, last: 0, value: 0 });
  const floor = (index: number): Row | null => {
    const at = tree.upperBound(probe(index));
    return at.prev();
  };
  return {
    put: (first, last, value) => {
      const row = { first, last, value };
      if (!tree.insert(row)) {
        tree.remove(row);
        tree.insert(row);
      }
    },
    load: (index) => {
      const found = floor(index);
      return found !== null && found.last >= index ? found.value : 0;
    },
    scan: () => {
      let sum = 0;
      tree.each(({ value }) => void (sum += value));
      return sum;
    },
    overwrite: (first, last, value) => {
      for (;;) {
        const row = tree.lowerBound(probe(first)).data();
        if (row === null || row.first > last) break;
        tree.remove(row);
      }
      tree.insert({ first, last, value });
    },
    erase: (index) => {
      const found = floor(index);
      if (found !== null) tree.remove(found);
    },
  };
}

/** As much of a node of a binary search tree as a search for the greatest key not above needs. */
interface BinaryNode {
  readonly key: number;
  readonly left: this | null;
  readonly right: this | null;
  readonly data?: Value | undefined;
}

interface BinaryTree {
  readonly root: unknown;
  insert(key: number, value: Value): unknown;
  remove(key: number): unknown;
  find(key: number): { data?: Value } | null;
  forEach(visit: (node: { readonly data?: Value | undefined }) => void): unknown;
  range(low: number, high: number, visit: (node: { key: number }) => void): unknown;
}

function binaryTree(tree: BinaryTree): RangeStore<number> {
  const floor = (index: number): BinaryNode | null => {
    let node = tree.root as BinaryNode | null;
    let found: BinaryNode | null = null;
    while (node !== null) {
      if (node.key <= index) {
        found = node;
        node = node.right;
      } else node = node.left;
    }
    return found;
  };
  return {
    put: (first, last, value) => {
      const there = tree.find(first);
      if (there === null) tree.insert(first, { last, value });
      else there.data = { last, value };
    },
    load: (index) => {
      const data = floor(index)?.data;
      return data !== undefined && data.last >= index ? data.value : 0;
    },
    scan: () => {
      let sum = 0;
      tree.forEach(({ data }) => void (sum += data?.value ?? 0));
      return sum;
    },
    overwrite: (first, last, value) => {
      const keys: number[] = [];
      tree.range(first, last, ({ key }) => void keys.push(key));
      for (const key of keys) tree.remove(key);
      tree.insert(first, { last, value });
    },
    erase: (index) => {
      const found = floor(index);
      if (found !== null) tree.remove(found.key);
    },
  };
}

function sortedArrays(): RangeStore<number> {
  const firsts: number[] = [];
  const values: Value[] = [];
  /** Position of the first start that is not below an index. */
  const lower = (index: number): number => {
    let low = 0;
    let high = firsts.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((firsts[middle] ?? 0) < index) low = middle + 1;
      else high = middle;
    }
    return low;
  };
  const floor = (index: number): number => lower(index + 1) - 1;
  return {
    put: (first, last, value) => {
      const at = lower(first);
      if (firsts[at] === first) values[at] = { last, value };
      else {
        firsts.splice(at, 0, first);
        values.splice(at, 0, { last, value });
      }
    },
    load: (index) => {
      const found = values[floor(index)];
      return found !== undefined && found.last >= index ? found.value : 0;
    },
    scan: () => {
      let sum = 0;
      for (const { value } of values) sum += value;
      return sum;
    },
    overwrite: (first, last, value) => {
      const at = lower(first);
      const count = lower(last + 1) - at;
      firsts.splice(at, count, first);
      values.splice(at, count, { last, value });
    },
    erase: (index) => {
      const at = floor(index);
      firsts.splice(at, 1);
      values.splice(at, 1);
    },
  };
}

function intervalTree(): RangeStore<number> {
  const tree = new IntervalTree<{ low: number; high: number; value: number }>();
  return {
    put: (low, high, value) => {
      for (const found of tree.search(low, low)) tree.remove(found);
      tree.insert({ low, high, value });
    },
    load: (index) => tree.search(index, index)[0]?.value ?? 0,
    scan: () => {
      let sum = 0;
      for (const { value } of tree.inOrder()) sum += value;
      return sum;
    },
    overwrite: (low, high, value) => {
      for (const found of tree.search(low, high)) tree.remove(found);
      tree.insert({ low, high, value });
    },
    erase: (index) => {
      for (const found of tree.search(index, index)) tree.remove(found);
    },
  };
}

/** The types of splaytree 3.2.3 do not resolve in modules, so it is required and typed here. */
const SplayTree: new () => BinaryTree = createRequire(import.meta.url)('splaytree');

/** A contender whose keys are numbers. */
function ofNumbers(name: string, create: (keepGaps: boolean) => RangeStore<number>): Contender {
  return { name, open: (count, seed) => new Session(create, (index) => index, count, seed) };
}

/** The maple tree in three forms, and the other trees of JavaScript. */
export const CONTENDERS: readonly Contender[] = [
  ofNumbers('maple tree', (allocRange) => maple(createMapleTree<number>({ allocRange }), 8)),
  {
    name: 'maple tree, u64',
    open: (count, seed) =>
      new Session(
        (allocRange) => maple(createMapleTree<number>({ allocRange, keys: 'u64' }), 8n),
        BigInt,
        count,
        seed,
      ),
  },
  ofNumbers('maple tree, kernel64', (allocRange) =>
    maple(createMapleTree<number>({ allocRange, geometry: 'kernel64' }), 8),
  ),
  ofNumbers('sorted-btree', sortedBTree),
  ofNumbers('@js-sdsl/ordered-map', orderedMap),
  ofNumbers('bintrees', redBlackTree),
  ofNumbers('avl', () => binaryTree(new AvlTree<number, Value>())),
  ofNumbers('splaytree', () => binaryTree(new SplayTree())),
  ofNumbers('sorted arrays', sortedArrays),
  ofNumbers('node-interval-tree', intervalTree),
];
