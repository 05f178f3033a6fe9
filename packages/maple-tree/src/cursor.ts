// SPDX-License-Identifier: MIT
import { expectedEntries, endBulk } from './bulk.ts';
import { emptyArea, emptyAreaRev } from './empty-area.ts';
import type { Errno } from './errno.ts';
import { masFind, masFindRange, masFindRangeRev, masFindRev } from './find.ts';
import { checkKey, type Key } from './key.ts';
import { masNext, masPrev } from './next.ts';
import { pivotAt, type MapleNode } from './node.ts';
import { Path } from './path.ts';
import type { StoreType } from './statistics.ts';
import {
  masErase,
  masInsert,
  masPreallocate,
  masStore,
  masStoreGfp,
  masStorePrealloc,
} from './store.ts';
import type { MapleTree } from './tree.ts';
import { masWalk } from './walk.ts';

/** Where a cursor stands: enum maple_status of include/linux/maple_tree.h, Linux 6.12. */
export type CursorStatus =
  'active' | 'start' | 'root' | 'none' | 'pause' | 'overflow' | 'underflow' | 'error';

/**
 * A place in a tree and a range to work on: struct ma_state, include/linux/maple_tree.h, Linux 6.12.
 *
 * Made by {@link MapleTree.cursor}. A write through the tree or another cursor makes an active cursor
 * stale; call {@link set}, {@link reset} or {@link pause} first. A tree made with `debug` throws where
 * a stale cursor is used. In RCU mode a stale cursor may read on: it notices and walks again.
 */
export class Cursor<K extends Key, V> {
  /*
   * Keys are declared, not defined: a field that is undefined at first may hold anything from then on, and
   * the engine makes an object of each number written to it. A step takes half the time so.
   */
  declare readonly tree: MapleTree<K, V>;
  /** First index of the range to work on, and of the range found. */
  declare index: K;
  /** Last index of that range. */
  declare last: K;
  status: CursorStatus = 'start';
  /** The node the cursor stands at, once it has walked. */
  node: MapleNode<K, V> | null = null;
  /** Bounds of that node. */
  declare min: K;
  declare max: K;
  /** The slot it stands at, and the node's last used slot. */
  offset = 0;
  end = 0;
  /** The kind of the cursor's last store; null before any. */
  storeType: StoreType | null = null;
  /** Why the status is `error`; 0 otherwise. */
  errno: Errno | 0 = 0;
  /** Bulk loading is on: MA_STATE_BULK. */
  bulk = false;
  /** The last leaf may need repair when bulk loading ends: MA_STATE_REBALANCE. */
  needsRebalance = false;
  /** Nodes for the next store are in hand: MA_STATE_PREALLOC. */
  preallocated = false;
  /** Nodes in hand. */
  allocated = 0;
  /** The way to the node. */
  path: Path<K, V> = new Path<K, V>();
  /** The answer of a step that needed no step. Belongs to the cursor's own code. */
  found: V | null = null;
  /** The tree's version when the cursor last stood right. */
  version = 0;

  constructor(tree: MapleTree<K, V>, first: K, last: K) {
    this.tree = tree;
    this.index = first;
    this.last = last;
    this.min = tree.keys.zero;
    this.max = tree.keys.max;
    this.version = tree.version;
  }

  /**
   * The same place in a snapshot of the tree, taken while this cursor stood there: a cursor of its own.
   */
  in(snapshot: MapleTree<K, V>): Cursor<K, V> {
    const copy = new Cursor<K, V>(snapshot, this.index, this.last);
    const { bulk, end, errno, max, min, needsRebalance, node, offset, status, storeType } = this;
    Object.assign(copy, {
      bulk,
      end,
      errno,
      max,
      min,
      needsRebalance,
      node,
      offset,
      status,
      storeType,
    });
    copy.preallocated = this.preallocated;
    copy.path.copyFrom(this.path);
    return copy;
  }

