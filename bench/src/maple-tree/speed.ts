// SPDX-License-Identifier: MIT
import { spawn, type ChildProcessWithoutNullStreams } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { buildProgram } from '@kernel-models/oracle';
import type { Benchmark, BenchmarkContext, Goal, Series } from '../benchmark.ts';
import { quantile } from '../measure.ts';
import { table } from '../report.ts';
import { CONTENDERS } from './contenders.ts';
import { WORKLOADS } from './workloads.ts';

const KERNEL = 'lib/maple_tree.c';
const TUNED = 'maple tree';
const SEED = 12345;
const SIZES = [10_000, 100_000, 1_000_000] as const;
const WORKER = fileURLToPath(new URL('worker.js', import.meta.url));

/** Beyond this many entries one run of a peer takes minutes; it is left out. */
const SLOW: Readonly<Record<string, number>> = {
  avl: 100_000,
  'node-interval-tree': 10_000,
  'sorted arrays': 100_000,
  splaytree: 100_000,
};

/** The workload that leaves the tree whose memory is measured. */
const MEMORY_OF = 'random-insert';

/** Times the time of the C code, for number keys; u64 may take 1.4 of it. */
const AT_MOST: Readonly<Record<string, number>> = {
  'random-load': 1.5,
  'sequential-load': 2,
  scan: 1,
  'sequential-insert': 1.8,
  'random-insert': 1.1,
  'overwrite-10': 1.5,
  'overwrite-1000': 2,
  'exact-replace': 1.5,
  'random-erase': 1.2,
  'gap-search': 2,
  'allocate-free': 1.5,
};

const PEERS = CONTENDERS.map(({ name }) => name).filter((name) => !name.startsWith(TUNED));

/** A peer that is compared but is no tree, so that no goal holds the maple tree against it. */
const NO_TREE = 'sorted arrays';

/** The maple tree against the kernel's own and against the trees of JavaScript. */
export const mapleTreeSpeed: Benchmark = {
  name: 'maple-tree',
  title: 'maple tree',
  baseline: KERNEL,
  peers: PEERS,
  appendix: growth,
  isCharted: ({ workload }) => workload.endsWith(`${(100_000).toLocaleString('en-US')} entries`),
  goals: SIZES.flatMap(goalsOf),
  async run(context) {
    const series: Series[] = [];
    for (const count of context.quick ? [10_000] : SIZES) {
      series.push(...(await measureSize(count, context)));
    }
    return series;
  },
};

function title(workload: string, count: number): string {
  return `${workload}, ${count.toLocaleString('en-US')} entries`;
}

/** How the time of an operation grows with the tree: a line a workload and subject. */
function growth(series: readonly Series[]): string {
  const names = WORKLOADS.map(({ name }) => name);
  const isMeasured = (name: string, count: number): boolean =>
    series.some(({ workload }) => workload === title(name, count));
  const sizes = SIZES.filter((count) => names.some((name) => isMeasured(name, count)));
  const subjects = [...new Set(series.map(({ subject }) => subject))];
  const rows = names.flatMap((name) =>
    subjects.flatMap((subject) => {
      const cells = sizes.map((count) => {
        const one = series.find((s) => s.workload === title(name, count) && s.subject === subject);
        return one === undefined ? '' : one.nsPerOperation.toFixed(1);
      });
      return cells.every((cell) => cell === '') ? [] : [[name, subject, ...cells]];
    }),
  );
  const head = ['workload', 'subject', ...sizes.map((count) => count.toLocaleString('en-US'))];
  return `Growth with the number of entries, ns/op:\n\n${table(head, rows)}`;
}

