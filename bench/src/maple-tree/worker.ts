// SPDX-License-Identifier: MIT
import { createInterface } from 'node:readline';
import type { RangeStore } from './contender.ts';
import { CONTENDERS } from './contenders.ts';
import { fill, makeKeys, sum, WORKLOADS, type Workload } from './workloads.ts';

/*
 * One contender in a process of its own, so that the compiler sees no other: node worker.js <contender>.
 * It speaks the protocol of maple-bench.c: the number of entries and a seed, then workloads by name;
 * each is answered by nanoseconds of CPU time per operation, -1 where the contender cannot do it.
 */

/** A sample goes through at least so many keys. */
const LEAST_KEYS = 60_000;

const contender = CONTENDERS.find(({ name }) => name === process.argv[2]);
if (contender === undefined) throw new Error(`worker: no contender ${process.argv[2]}`);
const { create } = contender;

const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]();
const first = await lines.next();
const [count = 0, seed = 0] = String(first.value).split(' ').map(Number);
const keys = makeKeys(count, seed);
const kept = new Map<string, RangeStore>();

for (;;) {
  const line = await lines.next();
  if (line.done === true) break;
  const value = line.value === 'memory' ? bytesPerEntry() : measure(line.value);
  process.stdout.write(`${JSON.stringify({ workload: line.value, value })}\n`);
}
process.stderr.write(sum() === 42 ? '\n' : '');

function measure(name: string): number {
  const workload = WORKLOADS.find((one) => one.name === name);
  if (workload === undefined) return -1;
  let operations = 0;
  let micros = 0;
  // Small trees are measured again and again, or the compiler never gets to them.
  for (let done = 0; done < LEAST_KEYS; done += count) {
    const store = storeFor(workload);
    const started = process.cpuUsage();
    operations += workload.run(store, keys);
    const { system, user } = process.cpuUsage(started);
    micros += user + system;
    if (operations === 0) return -1;
  }
  return (micros * 1000) / operations;
}

function storeFor(workload: Workload): RangeStore {
  const { before, gaps = false, repeatable = false } = workload;
  const name = `${before} ${gaps}`;
  const known = repeatable ? kept.get(name) : undefined;
  if (known !== undefined) return known;
  const store = create(gaps);
  fill(store, workload, keys);
  if (repeatable) kept.set(name, store);
  return store;
}

/** Growth of the heap by a tree filled in shuffled order. Needs --expose-gc. */
function bytesPerEntry(): number {
  const { gc } = globalThis;
  if (gc === undefined) return -1;
  kept.clear();
  gc();
  const before = process.memoryUsage().heapUsed;
  const store = create(false);
  let value = 1;
  for (const start of keys.shuffled) store.put(start, start + 7, value++);
  gc();
  const after = process.memoryUsage().heapUsed;
  return store.load(keys.ordered[0] ?? 0) > 0 ? (after - before) / count : -1;
}
