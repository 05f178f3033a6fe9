// SPDX-License-Identifier: MIT
import { findGapSlot, gapOf, updateGap } from './gaps.ts';
import { copyPivot, joinSmall, shiftSlots, truncate } from './in-place.ts';
import type { Key } from './key.ts';
import {
  childAt,
  entryAt,
  imageAt,
  maxOf,
  setTail,
  slotOf,
  tailAt,
  type MapleNode,
} from './node.ts';
import { countNodes, ownChild } from './ownership.ts';
import { nextImage, nextTail } from './pair.ts';
import type { Path } from './path.ts';
import type { MapleTree } from './tree.ts';

/**
 * Stores over the keys after `before` up to `last`, which leave the leaf where they begin: that leaf is
 * cut short, the leaf of the key behind them loses its front, and what lies between is dropped whole.
 *
 * What mas_wr_spanning_store(), lib/maple_tree.c, Linux 6.12, does by building both paths anew. All
 * keys are pairs. The tree's place is where the store begins.
 *
 * @returns false where it is not as simple as that, and no content has changed
 */
export function spanInPlace<K extends Key, V>(
  tree: MapleTree<K, V>,
  before: number,
  beforeTail: number,
  last: number,
  lastTail: number,
  entry: V | null,
): boolean {
  const { place, right } = tree.work;
  const left = place.path;
  const isToEnd = last === tree.maxImage && lastTail === tree.maxTail;
  if (isToEnd && before === -1) return false;
  // The level where the two ways part; -1 where there is nothing to the right.
  const parting = isToEnd
    ? -1
    : walkRight(tree, left, right, nextImage(last, lastTail), nextTail(last, lastTail));
  const leaf = left.node(left.level);
  const rightLeaf = isToEnd ? null : right.node(right.level);
  if (!cutLeaves(tree, rightLeaf, before, beforeTail, last, lastTail, entry)) return false;

  tree.version++;
  tree.counters.stores.spanning_store++;
  tree.counters.requested += 3 * tree.height + 1;
  place.type = 'spanning_store';
  const image = imageAt(leaf, leaf.end);
  const tail = tailAt(leaf, leaf.end);
  for (let level = left.level - 1; level > parting; level--) {
    dropBehind(tree, left.node(level), left.offset(level));
    if (!isToEnd) dropBefore(tree, right.node(level), right.offset(level));
  }
  if (parting >= 0) dropBetween(tree, left.node(parting), left.offset(parting), right, parting);
  if (tree.nodes.hasGaps) noteGaps(tree, left, right, parting);
  joinSmall(tree, image, tail);
  if (rightLeaf !== null) joinSmall(tree, nextImage(image, tail), nextTail(image, tail));
  return true;
}

/**
 * Leads the right path to the leaf of a key, which is not that of the left path; its nodes become the
 * tree's own.
 *
 * @returns the deepest level that both paths have in common
 */
function walkRight<K extends Key, V>(
  tree: MapleTree<K, V>,
  left: Path<K, V>,
  right: Path<K, V>,
  image: number,
  tail: number,
): number {
  let node = left.node(0);
  let parting = 0;
  for (let level = 0; ; level++) {
    const offset = slotOf(node, image, tail);
    right.set(level, node, offset);
    right.level = level;
    if (node === left.node(level)) parting = level;
    if (node.leaf) return parting;
    node = ownChild(tree, node, offset);
  }
}

