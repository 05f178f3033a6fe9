// SPDX-License-Identifier: MIT
import type { Cursor } from './cursor.ts';
import { EBUSY, EINVAL } from './errno.ts';
import type { Key, KeyMode } from './key.ts';
import {
  childAt,
  entryAt,
  gapImage,
  gapTail,
  imageAt,
  maxOf,
  pivotAt,
  slotOf,
  tailAt,
  type MapleNode,
} from './node.ts';
import { isBelow, nextImage, nextTail } from './pair.ts';
import { emptyAreaNear } from './search-near.ts';
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
  if (cursor.tree.nodes.hasGaps && emptyAreaNear(cursor, min, max, size)) return 0;
  if (!begin(cursor, min, max, size)) return EINVAL;
  if (cursor.node === null) return sparseArea(cursor, min, max, size, true);
  cursor.index = min;
  cursor.last = max;
  if (!lowest(cursor, cursor.node, size)) return busy(cursor);
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
  if (!highest(cursor, cursor.node, -1, 0, 0, new Wanted(cursor.tree.keys, min, max, size)))
    return busy(cursor);
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

/** A window and a size, as pairs: what a search compares at every slot. */
class Wanted<K extends Key> {
  declare readonly lowImage: number;
  declare readonly lowTail: number;
  declare readonly highImage: number;
  declare readonly highTail: number;
  declare readonly sizeImage: number;
  declare readonly sizeTail: number;
  declare readonly size: K;

  constructor(keys: KeyMode<K>, low: K, high: K, size: K) {
    this.lowImage = keys.image(low);
    this.lowTail = keys.tail(low);
    this.highImage = keys.image(high);
    this.highTail = keys.tail(high);
    this.sizeImage = keys.image(size);
    this.sizeTail = keys.tail(size);
    this.size = size;
  }
}

/**
 * Looks for the first slot with room in the cursor's range, and stands the cursor there.
 *
 * Mirrors mas_awalk() and mas_anode_descend(), lib/maple_tree.c, Linux 6.12: a child whose gap is
 * large enough is entered, and left again where its gap lies outside the window.
 */
function lowest<K extends Key, V>(cursor: Cursor<K, V>, root: MapleNode<K, V>, size: K): boolean {
  const { index, last, path, tree } = cursor;
  const { keys, nodes, rules } = tree;
  const image = keys.image(index);
  const tail = keys.tail(index);
  const high = keys.image(last);
  const highTail = keys.tail(last);
  const sizeImage = keys.image(size);
  const sizeTail = keys.tail(size);
  let level = 0;
  let node = root;
  let offset = slotOf(node, image, tail);
  for (;;) {
    const end = rules.searchEnd(node.end);
    const { leaf } = node;
    for (; offset <= end; offset++) {
      if (leaf) {
        if (entryAt(node, offset) === null && holdsBehind(cursor, node, level, offset, size)) {
          return standAtSlot(cursor, node, level, offset);
        }
      } else if (!nodes.hasGaps || hasGap(node, offset, sizeImage, sizeTail)) break;
      if (!isBelow(imageAt(node, offset), tailAt(node, offset), high, highTail)) return false;
    }
    if (!leaf && offset <= end) {
      path.set(level, node, offset);
      node = childAt(node, offset);
      level++;
      offset = slotOf(node, image, tail);
      continue;
    }
    // Nothing here: on behind the slot of the first node above that has one.
    do {
      if (level === 0) return false;
      level--;
      node = path.node(level);
      offset = path.offset(level) + 1;
      if (!isBelow(imageAt(node, offset - 1), tailAt(node, offset - 1), high, highTail)) {
        return false;
      }
    } while (offset > rules.searchEnd(node.end));
  }
}

/** Whether the largest gap below a child is large enough. */
function hasGap<K extends Key, V>(
  node: MapleNode<K, V>,
  offset: number,
  sizeImage: number,
  sizeTail: number,
): boolean {
  return !isBelow(gapImage(node, offset), gapTail(node, offset), sizeImage, sizeTail);
}

