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
  readonly run: (store: RangeStore, keys: Keys) => number;
}

/** The starts of the ranges, in order and shuffled by a seed. */
export interface Keys {
  readonly ordered: Float64Array;
  readonly shuffled: Float64Array;
}

const BASE = 2 ** 47;

/** The keys of a size: the same as in the C program, whose generator this is. */
export function makeKeys(count: number, seed: number): Keys {
  const ordered = Float64Array.from({ length: count }, (_, i) => BASE + 16 * i);
  const shuffled = ordered.slice();
  let state = seed;
  for (let i = count - 1; i > 0; i--) {
    state = (Math.imul(state, 1103515245) + 12345) >>> 0;
    const j = Math.floor((state / 2 ** 32) * (i + 1));
    const kept = shuffled[i] ?? 0;
    shuffled[i] = shuffled[j] ?? 0;
    shuffled[j] = kept;
  }
  return { ordered, shuffled };
}

function insertAll(store: RangeStore, starts: Float64Array): number {
  let value = 1;
  for (const first of starts) store.put(first, first + 7, value++);
  return starts.length;
}

/** Puts the ranges of a workload's tree in place. */
export function fill(store: RangeStore, { before }: Workload, keys: Keys): void {
  if (before !== 'empty') insertAll(store, before === 'in order' ? keys.ordered : keys.shuffled);
}

let sink = 0;

/** What loads came to; printing it keeps them from being compiled away. */
export function sum(): number {
  return sink;
}

function loadAll(store: RangeStore, starts: Float64Array): number {
  for (const first of starts) sink += store.load(first + 3);
  return starts.length;
}

function overwriteSpans(store: RangeStore, starts: Float64Array, span: number): number {
  let count = 0;
  for (let i = 0; i + span <= starts.length; i += span, count++) {
    store.overwrite(starts[i] ?? 0, (starts[i + span - 1] ?? 0) + 7, 5);
  }
  return count;
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
    sentence: 'visit of every range, tree filled in shuffled order',
    before: 'shuffled',
    repeatable: true,
    run: (store) => store.scan(),
  },
  {
    name: 'cursor-walk',
    sentence: 'visit of every range by a cursor, same tree',
    before: 'shuffled',
    repeatable: true,
    run: (store) => store.walk?.() ?? 0,
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
    run: (store, { shuffled }) => {
      for (const first of shuffled) store.erase(first + 3);
      return shuffled.length;
    },
  },
  {
    name: 'gap-search',
    sentence: 'search of 8 free indices from k on, shuffled, tree with gaps filled in order',
    before: 'in order',
    gaps: true,
    repeatable: true,
    run: (store, { shuffled }) => {
      if (store.search === undefined) return 0;
      for (const first of shuffled) sink += store.search(first);
      return shuffled.length;
    },
  },
  {
    name: 'allocate-free',
    sentence: 'allocation of 8 indices from k on and erase of them, shuffled, same tree',
    before: 'in order',
    gaps: true,
    repeatable: true,
    run: (store, { shuffled }) => {
      if (store.allocate === undefined) return 0;
      for (const first of shuffled) store.allocate(first);
      return shuffled.length;
    },
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
