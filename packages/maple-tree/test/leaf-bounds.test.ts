// SPDX-License-Identifier: MIT
import { describe, expect, test } from 'vitest';
import {
  createMapleTree,
  EEXIST,
  LINUX_6_12,
  ZERO_ENTRY,
  type MapleTree,
} from '@kernel-models/maple-tree';

const MAX = 2n ** 64n - 1n;

function tree64(options = {}): MapleTree<bigint, unknown> {
  return createMapleTree<unknown>({ keys: 'u64', geometry: 'kernel64', ...options });
}

/** [10i, 10i + 9] = i for the first `count` i: no hole but the one at the end. */
function dense(count: number): MapleTree<bigint, unknown> {
  const tree = tree64();
  for (let i = 0; i < count; i++) tree.storeRange(BigInt(10 * i), BigInt(10 * i + 9), i);
  tree.resetStatistics();
  return tree;
}

/** The last index of the first leaf. */
function firstLeafEnd(tree: MapleTree<bigint, unknown>): bigint {
  const cursor = tree.cursor(0n);
  cursor.walk();
  return cursor.max;
}

describe('stores at the bounds of leaves', () => {
  test('null that ends with its leaf spans, though it lies inside one leaf', () => {
    const tree = dense(60);
    const end = firstLeafEnd(tree);
    tree.storeRange(end - 3n, end, null);
    expect(tree.statistics().stores.spanning_store).toBe(1);
    expect([tree.load(end - 4n), tree.load(end), tree.load(end + 1n)]).toEqual([
      Number(end / 10n),
      null,
      Number((end + 1n) / 10n),
    ]);
    tree.validate();
  });

  test('null over just the last slot of a leaf spans; a value there fits exactly', () => {
    const tree = dense(60);
    const end = firstLeafEnd(tree);
    tree.storeRange(end - 9n, end, 'v');
    expect(tree.statistics().stores).toMatchObject({ exact_fit: 1, spanning_store: 0 });
    tree.storeRange(end - 9n, end, null);
    expect(tree.statistics().stores).toMatchObject({ exact_fit: 1, spanning_store: 1 });
    tree.validate();
  });

  test('a value that ends with an internal node leaves the next subtree alone', () => {
    const tree = dense(1200);
    const root = tree.root;
    const [left, right] = root?.children ?? [];
    const last = left?.pivots[left.end];
    if (root == null || left == null || right == null || last === undefined) {
      throw new Error('tree: expected three levels');
    }
    expect(tree.statistics().height).toBe(3);
    const leaves = right.children.slice(0, right.end + 1);
    tree.storeRange(last - 165n, last, 'v');
    expect(tree.statistics().stores.spanning_store).toBe(1);
    const cursor = tree.cursor(last + 1n);
    cursor.walk();
    expect(leaves).toContain(cursor.node);
    expect([tree.load(last), tree.load(last + 1n)]).toEqual(['v', Number((last + 1n) / 10n)]);
    tree.validate();
  });

  test('the last index, alone and left out', () => {
    const tree = tree64();
    tree.store(MAX, 'end');
    expect([tree.load(MAX), tree.load(MAX - 1n), tree.load(0n)]).toEqual(['end', null, null]);
    tree.storeRange(5n, MAX - 1n, 'most');
    expect([tree.load(4n), tree.load(MAX - 1n), tree.load(MAX)]).toEqual([null, 'most', 'end']);
    expect(tree.erase(MAX)).toBe('end');
    expect([tree.load(MAX - 1n), tree.load(MAX), tree.find(MAX)]).toEqual(['most', null, null]);
    tree.validate();
  });
});

describe('trees of one leaf and of none', () => {
  test('the root word is erased; what is beside it shares a leaf without a hole', () => {
    const tree = tree64();
    tree.store(0n, 'root');
    expect([tree.erase(0n), tree.empty, tree.erase(0n), tree.erase(7n)]).toEqual([
      'root',
      true,
      null,
      null,
    ]);
    tree.store(0n, 'root');
    tree.store(1n, 'next');
    expect(tree.dumpNodes()).toMatchObject({ pivots: [0n, 1n, MAX] });
  });

  test('inserting nothing into a tree of one leaf: 6.12 empties it', () => {
    for (const [options, code, left] of [
      [{}, EEXIST, 1],
      [{ rules: LINUX_6_12 }, 0, null],
    ] as const) {
      const tree = tree64(options);
      tree.store(5n, 1);
      expect([tree.insertRange(3n, 9n, null), tree.load(5n)]).toEqual([code, left]);
    }
    const hole = dense(3);
    expect([hole.insertRange(40n, 50n, null), hole.load(25n)]).toEqual([0, 2]);
  });

  test('a cursor inserts where nothing is, and says why not', () => {
    const tree = dense(40);
    const cursor = tree.cursor(395n, 405n);
    expect([cursor.insert('x'), cursor.status, cursor.errno]).toEqual([EEXIST, 'error', EEXIST]);
    expect([cursor.index, cursor.last, tree.load(400n)]).toEqual([395n, 405n, null]);
    cursor.set(400n, 405n);
    expect([cursor.insert('x'), cursor.status, cursor.prev()]).toEqual([0, 'active', 39]);
  });

  test('an iteration passes over the zero entry and ends behind the last index', () => {
    const tree = tree64();
    tree.storeRange(5n, 9n, 'a');
    tree.storeRange(10n, 19n, ZERO_ENTRY);
    tree.storeRange(20n, MAX, 'b');
    const found = [...tree.findAll()];
    expect(found).toEqual([
      { entry: 'a', index: 10n },
      { entry: 'b', index: 0n },
    ]);
    expect([...tree.findAll(10n, 19n)]).toEqual([]);
    const seen: unknown[] = [];
    tree.storeRange(20n, MAX, null);
    for (const { entry, index } of tree.findAll()) {
      seen.push(entry);
      if (index < 60n) tree.store(index + 20n, `${String(entry)}+`);
      tree.store(0n, 'behind');
    }
    expect(seen).toEqual(['a', 'a+', 'a++', 'a+++']);
  });
});

describe('bulk loading', () => {
  test.each([0, 3, 40])('of 40 ranges when %i were announced', (announced) => {
    const tree = tree64();
    const cursor = tree.cursor();
    expect(cursor.expectedEntries(announced)).toBe(0);
    for (let i = 0n; i < 40n; i++) {
      cursor.set(3n * i, 3n * i + 1n);
      cursor.store(i);
    }
    cursor.destroy();
    tree.validate();
    for (let i = 0n; i < 40n; i++) expect(tree.load(3n * i + 1n)).toBe(i);
  });

  test('out of order, with stores over many leaves in between, is as good as without bulk', () => {
    for (const geometry of ['kernel64', 'kernel32', 'tuned'] as const) {
      const [bulk, plain] = [tree64({ geometry }), tree64({ geometry })];
      const cursor = bulk.cursor();
      cursor.expectedEntries(200);
      for (let i = 0; i < 200; i++) {
        const first = BigInt((i * 73) % 200) * 5n;
        const last = first + (i % 25 === 24 ? 400n : 2n);
        cursor.set(first, last);
        cursor.store(i % 10 === 9 ? null : i);
        plain.storeRange(first, last, i % 10 === 9 ? null : i);
      }
      cursor.destroy();
      bulk.validate();
      for (let index = 0n; index < 1500n; index++) {
        expect(bulk.load(index)).toBe(plain.load(index));
      }
    }
  });
});
