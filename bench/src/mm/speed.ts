// SPDX-License-Identifier: MIT
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { mmModel, type Setup, type State } from '@kernel-models/mm';
import { subsystemOf, timeOperationPair } from '@kernel-models/oracle';
import type { Benchmark, BenchmarkContext, Goal, Series } from '../benchmark.ts';
import { seriesOf, takeSamples, type Samples, type Subject } from '../measure.ts';
import { NaiveSpace } from './naive.ts';
import { manyMappings, PAIRS, type Pair } from './workloads.ts';

const REVISION = 'linux-6.18';
const KERNEL = 'the kernel itself';
const NAIVE = 'a sorted array';
const SIZES = [100, 10_000, 60_000] as const;

/** Size of the address space whose states are kept. */
const KEPT_SIZE = 10_000;
const MEMORY = `a state kept at every step, ${formatSize(KEPT_SIZE)} mappings`;

/** Samples that warm the compiler up, of each pair before anything is measured and then of each subject. */
const WARM_UP = { first: 40, each: 10 } as const;

/** Model and kernel take turns so often: a machine that slows down slows both. */
const ROUNDS = 4;

/** Most bytes that a kept state may add. */
const MOST_BYTES = 1024;

/**
 * The speed of mm: pairs of calls that take each other back, on address spaces of three sizes, beside
 * the running kernel's own system calls; and the memory of states that are kept.
 */
export const mmSpeed: Benchmark = {
  name: 'mm',
  title: 'mm',
  baseline: KERNEL,
  isCharted: ({ workload }) => workload !== MEMORY,
  goals: [
    ...SIZES.flatMap((size) =>
      PAIRS.map((pair): Goal => ({
        workload: title(pair, size),
        subject: 'model',
        atMost: { ratio: 1, of: KERNEL },
      })),
    ),
    { workload: MEMORY, subject: 'model', atMostBytes: MOST_BYTES },
  ],
  async run(context) {
    const sizes = context.quick ? SIZES.slice(0, 2) : SIZES;
    warmUp();
    const series: Series[] = [];
    for (const size of sizes) {
      for (const pair of PAIRS) series.push(...(await measurePair(pair, size, context)));
    }
    return [...series, keptStates(context)];
  },
};

/** Lets the compiler see all pairs, until it compiles no more: the first would pay for it otherwise. */
function warmUp(): void {
  const process = ownProcess();
  const models = PAIRS.map((pair) => modelOf(pair, process, SIZES[0]));
  takeSamples(models, { samples: 0, warmUp: WARM_UP.first });
}

function title({ name }: Pair, size: number): string {
  return `${name}, ${formatSize(size)} mappings`;
}

function formatSize(size: number): string {
  return size.toLocaleString('en');
}

async function measurePair(
  pair: Pair,
  size: number,
  { quick, progress }: BenchmarkContext,
): Promise<readonly Series[]> {
  const workload = title(pair, size);
  const samples = quick ? 1 : 3;
  const process = ownProcess();
  const subjects = [modelOf(pair, process, size), naiveOf(pair, process, size)];
  takeSamples(subjects, { samples: 0, warmUp: WARM_UP.each });
  const ours: (readonly Samples[])[] = [];
  const kernels: Samples[] = [];
  for (let round = 0; round < ROUNDS; round += 1) {
    ours.push(takeSamples(subjects, { samples, warmUp: 0, clock: 'cpu' }));
    const timed = await timeKernel(pair, size, quick ? 200 : 2000, samples);
    if ('skip' in timed) {
      if (round === 0) progress(`${workload}: the kernel itself is left out: ${timed.skip}`);
    } else kernels.push(timed);
  }
  return [
    ...subjects.flatMap(({ subject }, index) =>
      seriesOf(workload, subject, ...ours.map((taken) => taken[index])),
    ),
    ...seriesOf(workload, KERNEL, ...kernels),
  ];
}

/** Samples of the running kernel: too short to be interrupted often, so that the wall clock will do. */
async function timeKernel(
  pair: Pair,
  size: number,
  pairs: number,
  samples: number,
): Promise<Samples | { readonly skip: string }> {
  const timed = await timeOperationPair({
    preparation: (one) => manyMappings(one, size),
    first: pair.first,
    second: pair.second,
    pairs,
    samples,
  });
  if ('skip' in timed) return timed;
  return { nsPerOperation: timed.nsPerPair, operations: pairs * timed.nsPerPair.length };
}

/** A process that no kernel has to be asked for. */
function ownProcess(): Setup {
  const world = subsystemOf('mm').explorations.find(({ name }) => name === 'heap');
  const [setup] = world?.setups ?? [];
  if (setup === undefined) throw new RangeError('world: expected heap among those of mm');
  return setup;
}

function prepared(process: Setup, size: number): State {
  return manyMappings(process, size).reduce(
    (state, operation) => mmModel.apply(state, operation, REVISION).state,
    mmModel.initial(process),
  );
}

/** Pairs in one turn of a loop: the clock is looked at seldom. */
const TURN = 100;

function modelOf(pair: Pair, process: Setup, size: number): Subject {
  let state = prepared(process, size);
  const first = pair.first(process);
  const second = pair.second(process);
  return {
    subject: 'model',
    run: () => {
      for (let count = 0; count < TURN; count += 1) {
        state = mmModel.apply(state, first, REVISION).state;
        state = mmModel.apply(state, second, REVISION).state;
      }
      return TURN;
    },
  };
}

function naiveOf(pair: Pair, process: Setup, size: number): Subject {
  const space = new NaiveSpace(process);
  for (const operation of manyMappings(process, size)) space.apply(operation);
  const first = pair.first(process);
  const second = pair.second(process);
  return {
    subject: NAIVE,
    run: () => {
      for (let count = 0; count < TURN; count += 1) {
        space.apply(first);
        space.apply(second);
      }
      return TURN;
    },
  };
}

/** Growth of the heap by a state a step, all of them kept. */
function keptStates({ quick }: BenchmarkContext): Series {
  const process = ownProcess();
  const steps = quick ? 600 : 6000;
  let state = prepared(process, KEPT_SIZE);
  const operations = PAIRS.flatMap(({ first, second }) => [first(process), second(process)]);
  const kept: State[] = [];
  const before = usedHeap();
  for (let step = 0; step < steps; step += 1) {
    const operation = operations[step % operations.length];
    if (operation === undefined) break;
    state = mmModel.apply(state, operation, REVISION).state;
    kept.push(state);
  }
  const bytesPerEntry = (usedHeap() - before) / kept.length;
  return {
    workload: MEMORY,
    subject: 'model',
    nsPerOperation: Number.NaN,
    p99: Number.NaN,
    samples: 1,
    operations: kept.length,
    bytesPerEntry,
  };
}

function usedHeap(): number {
  setFlagsFromString('--expose-gc');
  const collect: () => void = runInNewContext('gc');
  collect();
  return process.memoryUsage().heapUsed;
}
