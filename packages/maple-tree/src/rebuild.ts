// SPDX-License-Identifier: MIT
import type { Cursor } from './cursor.ts';
import type { Key } from './key.ts';
import { childAt, entryAt, maxOf, pivotAt, slotOf, type MapleNode } from './node.ts';
import { countNodes, liesInside } from './ownership.ts';
import type { Path } from './path.ts';
import { retireNode, retireSubtree } from './rcu.ts';
import { addParts, avoidNull, finish, growRoot, layOutStore } from './split.ts';
import { newRoot } from './store-root.ts';
import type { MapleTree } from './tree.ts';
import { standAgain } from './walk.ts';

/**
 * Stores into a leaf that would be left with too few slots: it is joined with a neighbour under the
 * same parent. Mirrors mas_rebalance(), lib/maple_tree.c, Linux 6.12.
 */
export function rebalanceLeaf<K extends Key, V>(cursor: Cursor<K, V>): void {
  const { path, tree } = cursor;
  const { left, right, scratch } = tree.work;
  layOutStore(cursor);
  left.copyFrom(path);
  right.copyFrom(path);
  const level = path.level;
  const parent = path.node(level - 1);
  const offset = path.offset(level - 1);
  if (offset < parent.end) {
    const sibling = childAt(parent, offset + 1);
    right.offsets[level - 1] = offset + 1;
    right.set(level, sibling, 0);
    scratch.addSlots(sibling, 0, sibling.end);
  } else {
    const sibling = childAt(parent, offset - 1);
    left.offsets[level - 1] = offset - 1;
    left.set(level, sibling, 0);
    scratch.prepend(sibling);
  }
  tree.counters.pulls++;
  rebuild(cursor, [path.node(level), offset < parent.end ? right.node(level) : left.node(level)]);
  standAgain(cursor);
}

/**
 * Stores over a range that leaves the leaf where it begins: what is left of the first leaf, the entry
 * and what is left of the last leaf are joined, and the subtrees between are dropped.
 *
 * Mirrors mas_wr_spanning_store(), lib/maple_tree.c, Linux 6.12. The cursor stands at the node where
 * the span was seen.
 */
export function spanningStore<K extends Key, V>(cursor: Cursor<K, V>): void {
  const { path, tree } = cursor;
  const { keys, rules } = tree;
  const { left, plan, right, scratch } = tree.work;
  const seenAt = path.level;
  right.copyFrom(path);
  left.copyFrom(path);
  const ahead = cursor.last < keys.max;
  walkDown(
    tree,
    right,
    rules.rightPathFromSpan ? seenAt : 0,
    ahead ? keys.next(cursor.last) : cursor.last,
  );
  walkDown(tree, left, seenAt, cursor.index);
  if (plan.entry === null) widenSpanningNull(cursor);
  if (cursor.index === keys.zero && cursor.last === keys.max) return newRoot(cursor, plan.entry);

  const first = left.node(left.level);
  const offset = left.offset(left.level);
  const rMin = offset > 0 ? keys.next(pivotAt(first, offset - 1)) : left.minAt(left.level, keys);
  scratch.clear(true);
  scratch.addSlots(first, 0, offset - 1);
  if (rMin < cursor.index) scratch.addEntry(keys.previous(cursor.index), entryAt(first, offset));
  scratch.addEntry(cursor.last, plan.entry);
  const end = right.node(right.level);
  const rightOffset = right.offset(right.level);
  if (rules.rightLeafRemains(cursor.last, maxOf(end), rightOffset, end.end)) {
    scratch.addSlots(end, rightOffset, end.end);
  }
  rebuild(cursor, first === end ? [first] : [first, end]);
  standAgain(cursor);
}

/** Walks a path from a level down to the leaf of an index, or to the last leaf if it lies behind. */
function walkDown<K extends Key, V>(
  tree: MapleTree<K, V>,
  path: Path<K, V>,
  from: number,
  index: K,
): void {
  const image = tree.keys.image(index);
  const tail = tree.keys.tail(index);
  let node = path.node(from);
  for (let level = from; ; level++) {
    const offset = index > maxOf(node) ? node.end : slotOf(node, image, tail);
    path.set(level, node, offset);
    path.level = level;
    if (node.leaf) return;
    node = childAt(node, offset);
  }
}

