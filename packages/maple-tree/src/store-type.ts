// SPDX-License-Identifier: MIT
import type { Cursor } from './cursor.ts';
import type { Key } from './key.ts';
import { childAt, entryAt, maxOf, pivotAt, slotOf } from './node.ts';
import type { StoreType } from './statistics.ts';
import { masStart } from './walk.ts';

/**
 * What a store knows of the leaf it will change: struct ma_wr_state, lib/maple_tree.c, Linux 6.12.
 * A tree has one and fills it anew for each store.
 */
export class StorePlan<K extends Key, V> {
  entry: V | null = null;
  /** The entry at the store's index before it. */
  content: V | null = null;
  /** Lower bound of the slot where the store begins. */
  declare rMin: K; // Declared, not defined, for the reason that Cursor gives.
  /** The slot where it ends, and that slot's upper bound. */
  offsetEnd = 0;
  declare endPivot: K;
  /** The leaf's END after the store. */
  newEnd = 0;

  constructor(zero: K) {
    this.rMin = zero;
    this.endPivot = zero;
  }
}

/**
 * Decides how an entry will be stored over the cursor's range, and leaves the cursor at the leaf, or
 * at the node where the write was seen to span. Null widens the range over nulls beside it.
 *
 * Mirrors mas_wr_prealloc_setup() and mas_wr_store_type(), lib/maple_tree.c, Linux 6.12, in their
 * order of checks.
 */
export function planStore<K extends Key, V>(cursor: Cursor<K, V>, entry: V | null): StoreType {
  const { tree } = cursor;
  const { plan } = tree.work;
  plan.entry = entry;
  plan.content = startStore(cursor, entry);
  if (cursor.is('none') || cursor.is('root')) return 'store_root';
  if (!walkForStore(cursor, entry)) return 'spanning_store';
  findStoreEnd(cursor);
  if (entry === null) widenNull(cursor);
  const { end, index, last, offset } = cursor;
  const startsSlot = plan.rMin === index;
  const endsSlot = plan.endPivot === last;
  plan.newEnd = end + 2 - (plan.offsetEnd - offset) - (startsSlot ? 1 : 0) - (endsSlot ? 1 : 0);
  if (startsSlot && last === pivotAt(cursor.nodeOrThrow(), offset)) return 'exact_fit';
  if (index === tree.keys.zero && last === tree.keys.max) return 'new_root';
  return typeBySize(cursor);
}

/** The kind of a store that stays inside one leaf, by the room it needs there. */
function typeBySize<K extends Key, V>(cursor: Cursor<K, V>): StoreType {
  const { end, offset, path, tree } = cursor;
  const { newEnd, offsetEnd } = tree.work.plan;
  const { leafMin, leafSlots } = tree.geometry;
  if (newEnd < leafMin) return path.level > 0 && !cursor.bulk ? 'rebalance' : 'node_store';
  if (newEnd >= leafSlots) return 'split_store';
  const rcu = tree.inRcu;
  if (offset === end && (!rcu || tree.rules.appendUnderRcu)) return 'append';
  const shiftsPivots = newEnd === end;
  if (shiftsPivots && (!rcu || offsetEnd - offset === 1 || tree.rules.slotStoreUnderRcu)) {
    return 'slot_store';
  }
  return 'node_store';
}

/**
 * Sees to it that the walk begins at the root unless the cursor stands at a node that holds the whole
 * store. Mirrors mas_wr_prealloc_setup().
 */
function startStore<K extends Key, V>(cursor: Cursor<K, V>, entry: V | null): V | null {
  switch (cursor.status) {
    case 'active': {
      const ends = entry === null && cursor.nodeOrThrow().leaf && cursor.last === cursor.max;
      if (cursor.last > cursor.max || ends) cursor.reset();
      break;
    }
    case 'start':
      break;
    case 'root':
      // As in 6.12 the status stays; but a tree that has nodes by now is walked.
      if (cursor.tree.root !== null) cursor.reset();
      break;
    default:
      cursor.reset();
  }
  return masStart(cursor);
}

