// SPDX-License-Identifier: MIT

/** The kinds of store, enum store_type of include/linux/maple_tree.h, Linux 6.12. */
export const STORE_TYPES = [
  'store_root',
  'new_root',
  'exact_fit',
  'append',
  'slot_store',
  'node_store',
  'rebalance',
  'split_store',
  'spanning_store',
] as const;

/** The name of a kind of store. */
export type StoreType = (typeof STORE_TYPES)[number];

/** What a tree has done since it was made. All counts. */
export interface Statistics {
  /** Stores of each kind. */
  readonly stores: Readonly<Record<StoreType, number>>;
  /** Nodes asked of the allocator, the worst case of each store; those not used are given back. */
  readonly requested: number;
  /** Nodes built by stores. */
  readonly used: number;
  /** Nodes that left the tree. */
  readonly freed: number;
  /** Nodes copied only because a snapshot shared them. */
  readonly cloned: number;
  /** Nodes in the tree now. */
  readonly nodes: number;
  /** Nodes that wait for the end of a grace period. */
  readonly awaitingGrace: number;
  /** Callbacks handed to call_rcu(): one for a replaced node, one for a dropped subtree. */
  readonly queued: number;
  /** Nodes cut in two. */
  readonly splits: number;
  /** Splits avoided by moving slots to the left or right sibling. */
  readonly pushesLeft: number;
  readonly pushesRight: number;
  /** Neighbours merged into a node that had become too small. */
  readonly pulls: number;
  /** How often the height changed. */
  readonly heightChanges: number;
  /** Times a walk met a dead node and began again at the root. */
  readonly restarts: number;
  readonly height: number;
}

/** The counters behind {@link Statistics}. */
export class Counters {
  stores: Record<StoreType, number> = {
    store_root: 0,
    new_root: 0,
    exact_fit: 0,
    append: 0,
    slot_store: 0,
    node_store: 0,
    rebalance: 0,
    split_store: 0,
    spanning_store: 0,
  };
  requested = 0;
  used = 0;
  freed = 0;
  cloned = 0;
  queued = 0;
  splits = 0;
  pushesLeft = 0;
  pushesRight = 0;
  pulls = 0;
  heightChanges = 0;
  restarts = 0;
}