/**
 * Widens a spanning store of null over the nulls at its ends, the right one of which may lie in the
 * next leaf. Mirrors mas_extend_spanning_null(), lib/maple_tree.c, Linux 6.12.
 */
function widenSpanningNull<K extends Key, V>(cursor: Cursor<K, V>): void {
  const { keys } = cursor.tree;
  const { left, right } = cursor.tree.work;
  const first = left.node(left.level);
  const slot = left.offset(left.level);
  const bound = (offset: number): K =>
    offset > 0 ? keys.next(pivotAt(first, offset - 1)) : left.minAt(left.level, keys);
  if (entryAt(first, slot) === null) cursor.index = bound(slot);
  if (cursor.index === bound(slot) && slot > 0 && entryAt(first, slot - 1) === null) {
    cursor.index = bound(slot - 1);
    left.offsets[left.level] = slot - 1;
  }
  if (!cursor.tree.rules.spanningNullLooksRight) return;
  const last = right.node(right.level);
  const offset = right.offset(right.level);
  const slotLast = pivotAt(last, offset);
  if (entryAt(last, offset) === null) {
    if (cursor.last < slotLast) cursor.last = slotLast;
    right.offsets[right.level] = offset + 1;
  } else if (cursor.last === slotLast && offset < last.end && entryAt(last, offset + 1) === null) {
    cursor.last = pivotAt(last, offset + 1);
    right.offsets[right.level] = offset + 1;
  }
}

/**
 * Cuts the scratch into nodes and rebuilds both paths above it up to the root, merging neighbours into
 * what has become too small. There is no early stop.
 *
 * Mirrors mas_spanning_rebalance(), lib/maple_tree.c, Linux 6.12.
 *
 * @param replaced the leaves whose slots are in the scratch
 */
function rebuild<K extends Key, V>(cursor: Cursor<K, V>, replaced: MapleNode<K, V>[]): void {
  const { tree } = cursor;
  const { rules } = tree;
  const { left, right, scratch } = tree.work;
  const oldRoot = left.node(0);
  const leafLevel = left.level;
  for (let level = leafLevel; ; level--) {
    const covers = rules.coversTree(left.isLeftmost(level), right.isRightmost(level));
    if (!covers && rules.insufficient(scratch.end, tree.nodes.minEndOf(scratch.leaf))) {
      pull(tree, level, replaced);
    }
    const min = left.minAt(level, tree.keys);
    const parts = cutScratch(tree);
    const whole = left.isLeftmost(level) && right.isRightmost(level);
    const [only] = parts;
    if (only !== undefined && parts.length === 1 && whole) {
      tree.setRoot(only, leafLevel - level + 1);
      noteReplaced(left, 0, level - 1, replaced);
      noteReplaced(right, 0, level - 1, replaced);
      break;
    }
    if (level === 0) {
      growRoot(tree, parts, min);
      break;
    }
    layOutParents(tree, level - 1, parts, min, replaced);
  }
  retireReplaced(tree, oldRoot, tree.keys.zero, cursor, replaced);
}

/** Lays out what is left of the parents of both paths around the new nodes. */
function layOutParents<K extends Key, V>(
  tree: MapleTree<K, V>,
  level: number,
  parts: readonly MapleNode<K, V>[],
  min: K,
  replaced: MapleNode<K, V>[],
): void {
  const { left, right, scratch } = tree.work;
  const before = left.node(level);
  const after = right.node(level);
  scratch.clear(false);
  scratch.addSlots(before, 0, left.offset(level) - 1);
  addParts(tree, parts, min);
  scratch.addSlots(after, right.offset(level) + 1, after.end);
  noteReplaced(left, level, level, replaced);
  noteReplaced(right, level, level, replaced);
}

