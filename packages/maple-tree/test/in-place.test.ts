// SPDX-License-Identifier: MIT
import { describe, expect, test } from 'vitest';
import { createMapleTree, geometry, type MapleTree } from '@kernel-models/maple-tree';

/** Nodes of eight slots that are split, merged and cut in place, so that small trees are high. */
const SMALL = geometry('small', 8, 8, 8);

function filled(count: number, allocRange: boolean = false): MapleTree<number, number> {
  const tree = createMapleTree<number>({ geometry: SMALL, allocRange });
  for (let i = 0; i < count; i++) {
    tree.storeRange(4 * i, 4 * i + 1, i);
    tree.validate();
  }
  return tree;
}

function contentOf(tree: MapleTree<number, number>): string {
  const ranges: string[] = [];
  tree.forEach((entry, first, last) => void ranges.push(`${first}-${last}:${entry}`));
  return ranges.join(' ');
}

describe('nodes edited in place', () => {
  test('stores in order leave full leaves behind', () => {
    const tree = filled(300);
    expect(tree.statistics().nodes).toBeLessThan((600 / 8) * 1.6);
    for (let i = 0; i < 300; i++)
      expect([tree.load(4 * i), tree.load(4 * i + 2)]).toEqual([i, null]);
  });

  test('the last leaf is not cut behind null, also where it ends with an entry', () => {
    const tree = createMapleTree<number>({ geometry: SMALL });
    const { max } = tree.keys;
    tree.storeRange(0, max, 0);
    for (let i = 1; i < 40; i++) {
      tree.store(max - 200 + 4 * i, null);
      tree.validate();
      expect([tree.load(max - 200 + 4 * i), tree.load(max)]).toEqual([null, 0]);
    }
  });

  test('erasing everything, in any order, leaves no node too small', () => {
    for (const step of [1, 7, 41]) {
      const tree = filled(200, true);
      for (let i = 0, at = 0; i < 200; i++, at = (at + step) % 200) {
        expect(tree.erase(4 * at + 1)).toBe(at);
        tree.validate();
      }
      expect(contentOf(tree)).toBe('');
    }
  });

  test('a store over many leaves drops what lies between, whatever it cuts', () => {
    for (const entry of [7, null]) {
      for (let first = 0; first < 60; first += 3) {
        for (const last of [first + 9, first + 130, 399, 4 * 120 - 1, 2 ** 53 - 1]) {
          const tree = filled(120, true);
          const snapshot = tree.snapshot();
          const before = contentOf(snapshot);
          expect(tree.storeRange(first, last, entry)).toBe(0);
          tree.validate();
          expect(tree.load(first)).toBe(entry);
          expect(tree.load(last)).toBe(entry);
          expect(tree.load(last + 1 > tree.keys.max ? last : last + 1)).toBe(
            last === tree.keys.max ? entry : snapshot.load(last + 1),
          );
          expect(contentOf(snapshot)).toBe(before);
          snapshot.validate();
        }
      }
    }
  });

  test('forEach goes on where a tree of one entry gets its first nodes', () => {
    const tree = createMapleTree<string>();
    tree.store(0, 'a');
    const seen: string[] = [];
    tree.forEach((entry, first, last) => {
      seen.push(`${first}-${last}:${entry}`);
      if (entry === 'a') tree.storeRange(5, 6, 'b');
    });
    expect(seen).toEqual(['0-0:a', '5-6:b']);
  });

  test('forEach goes on behind a range whose visit writes to the tree', () => {
    const tree = filled(30);
    const seen: number[] = [];
    tree.forEach((entry, first, last) => {
      seen.push(entry);
      tree.storeRange(first, last + 4, null);
    }, 5);
    expect(seen).toEqual([1, 3, 5, 7, 9, 11, 13, 15, 17, 19, 21, 23, 25, 27, 29]);
    expect(contentOf(tree)).toBe('0-1:0');
    expect(contentOf(createMapleTree<number>())).toBe('');
  });
});
