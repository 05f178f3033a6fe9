// SPDX-License-Identifier: MIT
import type { Cursor } from './cursor.ts';
import { LIVE, childAt, entryAt, maxOf, pivotAt, slotOf } from './node.ts';
import type { Key } from './key.ts';

/**
 * Puts a cursor with status `start` at the root.
 *
 * Mirrors mas_start(), lib/maple_tree.c, Linux 6.12.
 *
 * @returns the entry in the root word where that is what index 0 holds; null otherwise
 */
export function masStart<K extends Key, V>(cursor: Cursor<K, V>): V | null {
  if (cursor.status !== 'start') return null;
  const { tree } = cursor;
  cursor.min = tree.keys.zero;
  cursor.max = tree.keys.max;
  const root = tree.root;
  if (root !== null) {
    cursor.status = 'active';
    cursor.node = root;
    cursor.offset = 0;
    cursor.path.level = 0;
    cursor.path.set(0, root, 0);
    return null;
  }
  cursor.node = null;
  cursor.path.level = -1;
  cursor.status = tree.rootEntry === null ? 'none' : 'root';
  return cursor.index > tree.keys.zero ? null : tree.rootEntry;
}

/**
 * Walks an active cursor down to the leaf that covers its index, keeping the path, and sets its range
 * to the slot found. Mirrors mtree_range_walk(), lib/maple_tree.c, Linux 6.12.
 */
export function masDescend<K extends Key, V>(cursor: Cursor<K, V>): V | null {
  const { path } = cursor;
  const entry = descendPath(cursor);
  const { node, offset } = cursor;
  if (node === null) return null;
  if (offset > 0) cursor.index = cursor.tree.keys.next(pivotAt(node, offset - 1));
  else cursor.index = cursor.min;
  cursor.last = pivotAt(path.node(path.level), offset);
  return entry;
}

/**
 * The descent alone: node, offset, bounds and path of the slot that covers the cursor's index, whose
 * range stays as it was.
 */
export function descendPath<K extends Key, V>(cursor: Cursor<K, V>): V | null {
  const { path, tree } = cursor;
  const image = tree.keys.image(cursor.index);
  const tail = tree.keys.tail(cursor.index);
  let level = path.level;
  let node = path.node(level);
  let offset = slotOf(node, image, tail);
  while (!node.leaf) {
    path.offsets[level] = offset;
    node = childAt(node, offset);
    level++;
    path.nodes[level] = node;
    offset = slotOf(node, image, tail);
  }
  path.offsets[level] = offset;
  path.level = level;
  cursor.node = node;
  cursor.offset = offset;
  cursor.end = node.end;
  cursor.min = path.minAt(level, tree.keys);
  cursor.max = maxOf(node);
  return entryAt(node, offset);
}

/** Mirrors mas_state_walk(), lib/maple_tree.c, Linux 6.12: from the root where the status says so. */
export function masStateWalk<K extends Key, V>(cursor: Cursor<K, V>): V | null {
  const entry = masStart(cursor);
  if (cursor.status === 'none') return null;
  if (cursor.status === 'root') return entry;
  return masDescend(cursor);
}

/**
 * Walks from the root to the cursor's index, whatever the status.
 *
 * Mirrors mas_walk(), lib/maple_tree.c, Linux 6.12. There the cursor always restarts, since its test
 * for a usable position is always true.
 *
 * @returns the entry at the index, or null; the cursor's range is that of the slot found
 */
export function masWalk<K extends Key, V>(cursor: Cursor<K, V>): V | null {
  const { keys } = cursor.tree;
  cursor.status = 'start';
  const entry = masStateWalk(cursor);
  if (cursor.is('none')) {
    cursor.index = keys.zero;
    cursor.last = keys.max;
  } else if (cursor.is('root')) {
    if (cursor.index === keys.zero) {
      cursor.last = keys.zero;
      return entry;
    }
    cursor.index = keys.one;
    cursor.last = keys.max;
    cursor.status = 'none';
    return null;
  }
  return entry;
}

/** Whether a cursor's node was replaced under it, which only RCU mode allows. */
export function isDead<K extends Key, V>(cursor: Cursor<K, V>): boolean {
  return cursor.node !== null && cursor.node.state !== LIVE;
}

/** Walks again to a place remembered. Mirrors mas_rewalk(), lib/maple_tree.c, Linux 6.12. */
export function masRewalk<K extends Key, V>(cursor: Cursor<K, V>, index: K): void {
  cursor.tree.counters.restarts++;
  cursor.set(index);
  masStateWalk(cursor);
}

/** Stands the cursor at its index again after the tree was rebuilt around it. */
export function standAgain<K extends Key, V>(cursor: Cursor<K, V>): void {
  cursor.reset();
  // The tree's own cursor is not looked at again.
  if (cursor === cursor.tree.ownCursor) return;
  masStart(cursor);
  if (cursor.is('active')) descendPath(cursor);
}
