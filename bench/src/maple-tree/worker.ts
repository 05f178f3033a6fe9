// SPDX-License-Identifier: MIT
import { createInterface } from 'node:readline';
import { CONTENDERS } from './contenders.ts';
import { sum } from './workloads.ts';

/*
 * One contender in a process of its own, so that the compiler sees no other: node worker.js <contender>.
 * It speaks the protocol of maple-bench.c: the number of entries and a seed, then workloads by name;
 * each is answered by nanoseconds of CPU time per operation, -1 where the contender cannot do it.
 */

const contender = CONTENDERS.find(({ name }) => name === process.argv[2]);
if (contender === undefined) throw new Error(`worker: no contender ${process.argv[2]}`);

const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]();
const first = await lines.next();
const [count = 0, seed = 0] = String(first.value).split(' ').map(Number);
const session = contender.open(count, seed);

for (;;) {
  const line = await lines.next();
  if (line.done === true) break;
  const value = line.value === 'memory' ? session.bytesPerEntry() : session.measure(line.value);
  process.stdout.write(`${JSON.stringify({ workload: line.value, value })}\n`);
}
process.stderr.write(sum() === 42 ? '\n' : '');
