// SPDX-License-Identifier: MIT
import { EINVAL, errnoName } from './errno.ts';
import type { Key } from './key.ts';
import { INSPECT, inspectMap } from './inspect.ts';
import { createMapleTree, type MapleTreeOptions } from './options.ts';
import type { MapleTree } from './tree.ts';

/** A range of keys. Both ends belong to it. */
export interface KeyRange<K extends Key> {
  readonly first: K;
  readonly last: K;
}

/** A range of keys and what it maps to. */
export interface RangeEntry<K extends Key, V> extends KeyRange<K> {
  readonly value: V;
}

/** A call that the tree refused. `errno` is the kernel's name for why. */
export class MapleTreeError extends Error {
  readonly errno: string;

  constructor(call: string, code: number, reason?: string) {
    const errno = errnoName(code);
    super(`${call}: ${errno}, ${reason ?? REASONS[errno] ?? 'refused'}`);
    this.name = 'MapleTreeError';
    this.errno = errno;
  }
}

const REASONS: Readonly<Record<string, string>> = {
  EEXIST: 'something is there already',
  EBUSY: 'no free range is long enough',
  EINVAL: 'the range ends before it starts, or the value is one that the tree keeps for itself',
  ENOMEM: 'the allocator granted no node',
};

/** What EINVAL means of an allocation. */
const NO_GAPS = 'the map keeps no gaps: make it with the option allocRange: true';
const NO_WINDOW = 'the window is shorter than the size, the size is 0, or the value is reserved';

/**
 * A map from ranges of keys to values, for those who know `Map`: a maple tree with JavaScript's names,
 * iterators, and exceptions in place of error numbers. `tree` is the tree itself.
 *
 * @typeParam V any value but null and undefined
 */
export class RangeMap<K extends Key, V> implements Iterable<RangeEntry<K, V>> {
  readonly tree: MapleTree<K, V>;

  static {
    // What `console.log` shows in Node. Here, since declarations cannot name a member by a symbol of ours.
    Object.defineProperty(RangeMap.prototype, INSPECT, { value: inspectMap });
  }

  constructor(tree: MapleTree<K, V>) {
    this.tree = tree;
  }

  /** The value at a key, or undefined. O(log n). */
  get(key: K): V | undefined {
    return this.tree.load(key) ?? undefined;
  }

  /** Whether a key has a value. */
  has(key: K): boolean {
    return this.tree.load(key) !== null;
  }

  /** The range that holds a key, with its ends; undefined where there is none. */
  rangeAt(key: K): RangeEntry<K, V> | undefined {
    const cursor = this.tree.cursor(key);
    const value = cursor.walk();
    return value === null ? undefined : { first: cursor.index, last: cursor.last, value };
  }

  /**
   * Maps [first, last] to a value. What it overlaps is cut, not merged. O(log n), and the number of
   * ranges that it covers hardly matters.
   *
   * @throws MapleTreeError EINVAL where first > last
   * @throws TypeError for null and undefined, which are no values
   */
  set(first: K, last: K, value: V): this {
    checkValue(value);
    this.#check('set', this.tree.storeRange(first, last, value));
    return this;
  }

  /**
   * As {@link set}, where nothing is yet.
   *
   * @throws MapleTreeError EEXIST where any key of the range has a value
   */
  insert(first: K, last: K, value: V): this {
    checkValue(value);
    this.#check('insert', this.tree.insertRange(first, last, value));
    return this;
  }

  /** Removes the whole range that holds a key; returns its value. */
  delete(key: K): V | undefined {
    return this.tree.erase(key) ?? undefined;
  }

  /** Removes what [first, last] maps to; ranges partly inside are cut. Without arguments: everything. */
  clear(first: K = this.tree.keys.zero, last: K = this.tree.keys.max): void {
    this.#check('clear', this.tree.storeRange(first, last, null));
  }

  /**
   * Maps the lowest `size` free keys in a window to a value. The tree must have been made with
   * `allocRange`.
   *
   * @returns the first of them
   * @throws MapleTreeError EBUSY where no free range is long enough, EINVAL where the window is too
   *   small or the tree keeps no gaps
   */
  allocate(size: K, value: V, min: K = this.tree.keys.zero, max: K = this.tree.keys.max): K {
    checkValue(value);
    const { tree } = this;
    const start = tree.allocRangeLow(value, size, min, max);
    this.#check('allocate', start, tree.allocRange ? NO_WINDOW : NO_GAPS);
    return start as K; // Errors are negative and keys are not.
  }