/** Whether what the window sees of a null slot is large enough. */
function holdsBehind<K extends Key, V>(
  cursor: Cursor<K, V>,
  leaf: MapleNode<K, V>,
  level: number,
  offset: number,
  size: K,
): boolean {
  const { index: low, last: high, path, tree } = cursor;
  const { keys, rules } = tree;
  const first = offset > 0 ? keys.next(pivotAt(leaf, offset - 1)) : path.minAt(level, keys);
  const last = pivotAt(leaf, offset);
  const from = first > low ? first : low;
  const to = last < high ? last : high;
  return from <= to && rules.holds(keys.distance(from, to), size, keys);
}

/**
 * The mirror of {@link lowest}. Mirrors mas_rev_awalk(), lib/maple_tree.c, Linux 6.12, which measures
 * from the start of a slot to the top of the window at every level.
 */
function highest<K extends Key, V>(
  cursor: Cursor<K, V>,
  node: MapleNode<K, V>,
  image: number,
  tail: number,
  level: number,
  wanted: Wanted<K>,
): boolean {
  const { last: high, path, tree } = cursor;
  const { keys, rules } = tree;
  const { highImage, highTail, lowImage, lowTail } = wanted;
  const { end } = node;
  const isInside = isBelow(highImage, highTail, imageAt(node, end), tailAt(node, end));
  for (let offset = isInside ? slotOf(node, highImage, highTail) : end; offset >= 0; offset--) {
    if (isBelow(imageAt(node, offset), tailAt(node, offset), lowImage, lowTail)) {
      if (rules.reverseMindsLowerBound) return false;
    }
    if (!mayHold(cursor, node, offset, wanted)) continue;
    const before = offset > 0 ? imageAt(node, offset - 1) : image;
    const beforeTail = offset > 0 ? tailAt(node, offset - 1) : tail;
    const first = keys.keyOf(nextImage(before, beforeTail), nextTail(before, beforeTail));
    if (!rules.holds(keys.distance(first, high), wanted.size, keys)) continue;
    path.set(level, node, offset);
    if (node.leaf) {
      if (holdsBelow(cursor, node, offset, first, wanted)) {
        return standAtSlot(cursor, node, level, offset);
      }
    } else if (highest(cursor, childAt(node, offset), before, beforeTail, level + 1, wanted)) {
      return true;
    }
  }
  return false;
}

/** The mirror of {@link holdsBehind}, which measures the slot before the window. */
function holdsBelow<K extends Key, V>(
  cursor: Cursor<K, V>,
  leaf: MapleNode<K, V>,
  offset: number,
  first: K,
  { size }: Wanted<K>,
): boolean {
  const { index: low, last: high, tree } = cursor;
  const { keys, rules } = tree;
  const last = pivotAt(leaf, offset);
  if (!rules.holds(keys.distance(first, last), size, keys)) return false;
  const from = first > low || !rules.reverseMindsLowerBound ? first : low;
  const to = last < high ? last : high;
  return from <= to && keys.distance(from, to) >= keys.previous(size);
}

/**
 * Whether a leaf's slot is null, or a child's largest gap is large enough; unknown where the tree
 * keeps none.
 */
function mayHold<K extends Key, V>(
  cursor: Cursor<K, V>,
  node: MapleNode<K, V>,
  offset: number,
  { sizeImage, sizeTail }: Wanted<K>,
): boolean {
  if (node.leaf) return entryAt(node, offset) === null;
  return !cursor.tree.nodes.hasGaps || hasGap(node, offset, sizeImage, sizeTail);
}

/** Stands the cursor at a leaf's slot; its path leads there already. */
function standAtSlot<K extends Key, V>(
  cursor: Cursor<K, V>,
  leaf: MapleNode<K, V>,
  level: number,
  offset: number,
): true {
  const { path } = cursor;
  path.set(level, leaf, offset);
  path.level = level;
  cursor.node = leaf;
  cursor.offset = offset;
  cursor.end = leaf.end;
  cursor.min = path.minAt(level, leaf.keys);
  cursor.max = maxOf(leaf);
  return true;
}
