// SPDX-License-Identifier: MIT
import { Cursor } from './cursor.ts';
import { eraseDirect, insertDirect, storeDirect } from './direct.ts';
import { dumpData, dumpTree, type DumpFormat, type NodeDump } from './dump.ts';
import { dupTree } from './dup.ts';
import { EBUSY, EINVAL } from './errno.ts';
import { RETRY_ENTRY, ZERO_ENTRY, isReserved } from './entry.ts';
import { forEachRange } from './for-each.ts';
import type { Geometry } from './geometry.ts';
import { checkKey, type Key, type KeyMode } from './key.ts';
import { childAt, entryAt, newOwner, slotOf } from './node.ts';
import type { MapleNode, NodeFactory, Owner } from './node.ts';
import type { TreeOptions } from './options.ts';
import { GracePeriods, retireSubtree, type RcuPin } from './rcu.ts';
import type { NodeAllocator } from './reserve.ts';
import type { Rules } from './rules.ts';
import { allocateNear } from './search-near.ts';
import { Counters, type Statistics } from './statistics.ts';
import { masErase, masInsert, masStoreGfp } from './store.ts';
import { validateTree } from './validate.ts';
import { masStateWalk } from './walk.ts';
import { Workspace } from './workspace.ts';
import { nextSlot } from './next.ts';

/** An entry found by {@link MapleTree.find}, and where to look for the next one. */
export interface Found<K extends Key, V> {
  readonly entry: V;
  /** The index after the entry's range; 0 behind the last index. */
  readonly index: K;
}

/** What {@link MapleTree.allocCyclic} found. */
export interface CyclicAllocation<K extends Key> {
  readonly start: K;
  /** Where the next search begins. */
  readonly next: K;
  /** Whether the search began anew at the lower bound, or the previous one ended at the last index. */
  readonly wrapped: boolean;
}

/** How a snapshot differs from the tree that it is taken of, beside what is written to it later. */
export interface SnapshotOptions {
  readonly rules?: Rules;
  readonly treeClass?: typeof MapleTree;
}

/**
 * The maple tree: every index of a domain maps to an entry or to nothing, and neighbouring indices of
 * one store form a range with inclusive ends. Made by `createMapleTree`.
 *
 * Mirrors struct maple_tree, include/linux/maple_tree.h, Linux 6.12. Its methods are the simple
 * interface (mtree_*, mt_*); {@link cursor} gives the cursor interface (mas_*). Errors are the
 * kernel's negative numbers, and after one the tree is as it was. An index that is not of the domain
 * is a mistake of the caller: RangeError.
 *
 * @typeParam K number or bigint, by the key mode
 * @typeParam V entries: anything but null and undefined, which stand for "nothing"
 */
export class MapleTree<K extends Key, V> {
  declare readonly keys: KeyMode<K>;
  declare readonly nodes: NodeFactory<K, V>;
  declare readonly rules: Rules;
  declare readonly allocator: NodeAllocator | null;
  declare readonly debug: boolean;
  declare readonly isInternalEntry: (entry: V) => boolean;
  /** Whether stores that need no plan may go without one. */
  declare readonly shortcuts: boolean;
  /** What {@link snapshot} makes: this class, or one that overrides it. */
  declare readonly treeClass: typeof MapleTree;
  /** The last key as a pair; see `KeyMode.keyOf`. */
  declare readonly maxImage: number;
  declare readonly maxTail: number;

  /**
   * Readers may run beside a writer: nodes are replaced in place of edited. Mirrors MT_FLAGS_USE_RCU
   * and mt_in_rcu().
   */
  declare inRcu: boolean;
  /** The node tree; null while there is none. */
  root: MapleNode<K, V> | null = null;
  /** The entry of index 0 in a tree without nodes. */
  rootEntry: V | null = null;
  /** Levels of the node tree; 0 without nodes. Mirrors mt_height(). */
  height = 0;
  nodeCount = 0;
  /** The last cyclic allocation ended at the last index: MT_FLAGS_ALLOC_WRAPPED. */
  allocWrapped = false;
  owner: Owner = newOwner();
  /** Counts writes, so that stale cursors can be told. */
  version = 0;
  counters: Counters = new Counters();

  /** What a store needs while it runs. */
  declare readonly work: Workspace<K, V>;
  /** The cursor of the simple interface; null until a call needs one. Most snapshots never do. */
  ownCursor: Cursor<K, V> | null = null;
  #grace: GracePeriods<K, V> | null = null;

