// SPDX-License-Identifier: MIT
import type { Cursor } from './cursor.ts';
import { LIVE, childAt, entryAt, maxOf, pivotAt } from './node.ts';
import { isDead, masRewalk, masWalk } from './walk.ts';
import type { Key } from './key.ts';

/** What is left after the setup of a step: nothing, with the answer in the cursor, or the step. */
type Setup = 'done' | 'step';

/**
 * Next entry, or with `empty` the next slot of any content, that starts at or below `max`.
 *
 * Mirrors mas_next() and mas_next_range(), lib/maple_tree.c, Linux 6.12. Where the limit is met the
 * status is `overflow` and the range is that of the last slot visited.
 */
export function masNext<K extends Key, V>(cursor: Cursor<K, V>, max: K, empty: boolean): V | null {
  if (nextSetup(cursor, max) === 'done') return cursor.takeFound();
  return nextSlot(cursor, max, empty);
}

/** Mirrors mas_next_setup(). */
function nextSetup<K extends Key, V>(cursor: Cursor<K, V>, max: K): Setup {
  const { keys } = cursor.tree;
  const wasNone = cursor.status === 'none';
  if (cursor.last >= max) {
    cursor.status = 'overflow';
    return 'done';
  }
  switch (cursor.status) {
    case 'active':
      return 'step';
    case 'none':
    case 'pause':
    case 'start':
      masWalk(cursor);
      break;
    case 'overflow':
      goOnAfterLimit(cursor);
      if (cursor.is('start')) masWalk(cursor);
      break;
    case 'underflow':
      cursor.found = masWalk(cursor);
      if (cursor.found !== null) return 'done';
      break;
    case 'root':
      break;
    case 'error':
      return 'done';
  }
  if (cursor.is('active')) return 'step';
  if (cursor.is('root')) {
    if (wasNone && cursor.index === keys.zero) {
      cursor.index = cursor.last = keys.zero;
      return 'done';
    }
    cursor.index = keys.one;
    cursor.last = keys.max;
    cursor.status = 'none';
  }
  return 'done';
}

/**
 * A cursor that met a limit goes on where it stands. One that met it before any walk stands nowhere:
 * 6.12 then follows a null node; here it starts at the root, as upstream does since 2025.
 */
export function goOnAfterLimit<K extends Key, V>(cursor: Cursor<K, V>): void {
  const stands = cursor.node !== null || !cursor.tree.rules.limitBeforeWalkStarts;
  cursor.status = stands ? 'active' : 'start';
}

/** Steps an active cursor forward. Mirrors mas_next_slot(). */
export function nextSlot<K extends Key, V>(cursor: Cursor<K, V>, max: K, empty: boolean): V | null {
  const { keys } = cursor.tree;
  if (isDead(cursor)) masRewalk(cursor, cursor.last);
  if (!cursor.is('active')) return null;
  if (cursor.max >= max && cursor.slotLast() >= max) {
    cursor.status = 'overflow';
    return null;
  }
  for (;;) {
    if (cursor.offset < cursor.end) {
      const node = cursor.nodeOrThrow();
      cursor.index = keys.next(pivotAt(node, cursor.offset));
      cursor.offset++;
      // The END remembered, not the node's: only in-place appends, which RCU forbids, tell them apart.
      cursor.last = cursor.offset < cursor.end ? pivotAt(node, cursor.offset) : cursor.max;
    } else {
      if (cursor.last >= max) {
        cursor.status = 'overflow';
        return null;
      }
      nextNode(cursor, max);
      if (!cursor.is('active')) return null;
    }
    const entry = entryAt(cursor.nodeOrThrow(), cursor.offset);
    if (entry !== null || empty) return entry;
    if (cursor.last >= max) {
      cursor.status = 'overflow';
      return null;
    }
  }
}

/** Moves an active cursor to the first slot of the next leaf. Mirrors mas_next_node(). */
function nextNode<K extends Key, V>(cursor: Cursor<K, V>, max: K): void {
  const { path, tree } = cursor;
  if (cursor.max >= max) {
    cursor.status = 'overflow';
    return;
  }
  const leafLevel = path.level;
  const min = tree.keys.next(cursor.max);
  let level = leafLevel;
  do {
    if (level === 0) {
      cursor.status = 'overflow';
      return;
    }
    level--;
    if (path.node(level).state !== LIVE) {
      masRewalk(cursor, cursor.last);
      return nextNode(cursor, max);
    }
  } while (path.offset(level) === path.node(level).end);
  path.set(level, path.node(level), path.offset(level) + 1);
  let node = childAt(path.node(level), path.offset(level));
  for (level++; level < leafLevel; level++) {
    path.set(level, node, 0);
    node = childAt(node, 0);
  }
  path.set(leafLevel, node, 0);
  cursor.node = node;
  cursor.offset = 0;
  cursor.end = node.end;
  cursor.min = min;
  cursor.max = maxOf(node);
  cursor.index = min;
  cursor.last = pivotAt(node, 0);
}

