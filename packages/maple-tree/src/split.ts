// SPDX-License-Identifier: MIT
import type { Cursor } from './cursor.ts';
import { findGapSlot, gapOf } from './gaps.ts';
import type { Key } from './key.ts';
import { childAt, entryAt, maxOf, pivotAt, type MapleNode } from './node.ts';
import { putInTree } from './ownership.ts';
import { retireNode } from './rcu.ts';
import { noteBulkSplit } from './bulk.ts';
import type { Scratch } from './scratch.ts';
import type { MapleTree } from './tree.ts';
import { standAgain } from './walk.ts';

/**
 * Stores into a leaf without room: its slots are shared with a neighbour or cut in two, and so are
 * its parents', up to the first that has room.
 *
 * Mirrors mas_wr_bnode(), mas_commit_b_node() and mas_split(), lib/maple_tree.c, Linux 6.12.
 */
export function splitStore<K extends Key, V>(cursor: Cursor<K, V>): void {
  const { path, tree } = cursor;
  const { scratch } = tree.work;
  layOutStore(cursor);
  noteBulkSplit(cursor);
  for (let level = path.level; ; level--) {
    const node = path.node(level);
    const slots = tree.nodes.slotsOf(node.leaf);
    if (scratch.end < slots) {
      putInTree(tree, path, level, finish(tree, scratch, 0, scratch.end));
      retireNode(tree, node);
      break;
    }
    if (level > 0 && (push(cursor, level, -1) || push(cursor, level, 1))) break;
    const cut = splitAt(cursor, scratch);
    const left = finish(tree, scratch, 0, cut);
    const right = finish(tree, scratch, cut + 1, scratch.end);
    tree.counters.splits++;
    const min = path.minAt(level, tree.keys);
    if (level === 0) {
      growRoot(tree, [left, right], min);
      retireNode(tree, node);
      break;
    }
    retireNode(tree, node);
    layOutParent(cursor, level - 1, [left, right], min);
  }
  standAgain(cursor);
}

/** Lays out the leaf with the store applied. Mirrors mas_store_b_node(). */
export function layOutStore<K extends Key, V>(cursor: Cursor<K, V>): void {
  const { index, last, offset, tree } = cursor;
  const { plan, scratch } = tree.work;
  const leaf = cursor.nodeOrThrow();
  scratch.clear(true);
  scratch.addSlots(leaf, 0, offset - 1);
  if (plan.rMin < index) scratch.addEntry(tree.keys.previous(index), entryAt(leaf, offset));
  scratch.addEntry(last, plan.entry);
  if (last >= maxOf(leaf)) return;
  if (last < plan.endPivot) scratch.addEntry(plan.endPivot, entryAt(leaf, plan.offsetEnd));
  scratch.addSlots(leaf, plan.offsetEnd + 1, leaf.end);
}

/**
 * Moves slots to a sibling in place of cutting, where both together fit into two nodes.
 *
 * Mirrors mas_push_data(), lib/maple_tree.c, Linux 6.12. The parent is replaced, not edited.
 *
 * @param direction -1 for the left sibling, 1 for the right one
 */
function push<K extends Key, V>(cursor: Cursor<K, V>, level: number, direction: -1 | 1): boolean {
  const { path, tree } = cursor;
  const { nodes } = tree;
  const { scratch } = tree.work;
  const parent = path.node(level - 1);
  const offset = path.offset(level - 1);
  const siblingOffset = offset + direction;
  // A last node that in-place splits left small would leave the other one too small.
  if (!tree.geometry.rebuildsToRoot) return false;
  if (siblingOffset < 0 || siblingOffset > parent.end) return false;
  const node = path.node(level);
  const sibling = childAt(parent, siblingOffset);
  const slots = nodes.slotsOf(node.leaf);
  const total = scratch.end + sibling.end;
  const room = 2 * slots - 2 - (node.leaf ? 1 : 0) - (maxOf(node) === tree.keys.max ? 1 : 0);
  if (total >= room) return false;

  if (direction < 0) scratch.prepend(sibling);
  else scratch.addSlots(sibling, 0, sibling.end);
  const wanted = direction < 0 ? slots - 2 : total - (slots - 2);
  const cut = avoidNull(tree, scratch, wanted, slots);
  const left = finish(tree, scratch, 0, cut);
  const right = finish(tree, scratch, cut + 1, scratch.end);
  if (direction < 0) tree.counters.pushesLeft++;
  else tree.counters.pushesRight++;

  const first = Math.min(offset, siblingOffset);
  retireNode(tree, node);
  retireNode(tree, sibling);
  replacePair(cursor, level - 1, first, left, right);
  return true;
}