  /** Starts over at an index, or a range. Mirrors mas_set() and mas_set_range(). */
  set(first: K, last: K = first): void {
    checkKey(this.tree.keys, 'first', first);
    checkKey(this.tree.keys, 'last', last);
    this.reset();
    this.index = first;
    this.last = last;
  }

  /** Starts over at the same range. Mirrors mas_reset(). */
  reset(): void {
    this.status = 'start';
    this.node = null;
    this.errno = 0;
  }

  /** Lets others write; find and next then go on after the last result. Mirrors mas_pause(). */
  pause(): void {
    this.status = 'pause';
    this.node = null;
    this.errno = 0;
  }

  /**
   * Narrows or shifts the range without starting over; the new start must lie in the slot where the
   * cursor stands. Mirrors __mas_set_range().
   */
  setRangeHere(first: K, last: K): void {
    checkKey(this.tree.keys, 'first', first);
    checkKey(this.tree.keys, 'last', last);
    this.index = first;
    this.last = last;
  }

  /** The entry at the index, or null; the range becomes that of its slot. Mirrors mas_walk(). */
  walk(): V | null {
    this.#check();
    return this.#seen(masWalk(this));
  }

  /** The next entry that starts at or below `max`, or null. Mirrors mas_next(). */
  next(max: K = this.tree.keys.max): V | null {
    checkKey(this.tree.keys, 'max', max);
    this.#check();
    return this.#seen(masNext(this, max, false));
  }

  /** The next slot's entry or null. Mirrors mas_next_range(). */
  nextRange(max: K = this.tree.keys.max): V | null {
    checkKey(this.tree.keys, 'max', max);
    this.#check();
    return this.#seen(masNext(this, max, true));
  }

  /** The previous entry that ends at or above `min`, or null. Mirrors mas_prev(). */
  prev(min: K = this.tree.keys.zero): V | null {
    checkKey(this.tree.keys, 'min', min);
    this.#check();
    return this.#seen(masPrev(this, min, false));
  }

  /** The previous slot's entry or null. Mirrors mas_prev_range(). */
  prevRange(min: K = this.tree.keys.zero): V | null {
    checkKey(this.tree.keys, 'min', min);
    this.#check();
    return this.#seen(masPrev(this, min, true));
  }

  /** First the entry at or after the index, then those after it. Mirrors mas_find(). */
  find(max: K = this.tree.keys.max): V | null {
    checkKey(this.tree.keys, 'max', max);
    this.#check();
    return this.#seen(masFind(this, max));
  }

  /** As {@link find}, slot by slot after the first. Mirrors mas_find_range(). */
  findRange(max: K = this.tree.keys.max): V | null {
    checkKey(this.tree.keys, 'max', max);
    this.#check();
    return this.#seen(masFindRange(this, max));
  }

  /** First the entry at or before the index, then those before it. Mirrors mas_find_rev(). */
  findRev(min: K = this.tree.keys.zero): V | null {
    checkKey(this.tree.keys, 'min', min);
    this.#check();
    return this.#seen(masFindRev(this, min));
  }

  /** As {@link findRev}, slot by slot after the first. Mirrors mas_find_range_rev(). */
  findRangeRev(min: K = this.tree.keys.zero): V | null {
    checkKey(this.tree.keys, 'min', min);
    this.#check();
    return this.#seen(masFindRangeRev(this, min));
  }

  /**
   * Stores over [index, last]; null erases. Afterwards the cursor stands at the range written, which
   * null widens over the nulls beside it. Mirrors mas_store_gfp().
   *
   * @returns 0, or -EINVAL where index > last, or -ENOMEM with nothing changed
   */
  storeGfp(entry: V | null): number {
    this.#check();
    return this.#seen(masStoreGfp(this, entry ?? null));
  }

  /**
   * As {@link storeGfp}, but never waits for memory, and keeps bulk loading on. Mirrors mas_store().
   *
   * @returns the entry that was at `index` before; a failure shows in `status` and `errno`
   */
  store(entry: V | null): V | null {
    this.#check();
    return this.#seen(masStore(this, entry ?? null));
  }