/** Remembers a path's nodes of some levels as replaced. */
function noteReplaced<K extends Key, V>(
  path: Path<K, V>,
  from: number,
  to: number,
  replaced: MapleNode<K, V>[],
): void {
  for (let level = from; level <= to; level++) {
    const node = path.node(level);
    if (!replaced.includes(node)) replaced.push(node);
  }
}

/**
 * Joins the next node of this level to the scratch, the one after it if there is one within the
 * nearest ancestor that has a neighbour, else the one before.
 *
 * Mirrors mast_spanning_rebalance(), lib/maple_tree.c, Linux 6.12.
 */
function pull<K extends Key, V>(
  tree: MapleTree<K, V>,
  level: number,
  replaced: MapleNode<K, V>[],
): void {
  const { left, right, scratch } = tree.work;
  for (let above = level - 1; above >= 0; above--) {
    if (right.offset(above) < right.node(above).end) {
      noteReplaced(right, above + 1, level, replaced);
      right.offsets[above] = right.offset(above) + 1;
      const node = stepDown(right, above, level, false);
      scratch.addSlots(node, 0, node.end);
      replaced.push(node);
      tree.counters.pulls++;
      return;
    }
    if (left.offset(above) > 0) {
      noteReplaced(left, above + 1, level, replaced);
      left.offsets[above] = left.offset(above) - 1;
      const node = stepDown(left, above, level, true);
      scratch.prepend(node);
      replaced.push(node);
      tree.counters.pulls++;
      return;
    }
  }
}

/** Leads a path from an ancestor's slot down to a level along first or last children. */
function stepDown<K extends Key, V>(
  path: Path<K, V>,
  from: number,
  to: number,
  last: boolean,
): MapleNode<K, V> {
  let node = childAt(path.node(from), path.offset(from));
  for (let level = from + 1; level < to; level++) {
    path.set(level, node, last ? node.end : 0);
    node = childAt(node, last ? node.end : 0);
  }
  path.set(to, node, 0);
  return node;
}

/**
 * Cuts the scratch into one, two or three nodes. Mirrors mab_calc_split() and mas_mab_to_node(),
 * lib/maple_tree.c, Linux 6.12.
 */
function cutScratch<K extends Key, V>(tree: MapleTree<K, V>): MapleNode<K, V>[] {
  const { scratch } = tree.work;
  const { end } = scratch;
  const slots = tree.nodes.slotsOf(scratch.leaf);
  if (end < slots) return [finish(tree, scratch, 0, end)];
  const half = end >> 1;
  const three = end >= 2 * slots || (scratch.isNull(half) && end >= 2 * slots - 1);
  tree.counters.splits++;
  if (!three) {
    const cut = avoidNull(tree, scratch, half, slots);
    return [finish(tree, scratch, 0, cut), finish(tree, scratch, cut + 1, end)];
  }
  const third = Math.floor(end / 3);
  const first = avoidNull(tree, scratch, third, slots);
  const second = avoidNull(tree, scratch, third * 2, slots);
  return [
    finish(tree, scratch, 0, first),
    finish(tree, scratch, first + 1, second),
    finish(tree, scratch, second + 1, end),
  ];
}

/**
 * Takes the old nodes out of use: those whose slots were copied one by one, and below them whole
 * subtrees that the store covers. What hangs off them otherwise hangs off new nodes now.
 */
function retireReplaced<K extends Key, V>(
  tree: MapleTree<K, V>,
  node: MapleNode<K, V>,
  min: K,
  cursor: Cursor<K, V>,
  replaced: readonly MapleNode<K, V>[],
): void {
  const { index, last } = cursor;
  if (liesInside(node, min, index, last)) {
    retireSubtree(tree, node, countNodes(node));
    return;
  }
  if (!replaced.includes(node)) return;
  let first = min;
  for (let offset = 0; !node.leaf && offset <= node.end; offset++) {
    retireReplaced(tree, childAt(node, offset), first, cursor, replaced);
    const pivot = pivotAt(node, offset);
    if (pivot < tree.keys.max) first = tree.keys.next(pivot);
  }
  retireNode(tree, node);
}
