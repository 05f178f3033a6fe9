// SPDX-License-Identifier: MIT
import type { Measurable, RangeStore } from './contender.ts';
import { fill, makeKeys, WORKLOADS, type Keys, type Workload } from './workloads.ts';

/*
 * A sample goes through at least so many keys and does at least so many operations: small trees are
 * measured again and again, or the compiler never gets to them.
 */
const LEAST_KEYS = 60_000;
const LEAST_OPERATIONS = 600;

/** Entries whose memory is measured at a time, at least. */
const MEASURED_ENTRIES = 200_000;

/** One contender with its keys, and the stores that workloads leave as they were. */
export class Session<K> implements Measurable {
  readonly #create: (keepGaps: boolean) => RangeStore<K>;
  readonly #keys: Keys<K>;
  readonly #kept = new Map<string, RangeStore<K>>();

  constructor(
    create: (keepGaps: boolean) => RangeStore<K>,
    key: (index: number) => K,
    count: number,
    seed: number,
  ) {
    this.#create = create;
    this.#keys = makeKeys(key, count, seed);
  }

  measure(name: string): number {
    const workload = WORKLOADS.find((one) => one.name === name);
    if (workload === undefined) return -1;
    const { count } = this.#keys;
    let operations = 0;
    let micros = 0;
    for (let done = 0; done < LEAST_KEYS || operations < LEAST_OPERATIONS; done += count) {
      const store = this.#storeFor(workload);
      // A sample pays for its own garbage, not for that of the tree before it. Needs --expose-gc.
      if (done === 0 || workload.repeatable !== true)
        globalThis.gc?.({ type: 'minor', execution: 'sync' });
      const started = process.cpuUsage();
      operations += workload.run(store, this.#keys);
      const { system, user } = process.cpuUsage(started);
      micros += user + system;
      if (operations === 0) return -1;
    }
    return (micros * 1000) / operations;
  }

  #storeFor(workload: Workload): RangeStore<K> {
    const { before, gaps = false, repeatable = false } = workload;
    const name = `${before} ${gaps}`;
    const known = repeatable ? this.#kept.get(name) : undefined;
    if (known !== undefined) return known;
    const store = this.#create(gaps);
    fill(store, workload, this.#keys);
    if (repeatable) this.#kept.set(name, store);
    return store;
  }

  /**
   * Growth of the heap by trees filled in shuffled order: so many that what else comes and goes on the
   * heap meanwhile, such as code, is little beside them.
   */
  bytesPerEntry(): number {
    const { gc } = globalThis;
    if (gc === undefined) return -1;
    const { count, ordered, shuffled } = this.#keys;
    this.#kept.clear();
    gc();
    const before = process.memoryUsage().heapUsed;
    const stores = Array.from({ length: Math.ceil(MEASURED_ENTRIES / count) }, () => {
      const store = this.#create(false);
      fill(store, { before: 'shuffled' }, { count, ordered, shuffled });
      return store;
    });
    gc();
    const after = process.memoryUsage().heapUsed;
    const [first] = ordered.inside;
    if (first === undefined || stores.some((store) => store.load(first) <= 0)) return -1;
    return (after - before) / (stores.length * count);
  }
}