  /**
   * Stores over [index, last] where nothing is. Mirrors mas_insert(), lib/maple_tree.c, Linux 6.12,
   * which is what mtree_insert_range() does under the lock.
   *
   * @returns 0, or -EINVAL where index > last; or -EEXIST, -ENOMEM with nothing changed and the status
   *   `error`
   */
  insert(entry: V | null): number {
    this.#check();
    return this.#seen(masInsert(this, entry ?? null));
  }

  /** Erases the whole range that holds `index`. Mirrors mas_erase(). */
  erase(): V | null {
    this.#check();
    return this.#seen(masErase(this));
  }

  /**
   * Takes the nodes that storing `entry` over [index, last] may need. Mirrors mas_preallocate().
   *
   * @returns 0 or -ENOMEM
   */
  preallocate(entry: V | null): number {
    this.#check();
    return this.#seen(masPreallocate(this, entry ?? null));
  }

  /** Stores with the nodes taken by {@link preallocate}; cannot fail. Mirrors mas_store_prealloc(). */
  storePrealloc(entry: V | null): void {
    this.#check();
    this.#seen(masStorePrealloc(this, entry ?? null));
  }

  /**
   * Begins bulk loading of about `count` entries in ascending order by {@link store}; end it with
   * {@link destroy}. Mirrors mas_expected_entries().
   *
   * @returns 0 or -ENOMEM
   */
  expectedEntries(count: number): number {
    return expectedEntries(this, count);
  }

  /** Gives back nodes in hand and ends bulk loading. Mirrors mas_destroy(). */
  destroy(): void {
    this.#seen(endBulk(this));
  }

  /**
   * Finds the lowest `size` free indices in [min, max]; the range becomes them. Call it on a reset
   * cursor. Mirrors mas_empty_area().
   *
   * @returns 0, -EINVAL or -EBUSY
   */
  emptyArea(min: K, max: K, size: K): number {
    this.#checkWindow(min, max, size);
    return this.#seen(emptyArea(this, min, max, size));
  }

  /** Finds the highest `size` free indices in [min, max]. Mirrors mas_empty_area_rev(). */
  emptyAreaRev(min: K, max: K, size: K): number {
    this.#checkWindow(min, max, size);
    return this.#seen(emptyAreaRev(this, min, max, size));
  }

  /**
   * Whether the status is the one given; asked anew each time, since every walk may change it. Mirrors
   * mas_is_active() and mas_is_err().
   */
  is(status: CursorStatus): boolean {
    return this.status === status;
  }

  /** Takes the answer that a setup left. Belongs to the cursor's own code. */
  takeFound(): V | null {
    const { found } = this;
    this.found = null;
    return found;
  }

  /** The node of a cursor that is known to stand at one. */
  nodeOrThrow(): MapleNode<K, V> {
    if (this.node === null) throw new Error('cursor: expected a node to stand at, got none');
    return this.node;
  }

  /** Bounds of the slot where an active cursor stands. */
  slotFirst(): K {
    if (this.offset === 0) return this.min;
    return this.tree.keys.next(pivotAt(this.nodeOrThrow(), this.offset - 1));
  }

  slotLast(): K {
    return pivotAt(this.nodeOrThrow(), this.offset);
  }

  #check(): void {
    const { tree } = this;
    if (!tree.debug) return;
    checkKey(tree.keys, 'cursor.index', this.index);
    checkKey(tree.keys, 'cursor.last', this.last);
    const stale = this.node !== null && this.version !== tree.version && !tree.inRcu;
    if (stale) {
      throw new Error(
        'cursor: expected a position in the tree as it is, got one from before a write; call set(), reset() or pause() first',
      );
    }
  }

  #checkWindow(min: K, max: K, size: K): void {
    const { keys } = this.tree;
    checkKey(keys, 'min', min);
    checkKey(keys, 'max', max);
    checkKey(keys, 'size', size);
  }

  #seen<Result>(result: Result): Result {
    this.version = this.tree.version;
    return result;
  }
}
