// SPDX-License-Identifier: MIT
import type { Cursor } from './cursor.ts';
import type { Key } from './key.ts';
import { sharedOnPath } from './ownership.ts';
import type { StoreType } from './statistics.ts';

/**
 * Where a tree gets the permission for its nodes: kmem_cache_alloc() to the model. Nodes themselves
 * are ordinary objects; this only decides whether there may be one more.
 */
export interface NodeAllocator {
  /** One node at once, under the lock (GFP_NOWAIT). False: not now. */
  tryAllocate(): boolean;
  /**
   * One node, waiting for it with the lock dropped (GFP_KERNEL): others may write to the tree
   * meanwhile. False: -ENOMEM. Absent: never succeeds.
   */
  allocate?(): boolean;
  /** Takes back nodes that a store did not use. */
  release?(count: number): void;
}

/**
 * Takes the nodes that the planned store may need.
 *
 * @returns how many could not be had at once
 */
export function takeNodes<K extends Key, V>(
  cursor: Cursor<K, V>,
  type: StoreType,
  entry: V | null,
): number {
  const { tree } = cursor;
  if (cursor.bulk || cursor.preallocated) return 0;
  const { keys, allocator, inRcu } = tree;
  const oneSlotRoot =
    type === 'store_root' &&
    cursor.last === keys.zero &&
    !(entry !== null && tree.isInternalEntry(entry));
  let count = tree.rules.request(type, tree.height, oneSlotRoot, inRcu);
  if (allocator !== null && type !== 'store_root') count += sharedOnPath(cursor);
  return takeCounted(cursor, count - cursor.allocated);
}

/** @returns how many of `count` nodes could not be had at once */
export function takeCounted<K extends Key, V>(cursor: Cursor<K, V>, count: number): number {
  const { allocator, counters } = cursor.tree;
  for (let missing = count; missing > 0; missing--) {
    if (allocator !== null && !allocator.tryAllocate()) return missing;
    counters.requested++;
    cursor.allocated++;
  }
  return 0;
}

/** Mirrors mas_nomem(), lib/maple_tree.c, Linux 6.12: drops the lock and waits for memory. */
export function waitForNodes<K extends Key, V>(cursor: Cursor<K, V>, count: number): boolean {
  const { allocator, counters } = cursor.tree;
  if (allocator?.allocate === undefined) return false;
  for (let missing = count; missing > 0; missing--) {
    if (!allocator.allocate()) return false;
    counters.requested++;
    cursor.allocated++;
  }
  return true;
}

/** Gives back the nodes in hand and forgets that there were any. */
export function releaseNodes<K extends Key, V>(cursor: Cursor<K, V>): void {
  cursor.tree.allocator?.release?.(cursor.allocated);
  cursor.allocated = 0;
  cursor.bulk = false;
  cursor.preallocated = false;
}