/** Ends the left leaf at the store and begins the right leaf behind it, unless one has no room. */
function cutLeaves<K extends Key, V>(
  tree: MapleTree<K, V>,
  right: MapleNode<K, V> | null,
  before: number,
  beforeTail: number,
  last: number,
  lastTail: number,
  entry: V | null,
): boolean {
  const { path, slotImage, slotTail, offset } = tree.work.place;
  const { leafSlots } = tree.nodes.geometry;
  const left = path.node(path.level);
  let kept = offset;
  let keepsPart = before !== slotImage || beforeTail !== slotTail;
  if (entry === null) {
    // Null widens over the null before it.
    if (keepsPart && entryAt(left, offset) === null) keepsPart = false;
    else if (!keepsPart && offset > 0 && entryAt(left, offset - 1) === null) kept--;
  }
  if (keepsPart) kept++;
  // Only the last leaf may end with null: it goes to the front of the right one.
  const goesLeft = entry !== null || right === null;
  if ((kept === 0 && entry === null) || (kept === leafSlots && goesLeft)) return false;
  const from = right === null ? 0 : tree.work.right.offset(path.level);
  const goesRight = right !== null && entry === null && entryAt(right, from) !== null;
  if (goesRight && from === 0 && right.end + 1 === leafSlots) return false;

  if (keepsPart) setBound(left, kept - 1, before, beforeTail);
  truncate(left, goesLeft ? kept : kept - 1);
  if (goesLeft) {
    setBound(left, kept, last, lastTail);
    left.entries[kept] = entry;
  }
  if (right === null) return true;
  shiftSlots(right, from, goesRight ? 1 - from : -from);
  if (goesRight) {
    setBound(right, 0, last, lastTail);
    right.entries[0] = null;
  }
  return true;
}

function setBound<K extends Key, V>(
  node: MapleNode<K, V>,
  offset: number,
  image: number,
  tail: number,
): void {
  node.images[offset] = image;
  setTail(node, offset, tail);
}

/** Takes children out of the count of nodes. Leaves are not looked at, one to see that they are. */
function drop<K extends Key, V>(
  tree: MapleTree<K, V>,
  node: MapleNode<K, V>,
  from: number,
  to: number,
): void {
  if (from > to) return;
  let count = to - from + 1;
  if (!childAt(node, from).leaf) {
    count = 0;
    for (let offset = from; offset <= to; offset++) count += countNodes(childAt(node, offset));
  }
  tree.nodeCount -= count;
  tree.counters.freed += count;
}

/** Drops the children behind one, which is the node's last now. */
function dropBehind<K extends Key, V>(
  tree: MapleTree<K, V>,
  node: MapleNode<K, V>,
  offset: number,
): void {
  drop(tree, node, offset + 1, node.end);
  truncate(node, offset);
  const child = childAt(node, offset);
  copyPivot(child, child.end, node, offset);
}

/** Drops the children before one, which is the node's first now. */
function dropBefore<K extends Key, V>(
  tree: MapleTree<K, V>,
  node: MapleNode<K, V>,
  offset: number,
): void {
  drop(tree, node, 0, offset - 1);
  shiftSlots(node, offset, -offset);
}

/** Drops the children between those where the two paths go on. */
function dropBetween<K extends Key, V>(
  tree: MapleTree<K, V>,
  node: MapleNode<K, V>,
  offset: number,
  right: Path<K, V>,
  level: number,
): void {
  const behind = right.offset(level);
  drop(tree, node, offset + 1, behind - 1);
  shiftSlots(node, behind, offset + 1 - behind);
  const child = childAt(node, offset);
  copyPivot(child, child.end, node, offset);
}

/** Sets the gaps of all nodes on both paths, bottom up. */
function noteGaps<K extends Key, V>(
  tree: MapleTree<K, V>,
  left: Path<K, V>,
  right: Path<K, V>,
  parting: number,
): void {
  const { keys, nodes } = tree;
  const leaf = left.node(left.level);
  const leafMin = left.minAt(left.level, keys);
  for (let level = left.level - 1; level >= Math.max(parting, 0); level--) {
    const node = left.node(level);
    const offset = left.offset(level);
    nodes.setGap(node, offset, gapOf(childAt(node, offset), leafMin, tree));
    if (parting >= 0) {
      const first = level === parting ? offset + 1 : 0;
      const other = level === parting ? node : right.node(level);
      nodes.setGap(other, first, gapOf(childAt(other, first), keys.next(maxOf(leaf)), tree));
      findGapSlot(other, 0);
    }
    findGapSlot(node, 0);
  }
  if (parting > 0) updateGap(tree, left, parting, keys.zero);
}
