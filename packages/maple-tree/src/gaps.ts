// SPDX-License-Identifier: MIT
import {
  entryAt,
  gapAt,
  gapImage,
  gapTail,
  imageAt,
  pivotAt,
  setGapPair,
  type MapleNode,
} from './node.ts';
import { isBelow, LAST_EXACT } from './pair.ts';
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
  if (imageAt(node, node.end) > LAST_EXACT) return longestRun(node, min, tree);
  // Every bound is its own image: the distances of images are those of the keys.
  let longest = 0;
  let low = keys.image(min) - 1;
  const { end, entries, images } = node;
  for (let offset = 0; offset <= end; offset++) {
    const pivot = images[offset] as number; // offset <= END
    if (entries[offset] === null && pivot - low > longest) longest = pivot - low;
    low = pivot;
  }
  return keys.keyOf(longest, 0);
}

function longestRun<K extends Key, V>(node: MapleNode<K, V>, min: K, tree: MapleTree<K, V>): K {
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
export function findGapSlot<K extends Key, V>(node: MapleNode<K, V>, whenNone: number): void {
  let image = 0;
  let tail = 0;
  node.gapSlot = whenNone;
  for (let offset = node.end; offset >= 0; offset--) {
    if (!isBelow(image, tail, gapImage(node, offset), gapTail(node, offset))) continue;
    image = gapImage(node, offset);
    tail = gapTail(node, offset);
    node.gapSlot = offset;
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
  const { keys } = tree;
  const node = path.node(level);
  let image: number;
  let tail: number;
  if (node.leaf) {
    const gap = tree.rules.leafGap(node, min, tree);
    image = keys.image(gap);
    tail = keys.tail(gap);
  } else {
    image = gapImage(node, node.gapSlot);
    tail = gapTail(node, node.gapSlot);
  }
  raiseGap(tree, path, level, image, tail);
}

/**
 * Tells the ancestors of a path's node its largest gap, up to the first that need not know.
 *
 * @param image, tail the gap, as a pair
 */
export function raiseGap<K extends Key, V>(
  tree: MapleTree<K, V>,
  path: Path<K, V>,
  level: number,
  image: number,
  tail: number,
): void {
  for (let above = level - 1; above >= 0; above--) {
    const parent = path.node(above);
    const offset = tree.rules.parentSlot(path.offset(above));
    const before = gapImage(parent, parent.gapSlot);
    const beforeTail = gapTail(parent, parent.gapSlot);
    if (gapImage(parent, offset) === image && gapTail(parent, offset) === tail) return;
    setGapPair(parent, offset, image, tail);
    if (image === before && tail === beforeTail) return;
    const falls = isBelow(image, tail, before, beforeTail);
    if (offset !== parent.gapSlot) {
      if (falls) return;
      parent.gapSlot = offset;
    } else if (falls) {
      findGapSlot(parent, parent.end);
    }
    image = gapImage(parent, parent.gapSlot);
    tail = gapTail(parent, parent.gapSlot);
    if (!tree.rules.gapRises(image !== before || tail !== beforeTail)) return;
  }
}
