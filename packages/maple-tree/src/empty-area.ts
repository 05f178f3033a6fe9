// SPDX-License-Identifier: MIT
import type { Cursor } from './cursor.ts';
import { EBUSY, EINVAL } from './errno.ts';
import type { Key } from './key.ts';
import { childAt, entryAt, gapAt, pivotAt, slotOf, type MapleNode } from './node.ts';
import { masStart } from './walk.ts';

/**
 * Finds the lowest `size` indices in [min, max] that hold nothing; the cursor's range becomes them.
 *
 * Mirrors mas_empty_area(), lib/maple_tree.c, Linux 6.12. A tree without ALLOC_RANGE keeps no gaps:
 * there every leaf of the window is searched, where 6.12 answers at random.
 *
 * @returns 0, -EINVAL with the cursor untouched, or -EBUSY
 */
export function emptyArea<K extends Key, V>(cursor: Cursor<K, V>, min: K, max: K, size: K): number {
  if (!begin(cursor, min, max, size)) return EINVAL;
  if (cursor.node === null) return sparseArea(cursor, min, max, size, true);
  cursor.index = min;
  cursor.last = max;
  if (!lowest(cursor, cursor.node, cursor.tree.keys.zero, 0, size)) return busy(cursor);
  const { keys, rules } = cursor.tree;
  const first = cursor.slotFirst();
  if (first > min) cursor.index = first;
  cursor.last = keys.add(cursor.index, keys.previous(size));
  rules.afterSearch(cursor);
  return 0;
}

/**
 * Finds the highest `size` indices in [min, max] that hold nothing. Mirrors mas_empty_area_rev(),
 * lib/maple_tree.c, Linux 6.12.
 *
 * @returns 0, -EINVAL with the cursor untouched, or -EBUSY
 */
export function emptyAreaRev<K extends Key, V>(
  cursor: Cursor<K, V>,
  min: K,
  max: K,
  size: K,
): number {
  if (!begin(cursor, min, max, size)) return EINVAL;
  if (cursor.node === null) return sparseArea(cursor, min, max, size, false);
  cursor.index = min;
  cursor.last = max;
  if (!highest(cursor, cursor.node, cursor.tree.keys.zero, 0, size)) return busy(cursor);
  const { keys, rules } = cursor.tree;
  const last = cursor.slotLast();
  if (last < max) cursor.last = last;
  cursor.index = keys.distance(keys.previous(size), cursor.last);
  rules.afterSearch(cursor);
  return 0;
}

/** Refuses a window without room for `size`, and stands the cursor at the root. */
function begin<K extends Key, V>(cursor: Cursor<K, V>, min: K, max: K, size: K): boolean {
  const { keys } = cursor.tree;
  if (min > max || size === keys.zero) return false;
  if (keys.distance(min, max) < keys.previous(size)) return false;
  if (!cursor.is('start')) cursor.reset();
  masStart(cursor);
  return true;
}

/** The answer of a tree without nodes. Mirrors mas_sparse_area(). */
function sparseArea<K extends Key, V>(
  cursor: Cursor<K, V>,
  min: K,
  max: K,
  size: K,
  forward: boolean,
): number {
  const { keys, rules } = cursor.tree;
  let low = min;
  if (cursor.is('root') && min === keys.zero) {
    low = keys.one;
    if (low > max || keys.distance(low, max) < keys.previous(size)) return EBUSY;
  }
  if (forward || !rules.sparseReverseFromTop) {
    cursor.index = low;
    cursor.last = keys.add(low, keys.previous(size));
  } else {
    cursor.last = max;
    cursor.index = keys.distance(keys.previous(size), max);
  }
  return 0;
}

function busy<K extends Key, V>(cursor: Cursor<K, V>): number {
  cursor.status = 'error';
  cursor.node = null;
  cursor.errno = EBUSY;
  return EBUSY;
}

/**
 * Looks below a node for the first slot with room in the cursor's range, and stands the cursor there.
 *
 * Mirrors mas_awalk() and mas_anode_descend(), lib/maple_tree.c, Linux 6.12: a child whose gap is
 * large enough is entered, and left again where its gap lies outside the window.
 *
 * @param min lower bound of the node
 */
function lowest<K extends Key, V>(
  cursor: Cursor<K, V>,
  node: MapleNode<K, V>,
  min: K,
  level: number,
  size: K,
): boolean {
  const { index: low, last: high, path, tree } = cursor;
  const { keys, rules } = tree;
  const end = rules.searchEnd(node.end);
  for (
    let offset = low > min ? slotOf(node, keys.image(low), keys.tail(low)) : 0;
    offset <= end;
    offset++
  ) {
    const last = pivotAt(node, offset);
    if (node.leaf ? entryAt(node, offset) === null : mayHold(cursor, node, offset, size)) {
      const first = offset > 0 ? keys.next(pivotAt(node, offset - 1)) : min;
      path.set(level, node, offset);
      if (node.leaf) {
        const from = first > low ? first : low;
        const to = last < high ? last : high;
        if (from <= to && rules.holds(keys.distance(from, to), size, keys)) {
          return standAtSlot(cursor, node, level, offset, min);
        }
      } else if (lowest(cursor, childAt(node, offset), first, level + 1, size)) {
        return true;
      }
    }
    if (last >= high) return false;
  }
  return false;
}

/**
 * The mirror of {@link lowest}. Mirrors mas_rev_awalk(), lib/maple_tree.c, Linux 6.12, which measures
 * from the start of a slot to the top of the window at every level.
 */
function highest<K extends Key, V>(
  cursor: Cursor<K, V>,
  node: MapleNode<K, V>,
  min: K,
  level: number,
  size: K,
): boolean {
  const { index: low, last: high, path, tree } = cursor;
  const { keys, rules } = tree;
  const top = pivotAt(node, node.end);
  let offset = high < top ? slotOf(node, keys.image(high), keys.tail(high)) : node.end;
  for (; offset >= 0; offset--) {
    const last = pivotAt(node, offset);
    if (rules.reverseMindsLowerBound && last < low) return false;
    if (!(node.leaf ? entryAt(node, offset) === null : mayHold(cursor, node, offset, size)))
      continue;
    const first = offset > 0 ? keys.next(pivotAt(node, offset - 1)) : min;
    if (!rules.holds(keys.distance(first, high), size, keys)) continue;
    path.set(level, node, offset);
    if (!node.leaf) {
      if (highest(cursor, childAt(node, offset), first, level + 1, size)) return true;
      continue;
    }
    if (!rules.holds(keys.distance(first, last), size, keys)) continue;
    const from = first > low || !rules.reverseMindsLowerBound ? first : low;
    const to = last < high ? last : high;
    if (from <= to && keys.distance(from, to) >= keys.previous(size)) {
      return standAtSlot(cursor, node, level, offset, min);
    }
  }
  return false;
}

/** Whether a child's largest gap is large enough; unknown where the tree keeps none. */
function mayHold<K extends Key, V>(
  cursor: Cursor<K, V>,
  node: MapleNode<K, V>,
  offset: number,
  size: K,
): boolean {
  return !cursor.tree.nodes.hasGaps || gapAt(node, offset) >= size;
}

function standAtSlot<K extends Key, V>(
  cursor: Cursor<K, V>,
  leaf: MapleNode<K, V>,
  level: number,
  offset: number,
  min: K,
): true {
  cursor.path.level = level;
  cursor.node = leaf;
  cursor.offset = offset;
  cursor.end = leaf.end;
  cursor.min = min;
  cursor.max = pivotAt(leaf, leaf.end);
  return true;
}