  constructor(
    keys: KeyMode<K>,
    options: TreeOptions<V>,
    nodes: NodeFactory<K, V>,
    work: Workspace<K, V> = new Workspace<K, V>(nodes),
  ) {
    this.keys = keys;
    this.nodes = nodes;
    this.rules = options.rules;
    this.allocator = options.allocator;
    this.debug = options.debug;
    this.isInternalEntry = options.isInternalEntry;
    this.treeClass = options.treeClass ?? MapleTree;
    this.inRcu = options.inRcu;
    this.shortcuts = options.rules.shortcuts && options.allocator === null;
    this.maxImage = nodes.maxImage;
    this.maxTail = nodes.maxTail;
    this.work = work;
  }

  get geometry(): Geometry {
    return this.nodes.geometry;
  }

  /** The read sections of the tree, and what waits for them. */
  get grace(): GracePeriods<K, V> {
    return (this.#grace ??= new GracePeriods<K, V>());
  }

  /** Whether the tree keeps gaps and can allocate: MT_FLAGS_ALLOC_RANGE. */
  get allocRange(): boolean {
    return this.nodes.hasGaps;
  }

  /**
   * Whether nothing was ever stored, or all of it was erased by one store over the whole domain.
   * Mirrors mtree_empty(): a node that holds one null range is not empty.
   */
  get empty(): boolean {
    return this.root === null && this.rootEntry === null;
  }

  /** The entry at an index, or null. The zero entry reads as null. Mirrors mtree_load(). */
  load(index: K): V | null {
    const { keys } = this;
    checkKey(keys, 'index', index);
    let node = this.root;
    if (node === null) return index === keys.zero ? visible(this.rootEntry) : null;
    const image = keys.image(index);
    const tail = keys.tail(index);
    while (!node.leaf) node = childAt(node, slotOf(node, image, tail));
    return visible(entryAt(node, slotOf(node, image, tail)));
  }

  /**
   * Stores an entry at one index. Mirrors mtree_store().
   *
   * @param entry null erases the index
   * @returns 0, -EINVAL for a reserved entry, or -ENOMEM
   */
  store(index: K, entry: V | null): number {
    return this.storeRange(index, index, entry);
  }

  /**
   * Stores an entry over [first, last]; what it overlaps is truncated. Mirrors mtree_store_range().
   *
   * @param entry null erases the range
   * @returns 0, -EINVAL for a reserved entry or first > last, or -ENOMEM
   */
  storeRange(first: K, last: K, entry: V | null): number {
    this.#checkRange(first, last);
    if (isAdvanced(entry) || first > last) return EINVAL;
    const stored = entry ?? null;
    if (storeDirect(this, first, last, stored)) return 0;
    return masStoreGfp(this.#place(first, last), stored);
  }

  /** Stores at one index unless something is there. Mirrors mtree_insert(). */
  insert(index: K, entry: V | null): number {
    return this.insertRange(index, index, entry);
  }

  /**
   * Stores over [first, last] unless something is there. Mirrors mtree_insert_range().
   *
   * @returns 0, -EINVAL, -EEXIST where any index is occupied, or -ENOMEM
   */
  insertRange(first: K, last: K, entry: V | null): number {
    this.#checkRange(first, last);
    if (isAdvanced(entry) || first > last) return EINVAL;
    const stored = entry ?? null;
    if (insertDirect(this, first, last, stored)) return 0;
    return masInsert(this.#place(first, last), stored);
  }

  /**
   * Erases the whole range that holds an index. Mirrors mtree_erase().
   *
   * @returns the entry erased, or null where there was none or no memory
   */
  erase(index: K): V | null {
    checkKey(this.keys, 'index', index);
    const erased = eraseDirect(this, index);
    return erased === undefined ? masErase(this.#place(index, index)) : erased;
  }

  /**
   * Stores at the lowest `size` free indices in [min, max]. Mirrors mtree_alloc_range().
   *
   * @returns the first index; or -EINVAL for a tree without gaps, a reserved entry or a window without
   *   room for `size`, -EBUSY where nothing is free, -ENOMEM
   */
  allocRangeLow(entry: V, size: K, min: K, max: K): K | number {
    return this.#allocate(entry, size, min, max, true);
  }

  /** As {@link allocRangeLow}, the highest ones. Mirrors mtree_alloc_rrange(). */
  allocRangeHigh(entry: V, size: K, min: K, max: K): K | number {
    return this.#allocate(entry, size, min, max, false);
  }

  /**
   * Stores at the first free index from `next` on in [min, max], else from `min` on. Mirrors
   * mtree_alloc_cyclic() and mas_alloc_cyclic().
   *
   * @param next what the previous call returned
   * @returns the place found; or -EINVAL, -EBUSY, -ENOMEM
   */
  allocCyclic(entry: V, min: K, max: K, next: K): CyclicAllocation<K> | number {
    const { keys } = this;
    checkKey(keys, 'min', min);
    checkKey(keys, 'max', max);
    checkKey(keys, 'next', next);
    if (!this.allocRange || isReserved(entry)) return EINVAL;
    const from = next > min ? next : min;
    const cursor = this.#place(keys.zero, keys.zero);
    let code = cursor.emptyArea(from, max, keys.one);
    let wrapped = false;
    if (code < 0 && from > min) {
      if (this.rules.cyclicResets) cursor.reset();
      code = this.rules.cyclicResets ? cursor.emptyArea(min, max, keys.one) : EBUSY;
      wrapped = code === 0;
    }
    if (code < 0) return code;
    const start = cursor.index;
    code = this.insert(start, entry);
    if (code < 0) return code;
    if (this.allocWrapped && !wrapped) {
      this.allocWrapped = false;
      wrapped = true;
    }
    if (start === keys.max) this.allocWrapped = true;
    return { start, next: start === keys.max ? keys.zero : keys.next(start), wrapped };
  }

  /**
   * The first entry whose range ends at or after `index` and starts at or before `max`; the zero entry
   * is passed over. Mirrors mt_find().
   */
  find(index: K, max: K = this.keys.max): Found<K, V> | null {
    checkKey(this.keys, 'index', index);
    checkKey(this.keys, 'max', max);
    if (index > max) return null;
    const cursor = this.#place(index, index);
    let entry = masStateWalk(cursor);
    if (entry === null && cursor.is('root')) return null;
    while (visible(entry) === null) {
      if (!cursor.is('active') || cursor.last >= max) return null;
      entry = nextSlot(cursor, max, false);
    }
    if (entry === null) return null;
    const { last } = cursor;
    return { entry, index: last === this.keys.max ? this.keys.zero : this.keys.next(last) };
  }

  /**
   * As {@link find}, but index 0, where a walk over the last index arrives, finds nothing. Mirrors
   * mt_find_after().
   */
  findAfter(index: K, max: K = this.keys.max): Found<K, V> | null {
    return index === this.keys.zero ? null : this.find(index, max);
  }

  /**
   * Every entry that {@link find} sees in [index, max], in order; the zero entry is passed over. What
   * is stored ahead meanwhile is seen. Mirrors mt_for_each().
   */
  *findAll(
    index: K = this.keys.zero,
    max: K = this.keys.max,
  ): Generator<Found<K, V>, void, undefined> {
    let found = this.find(index, max);
    while (found !== null) {
      yield found;
      found = this.findAfter(found.index, max);
    }
  }

  /** The entry after the range that holds `index`, starting at or before `max`. Mirrors mt_next(). */
  next(index: K, max: K = this.keys.max): V | null {
    checkKey(this.keys, 'index', index);
    return this.#place(index, index).next(max);
  }

  /** The entry before the range that holds `index`, ending at or after `min`. Mirrors mt_prev(). */
  prev(index: K, min: K = this.keys.zero): V | null {
    checkKey(this.keys, 'index', index);
    return this.#place(index, index).prev(min);
  }

  /**
   * Calls a function with every entry whose range touches [from, to], in order; the zero entry too. The
   * function may write to the tree: the walk goes on behind the range that it was called with.
   * Mirrors mas_for_each().
   */
  forEach(
    visit: (entry: V, first: K, last: K) => void,
    from: K = this.keys.zero,
    to: K = this.keys.max,
  ): void {
    checkKey(this.keys, 'from', from);
    checkKey(this.keys, 'to', to);
    forEachRange(this, visit, from, to);
  }

  /** A cursor at [first, last], not yet walked. Mirrors MA_STATE(). */
  cursor(first: K = this.keys.zero, last: K = first): Cursor<K, V> {
    this.#checkRange(first, last);
    return new Cursor<K, V>(this, first, last);
  }

  /** Erases everything. Mirrors mtree_destroy() and, without its lock, __mt_destroy(). */
  destroy(): void {
    const { nodeCount, root } = this;
    this.version++;
    this.rootEntry = null;
    this.setRoot(null, 0);
    if (root !== null) retireSubtree(this, root, nodeCount);
  }

  /** Switches RCU mode. Mirrors mt_set_in_rcu() and mt_clear_in_rcu(). */
  setInRcu(on: boolean): void {
    this.inRcu = on;
  }

  /**
   * Begins a read section: nodes that it can reach are not freed until `release()`. Mirrors
   * rcu_read_lock().
   */
  rcuReadLock(): RcuPin {
    return this.grace.pin();
  }

  /**
   * A second writable tree with the same content, in O(1): both share all nodes, and each copies the
   * nodes on the way to what it writes first, at most the height of the tree and what the store itself
   * replaces. Neither ever sees what the other writes, and nothing needs to be released.
   *
   * Statistics of the new tree begin at 0.
   *
   * @param options `rules` and `treeClass`: what the new tree follows and is; by default as this one
   */
  snapshot({ rules = this.rules, treeClass = this.treeClass }: SnapshotOptions = {}): MapleTree<
    K,
    V
  > {
    const { allocator, debug, inRcu, isInternalEntry } = this;
    const options = { allocator, debug, inRcu, isInternalEntry, rules, treeClass };
    const copy = new treeClass<K, V>(this.keys, options, this.nodes, this.work);
    copy.#share(this);
    this.owner = newOwner();
    this.version++;
    return copy;
  }

  /**
   * A copy node for node. Mirrors mtree_dup() and, without its locks, __mt_dup(), lib/maple_tree.c,
   * Linux 6.12.
   *
   * @param into an empty tree of the same geometry, key mode and flags
   * @returns 0; or -EINVAL where `into` is not that, -ENOMEM with `into` left empty
   */
  dup(into: MapleTree<K, V>): number {
    return dupTree(this, into);
  }

  /** The tree as mt_dump() of lib/maple_tree.c prints it, with numbers in place of addresses. */
  dump(format: DumpFormat = 'hex'): string {
    return dumpTree(this, format);
  }

  /** The nodes as plain data; null for a tree without nodes. */
  dumpNodes(): NodeDump<K, V> | null {
    return dumpData(this);
  }

  /**
   * Checks every invariant of the structure. Mirrors mt_validate(), lib/maple_tree.c, Linux 6.12, and
   * is stricter.
   *
   * @throws Error with the invariant and the node that breaks it
   */
  validate(): void {
    validateTree(this);
  }

  /** Lets {@link statistics} begin at 0 again. */
  resetStatistics(): void {
    this.counters = new Counters();
  }

  /** What the tree has done since it was made, or since {@link resetStatistics}. */
  statistics(): Statistics {
    const { counters } = this;
    return {
      ...counters,
      stores: { ...counters.stores },
      nodes: this.nodeCount,
      awaitingGrace: this.#grace?.awaiting ?? 0,
      height: this.height,
    };
  }

  /** Makes a node the root. Mirrors mas_set_height() and the assignment of ma_root. */
  setRoot(root: MapleNode<K, V> | null, height: number): void {
    if (height > 31) throw new Error(`height: expected at most 31, got ${height}`);
    if (height !== this.height) this.counters.heightChanges++;
    this.root = root;
    this.height = height;
  }

  #share(source: MapleTree<K, V>): void {
    this.root = source.root;
    this.rootEntry = source.rootEntry;
    this.height = source.height;
    this.nodeCount = source.nodeCount;
    this.allocWrapped = source.allocWrapped;
  }

  #allocate(entry: V, size: K, min: K, max: K, low: boolean): K | number {
    checkKey(this.keys, 'min', min);
    checkKey(this.keys, 'max', max);
    checkKey(this.keys, 'size', size);
    if (!this.allocRange || isReserved(entry)) return EINVAL;
    const near = low ? allocateNear(this, entry, size, min, max) : undefined;
    if (near !== undefined) return near;
    const cursor = this.#place(this.keys.zero, this.keys.zero);
    const code = low ? cursor.emptyArea(min, max, size) : cursor.emptyAreaRev(min, max, size);
    if (code < 0) return code;
    const start = cursor.index;
    if (insertDirect(this, start, cursor.last, entry)) return start;
    const stored = masInsert(cursor, entry);
    return stored < 0 ? stored : start;
  }

  #place(first: K, last: K): Cursor<K, V> {
    const ownCursor = (this.ownCursor ??= new Cursor<K, V>(this, first, last));
    ownCursor.status = 'start';
    ownCursor.node = null;
    ownCursor.index = first;
    ownCursor.last = last;
    return ownCursor;
  }

  #checkRange(first: K, last: K): void {
    checkKey(this.keys, 'first', first);
    checkKey(this.keys, 'last', last);
  }
}

/** What the simple interface shows of an entry: the zero entry reads as nothing. */
function visible<V>(entry: V | null): V | null {
  return entry === ZERO_ENTRY ? null : entry;
}

/** Entries that no store accepts: xa_is_advanced(), include/linux/xarray.h, Linux 6.12. */
function isAdvanced(entry: unknown): boolean {
  return entry === RETRY_ENTRY;
}