/**
 * Previous entry, or with `empty` the previous slot of any content, that ends at or above `min`.
 *
 * Mirrors mas_prev() and mas_prev_range(), lib/maple_tree.c, Linux 6.12. Where the limit is met the
 * status is `underflow`.
 */
export function masPrev<K extends Key, V>(cursor: Cursor<K, V>, min: K, empty: boolean): V | null {
  if (prevSetup(cursor, min) === 'done') return cursor.takeFound();
  return prevSlot(cursor, min, empty);
}

/** Mirrors mas_prev_setup(). */
function prevSetup<K extends Key, V>(cursor: Cursor<K, V>, min: K): Setup {
  const { keys, rootEntry, rules } = cursor.tree;
  if (cursor.index <= min) {
    cursor.status = rules.lowerLimitStatus;
    return 'done';
  }
  switch (cursor.status) {
    case 'active':
      return 'step';
    case 'start':
    case 'none':
    case 'pause':
      masWalk(cursor);
      break;
    case 'underflow':
      goOnAfterLimit(cursor);
      if (cursor.is('start')) masWalk(cursor);
      break;
    case 'overflow':
      cursor.found = masWalk(cursor);
      if (cursor.found !== null) return 'done';
      break;
    case 'root':
      break;
    case 'error':
      return 'done';
  }
  if (cursor.is('root')) {
    if (cursor.index === keys.zero) {
      cursor.status = 'none';
      return 'done';
    }
    cursor.index = cursor.last = keys.zero;
    cursor.found = rootEntry;
    return 'done';
  }
  if (cursor.is('none')) {
    if (cursor.index !== keys.zero) {
      cursor.index = cursor.last = keys.zero;
      cursor.status = 'root';
      cursor.found = rootEntry;
    }
    return 'done';
  }
  return 'step';
}

/** Steps an active cursor backward. Mirrors mas_prev_slot(). */
export function prevSlot<K extends Key, V>(cursor: Cursor<K, V>, min: K, empty: boolean): V | null {
  const { keys, rules } = cursor.tree;
  if (isDead(cursor)) masRewalk(cursor, cursor.index);
  if (!cursor.is('active')) return null;
  if (cursor.min <= min && cursor.slotFirst() <= min) {
    cursor.status = rules.lowerLimitStatus;
    return null;
  }
  for (;;) {
    if (cursor.offset > 0) {
      cursor.offset--;
      // Not the slot's own bound: the two differ after a gap search, whose range is no slot's.
      cursor.last = keys.previous(cursor.index);
      cursor.index = cursor.slotFirst();
    } else {
      if (cursor.index <= min) {
        cursor.status = rules.lowerLimitStatus;
        return null;
      }
      prevNode(cursor, min);
      if (!cursor.is('active')) return null;
    }
    const entry = entryAt(cursor.nodeOrThrow(), cursor.offset);
    if (entry !== null || empty) return entry;
    if (cursor.index <= min) {
      cursor.status = rules.lowerLimitStatus;
      return null;
    }
  }
}

/** Moves an active cursor to the last slot of the previous leaf. Mirrors mas_prev_node(). */
function prevNode<K extends Key, V>(cursor: Cursor<K, V>, min: K): void {
  const { path, tree } = cursor;
  if (cursor.min === tree.keys.zero || tree.keys.previous(cursor.min) < min) {
    cursor.status = tree.rules.lowerLimitStatus;
    return;
  }
  const leafLevel = path.level;
  const max = tree.keys.previous(cursor.min);
  let level = leafLevel;
  do {
    if (level === 0) {
      cursor.status = tree.rules.lowerLimitStatus;
      return;
    }
    level--;
    if (path.node(level).state !== LIVE) {
      masRewalk(cursor, cursor.index);
      return prevNode(cursor, min);
    }
  } while (path.offset(level) === 0);
  path.set(level, path.node(level), path.offset(level) - 1);
  let node = childAt(path.node(level), path.offset(level));
  for (level++; level < leafLevel; level++) {
    path.set(level, node, node.end);
    node = childAt(node, node.end);
  }
  path.set(leafLevel, node, node.end);
  cursor.node = node;
  cursor.offset = cursor.end = node.end;
  cursor.max = max;
  cursor.min = path.minAt(leafLevel, tree.keys);
  cursor.last = max;
  cursor.index = cursor.slotFirst();
}