function goalsOf(count: number): Goal[] {
  const against = (subject: string, factor: number): Goal[] =>
    Object.entries(AT_MOST).map(([workload, ratio]) => ({
      workload: title(workload, count),
      subject,
      atMost: { ratio: Math.round(ratio * factor * 100) / 100, of: KERNEL },
    }));
  const peers = PEERS.filter((of) => of !== NO_TREE).flatMap((of): Goal[] =>
    [
      ['random-load', 1 / 3],
      ['overwrite-10', 1 / 4],
      ['overwrite-1000', 1 / 40],
      ...['sequential-insert', 'random-insert', 'sequential-load', 'scan', 'exact-replace'].map(
        (name) => [name, 1] as const,
      ),
      ['random-erase', 1],
    ].map(([workload, ratio]) => ({
      workload: title(String(workload), count),
      subject: TUNED,
      atMost: { ratio: Math.round(Number(ratio) * 1000) / 1000, of },
    })),
  );
  return [
    ...against(TUNED, 1),
    ...against('maple tree, u64', 1.4),
    ...Object.keys(AT_MOST).map((workload) => ({
      workload: title(workload, count),
      subject: 'maple tree, kernel64',
      atMost: { ratio: 2.5, of: KERNEL },
    })),
    { workload: title(MEMORY_OF, count), subject: TUNED, atMostBytes: 60 },
    { workload: title(MEMORY_OF, count), subject: 'maple tree, u64', atMostBytes: 84 },
    ...peers,
  ];
}

/** A process that measures what it is told to. */
class Runner {
  readonly name: string;
  readonly #child: ChildProcessWithoutNullStreams;
  readonly #lines: AsyncIterator<string>;

  constructor(name: string, command: string, args: readonly string[], count: number) {
    this.name = name;
    this.#child = spawn(command, args);
    this.#lines = createInterface({ input: this.#child.stdout })[Symbol.asyncIterator]();
    this.#child.stdin.write(`${count} ${SEED}\n`);
  }

  /** @returns nanoseconds per operation, or bytes per entry; -1 where it cannot be measured */
  async measure(workload: string): Promise<number> {
    this.#child.stdin.write(`${workload}\n`);
    const line = await this.#lines.next();
    if (line.done === true) throw new Error(`${this.name}: died in ${workload}`);
    const answer: unknown = JSON.parse(line.value);
    const isAnswer = typeof answer === 'object' && answer !== null && 'value' in answer;
    return isAnswer && typeof answer.value === 'number' ? answer.value : -1;
  }

  close(): void {
    this.#child.stdin.end();
  }
}

async function measureSize(count: number, context: BenchmarkContext): Promise<Series[]> {
  const { kernelSource, progress, quick } = context;
  const runners = CONTENDERS.filter(({ name }) => count <= (SLOW[name] ?? Infinity)).map(
    ({ name }) => new Runner(name, process.execPath, ['--expose-gc', WORKER, name], count),
  );
  if (kernelSource === undefined) {
    progress(`${KERNEL} is left out: --kernel-source names no Linux source tree`);
  } else {
    const program = await buildProgram('maple-bench', kernelSource, '64-bit');
    runners.unshift(new Runner(KERNEL, program, [], count));
  }
  for (const [name, most] of Object.entries(SLOW)) {
    if (count > most) progress(`${name} is left out: it takes minutes with ${count} entries`);
  }
  // A sample of a large tree warms the compiler up by itself.
  const [warmUp, samples] = quick ? [2, 1] : count >= 1_000_000 ? [0, 2] : [2, 4];
  const series: Series[] = [];
  for (const { name } of WORKLOADS) {
    progress(title(name, count));
    series.push(...(await measureWorkload(name, count, runners, warmUp, samples)));
  }
  for (const runner of runners) {
    const bytesPerEntry = await runner.measure('memory');
    const at = series.findIndex(
      (one) => one.subject === runner.name && one.workload === title(MEMORY_OF, count),
    );
    const measured = series[at];
    if (measured !== undefined) series[at] = { ...measured, bytesPerEntry };
    runner.close();
  }
  return series;
}

/** Rounds of A B C …, the first of which warm up. */
async function measureWorkload(
  name: string,
  count: number,
  runners: readonly Runner[],
  warmUp: number,
  samples: number,
): Promise<Series[]> {
  const times = new Map(runners.map((runner) => [runner, [] as number[]]));
  for (let round = -warmUp; round < samples; round++) {
    for (const [runner, values] of times) {
      if (round >= 1 && values.length === 0) continue; // It cannot do this.
      const value = await runner.measure(name);
      if (round >= 0 && value >= 0) values.push(value);
    }
  }
  return [...times].flatMap(([{ name: subject }, values]) => {
    if (values.length === 0) return [];
    const sorted = values.toSorted((a, b) => a - b);
    return [
      {
        workload: title(name, count),
        subject,
        nsPerOperation: quantile(sorted, 0.5),
        p99: quantile(sorted, 0.99),
        samples: sorted.length,
        operations: sorted.length * count,
      },
    ];
  });
}
