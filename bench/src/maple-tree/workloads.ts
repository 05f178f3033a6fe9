// SPDX-License-Identifier: MIT
import type { RangeStore } from './contender.ts';

/**
 * A workload: the tree before it, and operations of one kind. The tree holds [16i, 16i + 7] from 2^47
 * on, for i below the number of entries; the C program maple-bench.c does the same.
 */
export interface Workload {
  readonly name: string;
  /** Operation, order of keys, range length and the tree before, for the report. */
  readonly sentence: string;
  readonly before: 'empty' | 'in order' | 'shuffled';
  /** Whether it needs a store that keeps gaps. */
  readonly gaps?: boolean;
  /** Whether the store can be used again: it is as before. */
  readonly repeatable?: boolean;
  /** @returns how many operations were done; 0 where the store cannot do them */
  readonly run: <K>(store: RangeStore<K>, keys: Keys<K>) => number;
}

/** Ranges in some order: their ends, and a key inside of each. */
export interface Ranges<K> {
  readonly firsts: readonly K[];
  readonly lasts: readonly K[];
  readonly inside: readonly K[];
}

/** The ranges of a size, in order and shuffled by a seed. */
export interface Keys<K> {
  readonly count: number;
  readonly ordered: Ranges<K>;
  readonly shuffled: Ranges<K>;
}

const BASE = 2 ** 47;

/** The keys of a size: the same as in the C program, whose generator this is. */
export function makeKeys<K>(key: (index: number) => K, count: number, seed: number): Keys<K> {
  const numbers = Array.from({ length: count }, (_, i) => i);
  const ordered = rangesOf(key, numbers);
  let state = seed;
  for (let i = count - 1; i > 0; i--) {
    state = (Math.imul(state, 1103515245) + 12345) >>> 0;
    const j = Math.floor((state / 2 ** 32) * (i + 1));
    const kept = numbers[i] ?? 0;
    numbers[i] = numbers[j] ?? 0;
    numbers[j] = kept;
  }
  return { count, ordered, shuffled: rangesOf(key, numbers) };
}

function rangesOf<K>(key: (index: number) => K, numbers: readonly number[]): Ranges<K> {
  const at = (distance: number): K[] => numbers.map((i) => key(BASE + 16 * i + distance));
  return { firsts: at(0), lasts: at(7), inside: at(3) };
}

/*
 * Below, an index is always less than the number of ranges, which all three arrays have. Loops by index,
 * since they cost every contender the same and the least.
 */

function insertAll<K>(store: RangeStore<K>, { firsts, lasts }: Ranges<K>): number {
  for (let i = 0; i < firsts.length; i++) store.put(firsts[i] as K, lasts[i] as K, i + 1);
  return firsts.length;
}

/** Puts the ranges of a workload's tree in place. */
export function fill<K>(
  store: RangeStore<K>,
  { before }: Pick<Workload, 'before'>,
  keys: Keys<K>,
): void {
  if (before !== 'empty') insertAll(store, before === 'in order' ? keys.ordered : keys.shuffled);
}

let sink = 0;

/** What loads came to; printing it keeps them from being compiled away. */
export function sum(): number {
  return sink;
}

function loadAll<K>(store: RangeStore<K>, { inside }: Ranges<K>): number {
  let found = 0;
  for (let i = 0; i < inside.length; i++) found += store.load(inside[i] as K);
  sink += found;
  return inside.length;
}

function overwriteSpans<K>(
  store: RangeStore<K>,
  { firsts, lasts }: Ranges<K>,
  span: number,
): number {
  let count = 0;
  for (let i = 0; i + span <= firsts.length; i += span, count++) {
    store.overwrite(firsts[i] as K, lasts[i + span - 1] as K, 5);
  }
  return count;
}

function eraseAll<K>(store: RangeStore<K>, { shuffled: { inside } }: Keys<K>): number {
  for (let i = 0; i < inside.length; i++) store.erase(inside[i] as K);
  return inside.length;
}

function searchAll<K>(store: RangeStore<K>, { shuffled: { firsts } }: Keys<K>): number {
  if (store.search === undefined) return 0;
  let found: K | undefined;
  for (let i = 0; i < firsts.length; i++) found = store.search(firsts[i] as K);
  sink += Number(found);
  return firsts.length;
}

function allocateAll<K>(store: RangeStore<K>, { shuffled: { firsts } }: Keys<K>): number {
  if (store.allocate === undefined) return 0;
  for (let i = 0; i < firsts.length; i++) store.allocate(firsts[i] as K);
  return firsts.length;
}

/** Every workload, by the names that the C program knows. */
export const WORKLOADS: readonly Workload[] = [
  {
    name: 'sequential-insert',
    sentence: 'store of [k, k+7], ascending, into an empty tree',
    before: 'empty',
    run: (store, { ordered }) => insertAll(store, ordered),
  },
  {
    name: 'random-insert',
    sentence: 'store of [k, k+7], shuffled, into an empty tree',
    before: 'empty',
    run: (store, { shuffled }) => insertAll(store, shuffled),
  },
  {
    name: 'random-load',
    sentence: 'load of k+3, shuffled, from a tree filled in shuffled order',
    before: 'shuffled',
    repeatable: true,
    run: (store, { shuffled }) => loadAll(store, shuffled),
  },
  {
    name: 'sequential-load',
    sentence: 'load of k+3, ascending, from a tree filled in order',
    before: 'in order',
    repeatable: true,
    run: (store, { ordered }) => loadAll(store, ordered),
  },
  {
    name: 'scan',
    sentence: 'visit of every range, values added up, tree filled in shuffled order',
    before: 'shuffled',
    repeatable: true,
    run: (store, { count }) => {
      sink += store.scan();
      return count;
    },
  },
  {
    name: 'cursor-walk',
    sentence: 'visit of every range by a cursor, same tree',
    before: 'shuffled',
    repeatable: true,
    run: (store, { count }) => {
      if (store.walk === undefined) return 0;
      sink += store.walk();
      return count;
    },
  },
  {
    name: 'exact-replace',
    sentence: 'store over exactly one range, shuffled, tree filled in shuffled order',
    before: 'shuffled',
    repeatable: true,
    run: (store, { shuffled }) => insertAll(store, shuffled),
  },
  {
    name: 'overwrite-10',
    sentence: 'store over 10 ranges, ascending, tree filled in order',
    before: 'in order',
    run: (store, { ordered }) => overwriteSpans(store, ordered, 10),
  },
  {
    name: 'overwrite-1000',
    sentence: 'store over 1000 ranges, ascending, tree filled in order',
    before: 'in order',
    run: (store, { ordered }) => overwriteSpans(store, ordered, 1000),
  },
  {
    name: 'random-erase',
    sentence: 'erase of the range at k+3, shuffled, tree filled in shuffled order',
    before: 'shuffled',
    run: eraseAll,
  },
  {
    name: 'gap-search',
    sentence: 'search of 8 free indices from k on, shuffled, tree with gaps filled in order',
    before: 'in order',
    gaps: true,
    repeatable: true,
    run: searchAll,
  },
  {
    name: 'allocate-free',
    sentence: 'allocation of 8 indices from k on and erase of them, shuffled, same tree',
    before: 'in order',
    gaps: true,
    repeatable: true,
    run: allocateAll,
  },
  {
    name: 'snapshot',
    sentence: 'snapshot of a tree filled in order, dropped at once',
    before: 'in order',
    repeatable: true,
    run: (store) => {
      if (store.snapshot === undefined) return 0;
      for (let count = 0; count < 1000; count++) store.snapshot();
      return 1000;
    },
  },
];