/** Puts two new nodes in the place of neighbouring children. */
function replacePair<K extends Key, V>(
  cursor: Cursor<K, V>,
  level: number,
  first: number,
  left: MapleNode<K, V>,
  right: MapleNode<K, V>,
): void {
  const { path, tree } = cursor;
  const { keys, nodes } = tree;
  const parent = path.node(level);
  const min = first > 0 ? keys.next(pivotAt(parent, first - 1)) : path.minAt(level, keys);
  const replacement = nodes.clone(parent, tree.owner);
  tree.counters.used++;
  tree.nodeCount++;
  replacement.children[first] = left;
  replacement.children[first + 1] = right;
  nodes.setPivot(replacement, first, maxOf(left));
  if (nodes.hasGaps) {
    nodes.setGap(replacement, first, gapOf(left, min, tree));
    nodes.setGap(replacement, first + 1, gapOf(right, keys.next(maxOf(left)), tree));
    findGapSlot(replacement, 0);
  }
  putInTree(tree, path, level, replacement);
  retireNode(tree, parent);
}

/** Where a split cuts. Mirrors mab_calc_split() for two nodes, lib/maple_tree.c, Linux 6.12. */
function splitAt<K extends Key, V>(cursor: Cursor<K, V>, scratch: Scratch<K, V>): number {
  const { tree } = cursor;
  const slots = tree.nodes.slotsOf(scratch.leaf);
  if (cursor.bulk) {
    if (scratch.leaf) cursor.needsRebalance = true;
    const { rebuildsToRoot } = tree.geometry;
    const behind = rebuildsToRoot ? tree.nodes.minEndOf(scratch.leaf) : slots >> 2;
    const cut = scratch.end - behind;
    return scratch.isNull(cut) ? cut - 1 : cut;
  }
  return avoidNull(tree, scratch, scratch.end >> 1, slots);
}

/**
 * Moves a cut off a null slot, since a leaf must not end with one. Mirrors mab_no_null_split(),
 * lib/maple_tree.c, Linux 6.12.
 */
export function avoidNull<K extends Key, V>(
  tree: MapleTree<K, V>,
  scratch: Scratch<K, V>,
  cut: number,
  slots: number,
): number {
  if (!scratch.isNull(cut) || !tree.rules.cutsAvoidNull) return cut;
  const roomBehind = cut < slots - 1 && scratch.end - cut > tree.nodes.minEndOf(scratch.leaf);
  return roomBehind ? cut + 1 : cut - 1;
}

/** Builds a node of the scratch's slots and counts it. */
export function finish<K extends Key, V>(
  tree: MapleTree<K, V>,
  scratch: Scratch<K, V>,
  from: number,
  to: number,
): MapleNode<K, V> {
  const node = scratch.build(tree.owner, from, to);
  if (!node.leaf && tree.nodes.hasGaps) findGapSlot(node, 0);
  tree.counters.used++;
  tree.nodeCount++;
  return node;
}

/** Lays out a parent with one child replaced by several, which begin at `min`. */
function layOutParent<K extends Key, V>(
  cursor: Cursor<K, V>,
  level: number,
  parts: readonly MapleNode<K, V>[],
  min: K,
): void {
  const { path, tree } = cursor;
  const { scratch } = tree.work;
  const parent = path.node(level);
  const offset = path.offset(level);
  scratch.clear(false);
  scratch.addSlots(parent, 0, offset - 1);
  addParts(tree, parts, min);
  scratch.addSlots(parent, offset + 1, parent.end);
}

/** Adds neighbouring new nodes, the first of which begins at `min`, to the scratch. */
export function addParts<K extends Key, V>(
  tree: MapleTree<K, V>,
  parts: readonly MapleNode<K, V>[],
  min: K,
): void {
  let first = min;
  for (const part of parts) {
    tree.work.scratch.addChild(part, gapOf(part, first, tree));
    if (maxOf(part) < tree.keys.max) first = tree.keys.next(maxOf(part));
  }
}

/** Puts a new root above two or three nodes. */
export function growRoot<K extends Key, V>(
  tree: MapleTree<K, V>,
  parts: readonly MapleNode<K, V>[],
  min: K,
): void {
  tree.work.scratch.clear(false);
  addParts(tree, parts, min);
  tree.setRoot(finish(tree, tree.work.scratch, 0, tree.work.scratch.end), tree.height + 1);
}