/**
 * Walks down to the leaf of the store's index.
 *
 * Mirrors mas_wr_walk() and mas_is_span_wr(), lib/maple_tree.c, Linux 6.12.
 *
 * @returns false at the first node whose slot the store leaves, or would end with null
 */
function walkForStore<K extends Key, V>(cursor: Cursor<K, V>, entry: V | null): boolean {
  const { index, last, path, tree } = cursor;
  const { keys } = tree;
  const { plan } = tree.work;
  const image = keys.image(index);
  const tail = keys.tail(index);
  const top = path.level;
  let level = top;
  let node = path.node(level);
  let offset = slotOf(node, image, tail);
  while (!node.leaf) {
    path.offsets[level] = offset;
    const slotLast = pivotAt(node, offset);
    if (last > slotLast || (last === slotLast && entry === null && last !== keys.max)) {
      standAt(cursor, level, offset, top);
      return false;
    }
    node = childAt(node, offset);
    level++;
    path.nodes[level] = node;
    offset = slotOf(node, image, tail);
  }
  path.offsets[level] = offset;
  standAt(cursor, level, offset, top);
  plan.content = entryAt(node, offset);
  plan.rMin = offset > 0 ? keys.next(pivotAt(node, offset - 1)) : cursor.min;
  return true;
}

function standAt<K extends Key, V>(
  cursor: Cursor<K, V>,
  level: number,
  offset: number,
  top: number,
): void {
  const { path, tree } = cursor;
  const node = path.node(level);
  path.level = level;
  cursor.node = node;
  cursor.offset = offset;
  cursor.end = node.end;
  cursor.max = maxOf(node);
  if (level > top) cursor.min = path.minAt(level, tree.keys);
}

/** The slot where the store ends. Mirrors mas_wr_end_piv(). */
function findStoreEnd<K extends Key, V>(cursor: Cursor<K, V>): void {
  const { last, offset, tree } = cursor;
  const node = cursor.nodeOrThrow();
  let end = offset;
  while (pivotAt(node, end) < last) end++;
  tree.work.plan.offsetEnd = end;
  tree.work.plan.endPivot = pivotAt(node, end);
}

/** Widens a store of null over the null slots at its ends. Mirrors mas_wr_extend_null(). */
function widenNull<K extends Key, V>(cursor: Cursor<K, V>): void {
  const { keys } = cursor.tree;
  const { plan } = cursor.tree.work;
  const node = cursor.nodeOrThrow();
  if (entryAt(node, plan.offsetEnd) === null) {
    cursor.last = plan.endPivot;
  } else if (
    cursor.last === plan.endPivot &&
    plan.offsetEnd < cursor.end &&
    entryAt(node, plan.offsetEnd + 1) === null
  ) {
    plan.offsetEnd++;
    plan.endPivot = cursor.last = pivotAt(node, plan.offsetEnd);
  }
  if (plan.content === null) {
    cursor.index = plan.rMin;
  } else if (
    cursor.index === plan.rMin &&
    cursor.offset > 0 &&
    entryAt(node, cursor.offset - 1) === null
  ) {
    cursor.offset--;
    cursor.path.offsets[cursor.path.level] = cursor.offset;
    plan.rMin = cursor.index =
      cursor.offset > 0 ? keys.next(pivotAt(node, cursor.offset - 1)) : cursor.min;
  }
}

/**
 * The most nodes that a store can need. Mirrors mas_prealloc_calc(), lib/maple_tree.c, Linux 6.12.
 *
 * @param height of the tree before the store
 * @param oneSlotRoot whether the store goes to the root word: [0, 0], and not an internal entry
 * @param rcu whether the tree is in RCU mode
 */
export function storeRequest(
  type: StoreType,
  height: number,
  oneSlotRoot: boolean,
  rcu: boolean,
): number {
  switch (type) {
    case 'store_root':
      return oneSlotRoot ? 0 : 1;
    case 'new_root':
      return 1;
    case 'spanning_store':
      return 3 * height + 1;
    case 'split_store':
      return 2 * height + 1;
    case 'rebalance':
      return 2 * height - 1;
    case 'node_store':
      return rcu ? 1 : 0;
    case 'exact_fit':
    case 'append':
    case 'slot_store':
      return 0;
  }
}
