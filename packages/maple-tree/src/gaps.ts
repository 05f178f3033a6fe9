// SPDX-License-Identifier: MIT
import { entryAt, gapAt, pivotAt, type MapleNode } from './node.ts';
import type { Key } from './key.ts';
import type { MapleTree } from './tree.ts';
import type { Path } from './path.ts';

/**
 * Longest run of null indices in a leaf. Null slots are never neighbours, so every run is one slot.
 * Mirrors mas_leaf_max_gap(), lib/maple_tree.c, Linux 6.12.
 *
 * @param min lower bound of the leaf
 */
export function leafGap<K extends Key, V>(node: MapleNode<K, V>, min: K, tree: MapleTree<K, V>): K {
  const { keys } = tree;
  let longest = keys.zero;
  for (let offset = 0; offset <= node.end; offset++) {
    if (entryAt(node, offset) !== null) continue;
    const last = pivotAt(node, offset);
    // The length of slot i is the distance between two pivots; only slot 0 counts from the minimum.
    const length =
      offset > 0
        ? keys.distance(pivotAt(node, offset - 1), last)
        : keys.add(keys.distance(min, last), keys.one);
    if (length > longest) longest = length;
    offset++;
  }
  return longest;
}

/** The largest gap that an internal node knows of. */
export function ownGap<K extends Key, V>(node: MapleNode<K, V>): K {
  return gapAt(node, node.gapSlot);
}

/** The largest gap below a node, leaf or not; 0 where the tree keeps none. */
export function gapOf<K extends Key, V>(node: MapleNode<K, V>, min: K, tree: MapleTree<K, V>): K {
  if (!tree.nodes.hasGaps) return tree.keys.zero;
  return node.leaf ? tree.rules.leafGap(node, min, tree) : ownGap(node);
}

/**
 * Names the slot with the largest gap, the highest one of equals.
 *
 * @param whenNone the offset to name where all gaps are 0: END for a rescan, 0 for a new node
 */
export function findGapSlot<K extends Key, V>(
  node: MapleNode<K, V>,
  zero: K,
  whenNone: number,
): void {
  let longest = zero;
  node.gapSlot = whenNone;
  for (let offset = node.end; offset >= 0; offset--) {
    const gap = gapAt(node, offset);
    if (gap > longest) {
      longest = gap;
      node.gapSlot = offset;
    }
  }
}

/**
 * Tells the ancestors of a path's node that its largest gap may have changed. The path's nodes above
 * belong to the tree. Mirrors mas_update_gap() and mas_parent_gap(), lib/maple_tree.c, Linux 6.12.
 *
 * @param level the level of the node that changed
 * @param min lower bound of that node
 */
export function updateGap<K extends Key, V>(
  tree: MapleTree<K, V>,
  path: Path<K, V>,
  level: number,
  min: K,
): void {
  if (level === 0) return;
  let gap = gapOf(path.node(level), min, tree);
  for (let above = level - 1; above >= 0; above--) {
    const parent = path.node(above);
    const offset = tree.rules.parentSlot(path.offset(above));
    const before = ownGap(parent);
    if (gapAt(parent, offset) === gap) return;
    tree.nodes.setGap(parent, offset, gap);
    if (gap === before) return;
    if (offset !== parent.gapSlot) {
      if (gap < before) return;
      parent.gapSlot = offset;
    } else if (gap < before) {
      findGapSlot(parent, tree.keys.zero, parent.end);
    }
    if (!tree.rules.gapRises(parent, before)) return;
    gap = ownGap(parent);
  }
}
