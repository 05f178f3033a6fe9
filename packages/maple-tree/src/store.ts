// SPDX-License-Identifier: MIT
import { noteBulkStore } from './bulk.ts';
import type { Cursor } from './cursor.ts';
import { storeDirect } from './direct.ts';
import { EEXIST, EINVAL, ENOMEM } from './errno.ts';
import { updateGap } from './gaps.ts';
import type { Key } from './key.ts';
import { editLeaf } from './leaf-edit.ts';
import { entryAt, type MapleNode } from './node.ts';
import { ownPath, putInTree } from './ownership.ts';
import { retireNode } from './rcu.ts';
import { rebalanceLeaf, spanningStore } from './rebuild.ts';
import { releaseNodes, takeNodes, waitForNodes } from './reserve.ts';
import { splitStore } from './split.ts';
import { newRoot, storeRoot } from './store-root.ts';
import type { StoreType } from './statistics.ts';
import { planStore, type StorePlan } from './store-type.ts';
import { masStart, masStateWalk, masWalk } from './walk.ts';

/** Mirrors mas_store_gfp(), lib/maple_tree.c, Linux 6.12. */
export function masStoreGfp<K extends Key, V>(cursor: Cursor<K, V>, entry: V | null): number {
  const code = storeWaiting(cursor, entry);
  releaseNodes(cursor);
  return code;
}

/** Plans, takes the nodes, waiting for them if it must, and stores. */
function storeWaiting<K extends Key, V>(cursor: Cursor<K, V>, entry: V | null): number {
  const { index, last } = cursor;
  if (index > last) return EINVAL;
  if (storeInPlaceOfPlan(cursor, entry)) return 0;
  for (;;) {
    const type = planStore(cursor, entry);
    const missing = takeNodes(cursor, type, entry);
    if (missing === 0) {
      storeEntry(cursor, type);
      return 0;
    }
    if (!waitForNodes(cursor, missing)) {
      cursor.index = index;
      cursor.last = last;
      return fail(cursor, ENOMEM);
    }
    // Others may have written while the lock was dropped: nothing that the plan saw still holds.
    if (cursor.tree.rules.retryForgetsExpansion) {
      cursor.index = index;
      cursor.last = last;
    }
    cursor.reset();
  }
}

/**
 * Stores without a plan where the tree's shape is free, and stands the cursor at what it wrote. The
 * simple interface has tried that already.
 */
function storeInPlaceOfPlan<K extends Key, V>(cursor: Cursor<K, V>, entry: V | null): boolean {
  const { index, last, tree } = cursor;
  if (tree.geometry.rebuildsToRoot || cursor === tree.ownCursor) return false;
  if (!storeDirect(tree, index, last, entry)) return false;
  cursor.storeType = tree.work.place.type;
  masWalk(cursor);
  return true;
}

/** Mirrors mas_store(), lib/maple_tree.c, Linux 6.12. */
export function masStore<K extends Key, V>(cursor: Cursor<K, V>, entry: V | null): V | null {
  const { index, last, tree } = cursor;
  if (index > last) {
    fail(cursor, EINVAL);
    return null;
  }
  if (storeInPlaceOfPlan(cursor, entry)) return tree.work.place.content;
  const type = planStore(cursor, entry);
  // Neither of these two has walked to a slot: a cursor that stood at the root did not start again.
  const isUnseen = type === 'spanning_store' || type === 'store_root';
  const before = isUnseen ? tree.cursor(index).walk() : tree.work.plan.content;
  if (takeNodes(cursor, type, entry) > 0) {
    cursor.index = index;
    cursor.last = last;
    releaseNodes(cursor);
    fail(cursor, ENOMEM);
    return null;
  }
  storeEntry(cursor, type);
  if (!cursor.bulk) releaseNodes(cursor);
  return before;
}

/**
 * Stores where nothing is. Mirrors mas_insert(), lib/maple_tree.c, Linux 6.12: the plan and its nodes
 * come before the test, and a write that leaves one leaf is refused without looking further.
 *
 * @returns 0, -EINVAL where index > last, -EEXIST or -ENOMEM
 */
export function masInsert<K extends Key, V>(cursor: Cursor<K, V>, entry: V | null): number {
  const { index, last } = cursor;
  if (index > last) return EINVAL;
  const code = insertWaiting(cursor, entry);
  releaseNodes(cursor);
  if (code < 0) {
    cursor.index = index;
    cursor.last = last;
    return fail(cursor, code === ENOMEM ? ENOMEM : EEXIST);
  }
  return 0;
}

function insertWaiting<K extends Key, V>(cursor: Cursor<K, V>, entry: V | null): number {
  const { index, last, tree } = cursor;
  for (;;) {
    if (masStart(cursor) !== null) return EEXIST;
    const type = planStore(cursor, entry);
    const missing = takeNodes(cursor, type, entry);
    if (missing === 0) {
      if (isOccupied(cursor, type)) return EEXIST;
      storeEntry(cursor, type);
      return 0;
    }
    if (!waitForNodes(cursor, missing)) return ENOMEM;
    cursor.set(index, last);
    tree.work.plan.content = null;
  }
}

/** Whether an insert with this plan would overwrite something. */
function isOccupied<K extends Key, V>(cursor: Cursor<K, V>, type: StoreType): boolean {
  const { tree } = cursor;
  if (type === 'spanning_store') return true;
  if (type === 'store_root') return false;
  if (type === 'new_root' && !tree.rules.insertChecksNewRoot) return false;
  return tree.work.plan.content !== null || cursor.last > cursor.slotLast();
}

