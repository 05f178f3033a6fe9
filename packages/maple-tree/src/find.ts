// SPDX-License-Identifier: MIT
import type { Cursor } from './cursor.ts';
import { goOnAfterLimit, nextSlot, prevSlot } from './next.ts';
import { masWalk } from './walk.ts';
import type { Key } from './key.ts';

type Setup = 'done' | 'step';

/**
 * First call: the entry at or after the cursor's index; later calls: the entry after its range; up to
 * `max`. Mirrors mas_find(), lib/maple_tree.c, Linux 6.12.
 */
export function masFind<K extends Key, V>(cursor: Cursor<K, V>, max: K): V | null {
  if (findSetup(cursor, max) === 'done') return cursor.takeFound();
  const entry = nextSlot(cursor, max, false);
  cursor.status = 'active'; // An overflow is forgotten.
  return entry;
}

/** As {@link masFind}, but later calls stop at every slot, null ones too. Mirrors mas_find_range(). */
export function masFindRange<K extends Key, V>(cursor: Cursor<K, V>, max: K): V | null {
  if (findSetup(cursor, max) === 'done') return cursor.takeFound();
  return nextSlot(cursor, max, true);
}

/** Mirrors mas_find_setup(). */
function findSetup<K extends Key, V>(cursor: Cursor<K, V>, max: K): Setup {
  const { keys } = cursor.tree;
  switch (cursor.status) {
    case 'active':
      return cursor.last < max ? 'step' : 'done';
    case 'start':
      break;
    case 'pause':
      if (cursor.last >= max) return 'done';
      cursor.index = cursor.last = keys.next(cursor.last);
      cursor.status = 'start';
      break;
    case 'none':
      if (cursor.last >= max) return 'done';
      cursor.index = cursor.last;
      cursor.status = 'start';
      break;
    case 'underflow':
      if (cursor.index >= max) {
        cursor.status = 'overflow';
        return 'done';
      }
      cursor.found = masWalk(cursor);
      if (cursor.found !== null) return 'done';
      break;
    case 'overflow':
      if (cursor.last >= max) return 'done';
      cursor.found = masWalk(cursor);
      if (cursor.found !== null) return 'done';
      break;
    case 'root':
      break;
    case 'error':
      return 'done';
  }
  if (cursor.is('start')) {
    if (cursor.index > max) return 'done';
    cursor.found = masWalk(cursor);
    if (cursor.found !== null) return 'done';
  }
  if (cursor.is('root')) {
    cursor.status = 'none';
    cursor.index = keys.one;
    cursor.last = keys.max;
    return 'done';
  }
  if (cursor.is('none') || cursor.index === max) return 'done';
  return 'step';
}

/**
 * First call: the entry at or before the cursor's index; later calls: the entry before its range;
 * down to `min`. Mirrors mas_find_rev(), lib/maple_tree.c, Linux 6.12.
 */
export function masFindRev<K extends Key, V>(cursor: Cursor<K, V>, min: K): V | null {
  if (findRevSetup(cursor, min) === 'done') return cursor.takeFound();
  return prevSlot(cursor, min, false);
}

/** As {@link masFindRev}, slot by slot. Mirrors mas_find_range_rev(). */
export function masFindRangeRev<K extends Key, V>(cursor: Cursor<K, V>, min: K): V | null {
  if (findRevSetup(cursor, min) === 'done') return cursor.takeFound();
  return prevSlot(cursor, min, true);
}

/** Mirrors mas_find_rev_setup(). */
function findRevSetup<K extends Key, V>(cursor: Cursor<K, V>, min: K): Setup {
  const { keys, rootEntry } = cursor.tree;
  switch (cursor.status) {
    case 'active':
      return cursor.index < min ? 'done' : 'step';
    case 'start':
      break;
    case 'pause':
      if (cursor.index <= min) {
        cursor.status = 'underflow';
        return 'done';
      }
      cursor.index = cursor.last = keys.previous(cursor.index);
      cursor.status = 'start';
      break;
    case 'none':
      if (cursor.index <= min) return 'done';
      cursor.last = cursor.index;
      cursor.status = 'start';
      break;
    case 'overflow':
      if (cursor.index <= min) {
        cursor.status = 'underflow';
        return 'done';
      }
      goOnAfterLimit(cursor);
      break;
    case 'underflow':
      if (cursor.index <= min) return 'done';
      goOnAfterLimit(cursor);
      break;
    case 'root':
      break;
    case 'error':
      return 'done';
  }
  if (cursor.is('start')) {
    if (cursor.index < min) return 'done';
    cursor.found = masWalk(cursor);
    if (cursor.found !== null) return 'done';
  }
  if (cursor.is('root')) {
    cursor.status = 'none';
    return 'done';
  }
  if (cursor.is('none')) {
    // Walked, and there was nothing: the place before is index 0.
    cursor.index = cursor.last = keys.zero;
    cursor.status = 'root';
    cursor.found = rootEntry;
    return 'done';
  }
  return cursor.index < min ? 'done' : 'step';
}