  /**
   * The ranges that touch [from, to], in order, whole. The map may change meanwhile: what lies ahead is
   * seen as it is when the iteration comes there.
   */
  *entries(
    from: K = this.tree.keys.zero,
    to: K = this.tree.keys.max,
  ): IterableIterator<RangeEntry<K, V>> {
    const { tree } = this;
    const cursor = tree.cursor(from);
    let version = tree.version;
    for (;;) {
      if (version !== tree.version) cursor.pause();
      version = tree.version;
      const value = cursor.find(to);
      if (value === null) return;
      yield { first: cursor.index, last: cursor.last, value };
    }
  }

  /** The ranges that touch [from, to], in order, without their values. */
  *keys(from: K = this.tree.keys.zero, to: K = this.tree.keys.max): IterableIterator<KeyRange<K>> {
    for (const { first, last } of this.entries(from, to)) yield { first, last };
  }

  /** The values of the ranges that touch [from, to], in order. */
  *values(from: K = this.tree.keys.zero, to: K = this.tree.keys.max): IterableIterator<V> {
    for (const { value } of this.entries(from, to)) yield value;
  }

  /** All ranges, in order. */
  [Symbol.iterator](): IterableIterator<RangeEntry<K, V>> {
    return this.entries();
  }

  /** Calls a function with each range, in order: the fastest way to see all of them. */
  forEach(callback: (value: V, first: K, last: K) => void): void {
    this.tree.forEach(callback);
  }

  /**
   * How many ranges touch [from, to]. O(n): they are counted. A size that is always known would have
   * every store count the ranges that it covers, which now it drops without looking at them.
   */
  count(from: K = this.tree.keys.zero, to: K = this.tree.keys.max): number {
    let count = 0;
    this.tree.forEach(() => count++, from, to);
    return count;
  }

  /**
   * Joins neighbouring ranges with the same value, which the kernel never does.
   *
   * @param same whether two values are the same; by default `Object.is`
   * @returns how many ranges there are less
   */
  coalesce(same: (a: V, b: V) => boolean = Object.is): number {
    const { keys } = this.tree;
    let joined = 0;
    let open: RangeEntry<K, V> | undefined;
    for (const range of this.entries()) {
      const touches = open !== undefined && range.first > keys.zero;
      if (open !== undefined && touches && keys.next(open.last) === range.first) {
        if (same(open.value, range.value)) {
          open = { ...open, last: range.last };
          this.set(open.first, open.last, open.value);
          joined++;
          continue;
        }
      }
      open = range;
    }
    return joined;
  }

  /** A second map with the same content, in O(1). Neither sees what the other changes. */
  snapshot(): RangeMap<K, V> {
    return new RangeMap(this.tree.snapshot());
  }

  get [Symbol.toStringTag](): string {
    return 'RangeMap';
  }

  #check(call: string, code: K | number, invalid?: string): void {
    if (code >= 0) return;
    throw new MapleTreeError(call, Number(code), code === EINVAL ? invalid : undefined);
  }
}

/** Ranges to begin with, in ascending order and without overlaps. */
type Initial<K extends Key, V> = Iterable<readonly [first: K, last: K, value: V]>;

/**
 * Makes a range map.
 *
 * @param initial ranges in ascending order, loaded in bulk
 * @param options as of `createMapleTree`
 * @throws MapleTreeError EINVAL where a range ends before it starts
 */
export function createRangeMap<V>(
  initial: Initial<bigint, V>,
  options: MapleTreeOptions<V> & { readonly keys: 'u64' },
): RangeMap<bigint, V>;
export function createRangeMap<V>(
  initial?: Initial<number, V>,
  options?: MapleTreeOptions<V> & { readonly keys?: 'number' | 'u32' },
): RangeMap<number, V>;
export function createRangeMap<V>(
  initial: Initial<number, V> | Initial<bigint, V> = [],
  options: MapleTreeOptions<V> = {},
): RangeMap<number, V> | RangeMap<bigint, V> {
  return options.keys === 'u64'
    ? load(createMapleTree<V>({ ...options, keys: 'u64' }), initial as Initial<bigint, V>)
    : load(
        createMapleTree<V>({ ...options, keys: options.keys ?? 'number' }),
        initial as Initial<number, V>,
      );
}

/** Refuses what stands for "nothing" in the tree: storing it would erase. */
function checkValue(value: unknown): void {
  if (value === null || value === undefined) {
    throw new TypeError(`value: expected anything but null and undefined, got ${String(value)}`);
  }
}

function load<K extends Key, V>(tree: MapleTree<K, V>, initial: Initial<K, V>): RangeMap<K, V> {
  const map = new RangeMap(tree);
  const ranges = [...initial];
  if (ranges.length === 0) return map;
  const cursor = tree.cursor();
  cursor.expectedEntries(ranges.length);
  for (const [first, last, value] of ranges) {
    checkValue(value);
    cursor.set(first, last);
    cursor.store(value);
    if (cursor.errno !== 0) throw new MapleTreeError('createRangeMap', cursor.errno);
  }
  cursor.destroy();
  return map;
}