/** Mirrors mas_erase(), lib/maple_tree.c, Linux 6.12. */
export function masErase<K extends Key, V>(cursor: Cursor<K, V>): V | null {
  const { index } = cursor;
  for (;;) {
    cursor.status = 'start';
    const entry = masStateWalk(cursor);
    if (entry === null) return null;
    // From the root again, or a write that ends its leaf would not be seen to span.
    cursor.reset();
    const type = planStore(cursor, null);
    const missing = takeNodes(cursor, type, null);
    if (missing === 0) {
      storeEntry(cursor, type);
      releaseNodes(cursor);
      return entry;
    }
    cursor.index = cursor.last = index;
    if (!waitForNodes(cursor, missing)) {
      releaseNodes(cursor);
      fail(cursor, ENOMEM);
      return null;
    }
  }
}

/** Mirrors mas_preallocate(), lib/maple_tree.c, Linux 6.12. */
export function masPreallocate<K extends Key, V>(cursor: Cursor<K, V>, entry: V | null): number {
  const { index, last } = cursor;
  if (index > last) return EINVAL;
  const type = planStore(cursor, entry);
  const missing = takeNodes(cursor, type, entry);
  cursor.index = index;
  cursor.last = last;
  if (missing > 0 && !waitForNodes(cursor, missing)) {
    releaseNodes(cursor);
    cursor.reset();
    return ENOMEM;
  }
  cursor.preallocated = true;
  return 0;
}

/** Mirrors mas_store_prealloc(), lib/maple_tree.c, Linux 6.12. */
export function masStorePrealloc<K extends Key, V>(cursor: Cursor<K, V>, entry: V | null): void {
  if (!cursor.preallocated) {
    throw new Error('cursor: expected preallocate() before storePrealloc(), got none');
  }
  storeEntry(cursor, planStore(cursor, entry));
  releaseNodes(cursor);
}

/** Makes the planned store. Mirrors mas_wr_store_entry(), lib/maple_tree.c, Linux 6.12. */
export function storeEntry<K extends Key, V>(cursor: Cursor<K, V>, type: StoreType): void {
  const { tree } = cursor;
  const { plan } = tree.work;
  const { stores } = tree.counters;
  tree.version++;
  cursor.storeType = type;
  switch (type) {
    case 'store_root':
      stores.store_root++;
      return storeRoot(cursor, plan.entry);
    case 'new_root':
      stores.new_root++;
      return newRoot(cursor, plan.entry);
    case 'exact_fit':
      stores.exact_fit++;
      return exactFit(cursor, plan.entry);
    case 'append':
    case 'slot_store':
      if (type === 'append') stores.append++;
      else stores.slot_store++;
      ownPath(tree, cursor.path, cursor.path.level);
      return storeInPlace(cursor, cursor.path.node(cursor.path.level));
    case 'node_store':
      stores.node_store++;
      return nodeStore(cursor);
    case 'rebalance':
      stores.rebalance++;
      return rebalanceLeaf(cursor);
    case 'split_store':
      stores.split_store++;
      return splitStore(cursor);
    case 'spanning_store':
      stores.spanning_store++;
      if (cursor.index === tree.keys.zero && cursor.last === tree.keys.max) {
        return newRoot(cursor, plan.entry);
      }
      return spanningStore(cursor);
  }
}

function exactFit<K extends Key, V>(cursor: Cursor<K, V>, entry: V | null): void {
  const { offset, path, tree } = cursor;
  ownPath(tree, path, path.level);
  const leaf = path.node(path.level);
  cursor.node = leaf;
  const changesGap = (entry === null) !== (entryAt(leaf, offset) === null);
  leaf.entries[offset] = entry;
  if (changesGap && tree.nodes.hasGaps) updateGap(tree, path, path.level, cursor.min);
}

/** Rewrites the leaf: in place, or as a new node where readers may hold the old one. */
function nodeStore<K extends Key, V>(cursor: Cursor<K, V>): void {
  const { path, tree } = cursor;
  noteBulkStore(cursor);
  if (!tree.inRcu) {
    ownPath(tree, path, path.level);
    storeInPlace(cursor, path.node(path.level));
    return;
  }
  const old = path.node(path.level);
  const leaf = tree.nodes.clone(old, tree.owner);
  tree.counters.used++;
  applyPlan(cursor, leaf, tree.work.plan);
  tree.nodeCount++;
  putInTree(tree, path, path.level, leaf);
  retireNode(tree, old);
}

function storeInPlace<K extends Key, V>(cursor: Cursor<K, V>, leaf: MapleNode<K, V>): void {
  const { path, tree } = cursor;
  applyPlan(cursor, leaf, tree.work.plan);
  if (tree.nodes.hasGaps) updateGap(tree, path, path.level, cursor.min);
}

/** Edits the leaf as planned, and stands the cursor at the slot of the entry. */
function applyPlan<K extends Key, V>(
  cursor: Cursor<K, V>,
  leaf: MapleNode<K, V>,
  plan: StorePlan<K, V>,
): void {
  const { index, last, tree } = cursor;
  const { keys } = tree;
  const keepsFirst = plan.rMin < index;
  const before = keepsFirst ? keys.previous(index) : index;
  const at = editLeaf(
    leaf,
    cursor.offset,
    plan.offsetEnd,
    keepsFirst,
    keys.image(before),
    keys.tail(before),
    keys.image(last),
    keys.tail(last),
    last < plan.endPivot,
    plan.entry,
  );
  cursor.node = leaf;
  cursor.offset = at;
  cursor.path.offsets[cursor.path.level] = at;
  cursor.end = leaf.end;
}

function fail<K extends Key, V>(
  cursor: Cursor<K, V>,
  errno: typeof EEXIST | typeof EINVAL | typeof ENOMEM,
): number {
  cursor.status = 'error';
  cursor.node = null;
  cursor.errno = errno;
  return errno;
}
