// SPDX-License-Identifier: MIT
import type { Cursor } from './cursor.ts';
import { ENOMEM } from './errno.ts';
import { findGapSlot, gapOf } from './gaps.ts';
import type { Key } from './key.ts';
import { entryAt, pivotAt, type MapleNode } from './node.ts';
import { ownChild, ownPath } from './ownership.ts';
import { releaseNodes, takeCounted, waitForNodes } from './reserve.ts';
import type { MapleTree } from './tree.ts';
import { descendPath, masStart } from './walk.ts';

/**
 * Begins bulk loading: leaves are cut near their end, since what follows goes behind.
 *
 * Mirrors mas_expected_entries(), lib/maple_tree.c, Linux 6.12. There, bulk loading a tree in RCU mode
 * or with more nodes than announced ends in a crash; here the first loads without the cut, and the
 * second goes on.
 */
export function expectedEntries<K extends Key, V>(cursor: Cursor<K, V>, count: number): number {
  if (!Number.isSafeInteger(count) || count < 0) {
    throw new RangeError(`count: expected a whole number from 0, got ${count}`);
  }
  const { nodes, geometry, inRcu } = cursor.tree;
  const internalRoom = nodes.hasGaps ? geometry.arangeSlots - 2 : geometry.rangeSlots - 2;
  // An entry, a gap before each, and a gap at the end.
  const leaves = Math.ceil((2 * count + 1) / (geometry.leafSlots - 2));
  const needed = leaves + Math.ceil(leaves / internalRoom) + 3;
  const missing = takeCounted(cursor, needed - cursor.allocated);
  if (missing > 0 && !waitForNodes(cursor, missing)) {
    releaseNodes(cursor);
    return ENOMEM;
  }
  cursor.bulk = !inRcu;
  cursor.preallocated = !inRcu;
  return 0;
}

/**
 * A node store that cuts the tail slot of a well filled leaf leaves nothing to repair. Mirrors
 * mas_bulk_rebalance() as mas_wr_node_store() calls it.
 */
export function noteBulkStore<K extends Key, V>(cursor: Cursor<K, V>): void {
  if (!cursor.bulk || cursor.path.level === 0) return;
  const { geometry, keys } = cursor.tree;
  const { plan } = cursor.tree.work;
  const cutsTail = cursor.last < plan.endPivot && cursor.slotLast() === keys.max;
  if (cutsTail && cursor.end > geometry.leafMin) cursor.needsRebalance = false;
}

/** The same of a split, as mas_store_b_node() calls it. */
export function noteBulkSplit<K extends Key, V>(cursor: Cursor<K, V>): void {
  if (!cursor.bulk || cursor.path.level === 0) return;
  const { geometry, keys } = cursor.tree;
  const { plan } = cursor.tree.work;
  const cutsTail = cursor.last < plan.endPivot && plan.endPivot === keys.max;
  if (cutsTail && cursor.offset > geometry.leafMin) cursor.needsRebalance = false;
}

/**
 * Ends bulk loading: fills a last leaf that was left too small from its neighbour, and gives back the
 * nodes in hand. Mirrors mas_destroy(), lib/maple_tree.c, Linux 6.12.
 */
export function endBulk<K extends Key, V>(cursor: Cursor<K, V>): void {
  const { rules, nodes } = cursor.tree;
  if (cursor.needsRebalance) {
    cursor.needsRebalance = false;
    if (cursor.is('error')) cursor.reset();
    masStart(cursor);
    if (cursor.is('active')) {
      descendPath(cursor);
      const small = cursor.end + 1 < nodes.geometry.leafMin - 1;
      if (small && rules.repairsBulkTail && cursor.path.level > 0) repairTail(cursor);
    }
  }
  releaseNodes(cursor);
}

/** Mirrors mas_destroy_rebalance(), lib/maple_tree.c, Linux 6.12. Leaves the cursor to be reset. */
function repairTail<K extends Key, V>(cursor: Cursor<K, V>): void {
  const { path, tree } = cursor;
  const level = path.level;
  const offset = path.offset(level - 1);
  if (offset === 0) return;
  tree.version++;
  ownPath(tree, path, level);
  const parent = path.node(level - 1);
  const leaf = path.node(level);
  const left = ownChild(tree, parent, offset - 1);
  let keep = tree.geometry.leafSlots >> 1;
  if (entryAt(left, keep) === null) keep++;
  moveTail(tree, left, keep, leaf);
  tree.nodes.setPivot(parent, offset - 1, pivotAt(left, keep));
  if (tree.nodes.hasGaps) {
    const { keys } = tree;
    const leftMin =
      offset > 1 ? keys.next(pivotAt(parent, offset - 2)) : path.minAt(level - 1, keys);
    tree.nodes.setGap(parent, offset - 1, gapOf(left, leftMin, tree));
    tree.nodes.setGap(parent, offset, gapOf(leaf, keys.next(pivotAt(left, keep)), tree));
    findGapSlot(parent, 0);
  }
  cursor.reset();
}

/** Moves the slots behind `keep` of one leaf to the front of the next. */
function moveTail<K extends Key, V>(
  tree: MapleTree<K, V>,
  left: MapleNode<K, V>,
  keep: number,
  right: MapleNode<K, V>,
): void {
  const moved = left.end - keep;
  for (let offset = right.end; offset >= 0; offset--) {
    tree.nodes.setPivot(right, offset + moved, pivotAt(right, offset));
    right.entries[offset + moved] = entryAt(right, offset);
  }
  for (let offset = 0; offset < moved; offset++) {
    tree.nodes.setPivot(right, offset, pivotAt(left, keep + 1 + offset));
    right.entries[offset] = entryAt(left, keep + 1 + offset);
    left.entries[keep + 1 + offset] = null;
    left.images[keep + 1 + offset] = Infinity;
  }
  right.end += moved;
  left.end = keep;
}
