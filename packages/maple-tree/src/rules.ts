// SPDX-License-Identifier: MIT
import type { Cursor } from './cursor.ts';
import type { StoreType } from './statistics.ts';
import type { Key, KeyMode } from './key.ts';
import type { MapleNode } from './node.ts';
import type { MapleTree } from './tree.ts';
import { leafGap } from './gaps.ts';
import { storeRequest } from './store-type.ts';

/**
 * The decisions of the tree that some kernel got wrong once. A tree follows {@link DOCUMENTED} or
 * {@link LINUX_6_12}; the sub-path `./bugs` has the others. None is on the path of a load or of a
 * store that fits its leaf, except the gap of a leaf in trees that keep gaps.
 */
export interface Rules {
  /**
   * Whether stores for which the decisions below come out as documented may go without them. A tree
   * with a bug must not.
   */
  readonly shortcuts: boolean;
  /**
   * Whether inserting over the whole domain of a one-leaf tree checks that nothing is there. 6.12
   * does not: mas_insert(), lib/maple_tree.c.
   */
  readonly insertChecksNewRoot: boolean;
  /**
   * Whether a stretch of `distance + 1` indices has room for `size`. In 6.12 the sum wraps to 0 where
   * the stretch is the whole domain: mas_rev_awalk(), mas_anode_descend().
   */
  holds<K extends Key>(distance: K, size: K, keys: KeyMode<K>): boolean;
  /** The offset of a node in its parent as its parent word tells it: mte_parent_slot(). */
  parentSlot(offset: number): number;
  /** Which in-place stores RCU mode allows: mas_wr_store_type(). */
  readonly appendUnderRcu: boolean;
  readonly slotStoreUnderRcu: boolean;
  /** Whether replaced nodes wait for a grace period: ma_free_rcu(). */
  readonly waitsForGracePeriod: boolean;
  /** Whether something of the right leaf is left of a spanning store: mas_wr_spanning_store(). */
  rightLeafRemains<K extends Key>(last: K, leafMax: K, offset: number, end: number): boolean;
  /** Whether the right path of a spanning store begins where the span was seen, or at the root. */
  readonly rightPathFromSpan: boolean;
  /** Whether a spanning store of null looks for nulls behind it: mas_extend_spanning_null(). */
  readonly spanningNullLooksRight: boolean;
  /** Whether the paths enclose the whole tree, so that no neighbour is left to merge with. */
  coversTree(leftmost: boolean, rightmost: boolean): boolean;
  /** Whether a node with this END is too small: mast_sufficient(), mas_is_big_node_sufficient(). */
  insufficient(end: number, minEnd: number): boolean;
  /** Whether a leaf may be cut so that it ends in null: mab_no_null_split(). */
  readonly cutsAvoidNull: boolean;
  /** Nodes to ask for before a store: mas_prealloc_calc(). */
  request(type: StoreType, height: number, oneSlotRoot: boolean, rcu: boolean): number;
  /** Whether a store retried after waiting for memory forgets how far null had reached. */
  readonly retryForgetsExpansion: boolean;
  /** Whether mas_destroy() repairs the last leaf after bulk loading. */
  readonly repairsBulkTail: boolean;
  /** Longest run of null in a leaf: mas_leaf_max_gap(). */
  leafGap<K extends Key, V>(node: MapleNode<K, V>, min: K, tree: MapleTree<K, V>): K;
  /** Whether a parent's own maximum changed, so that its parent must hear: mas_parent_gap(). */
  gapRises(changed: boolean): boolean;
  /** Last offset that a forward gap search looks at: mas_anode_descend(). */
  searchEnd(end: number): number;
  /** Whether a reverse gap search minds the window's lower bound: mas_rev_awalk(). */
  readonly reverseMindsLowerBound: boolean;
  /** Whether a tree without nodes answers a reverse search from the top: mas_sparse_area(). */
  readonly sparseReverseFromTop: boolean;
  /** What a successful gap search does to the cursor's node bounds: nothing, since 6.4. */
  afterSearch<K extends Key, V>(cursor: Cursor<K, V>): void;
  /** What a cursor that meets the lower limit becomes: mas_prev_setup(), Linux 6.6. */
  readonly lowerLimitStatus: 'underflow' | 'none';
  /** Whether a cursor that met a limit before any walk walks when it goes on. */
  readonly limitBeforeWalkStarts: boolean;
  /** Whether the second search of a cyclic allocation resets the cursor: mas_alloc_cyclic(). */
  readonly cyclicResets: boolean;
  /** Whether destroying an RCU tree frees the last child of a full range node. */
  readonly destroysFullNodes: boolean;
}

/** The documented behaviour: what Documentation/core-api/maple_tree.rst and the headers promise. */
export const DOCUMENTED: Rules = Object.freeze<Rules>({
  shortcuts: true,
  insertChecksNewRoot: true,
  holds: (distance, size, keys) => distance >= keys.previous(size),
  parentSlot: (offset) => offset,
  appendUnderRcu: false,
  slotStoreUnderRcu: false,
  waitsForGracePeriod: true,
  rightLeafRemains: (last, leafMax) => leafMax > last,
  rightPathFromSpan: true,
  spanningNullLooksRight: true,
  coversTree: (leftmost, rightmost) => leftmost && rightmost,
  insufficient: (end, minEnd) => end < minEnd,
  cutsAvoidNull: true,
  request: storeRequest,
  retryForgetsExpansion: true,
  repairsBulkTail: true,
  leafGap,
  gapRises: (changed) => changed,
  searchEnd: (end) => end,
  reverseMindsLowerBound: true,
  sparseReverseFromTop: true,
  afterSearch: () => undefined,
  lowerLimitStatus: 'underflow',
  limitBeforeWalkStarts: true,
  cyclicResets: true,
  destroysFullNodes: true,
});

/**
 * What Linux 6.12 does, including two answers that are wrong by its documentation. Exact replay of a
 * real kernel needs it.
 */
export const LINUX_6_12: Rules = Object.freeze<Rules>({
  ...DOCUMENTED,
  insertChecksNewRoot: false,
  holds: (distance, size, keys) => distance !== keys.max && distance >= keys.previous(size),
});
