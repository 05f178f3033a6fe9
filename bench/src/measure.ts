// SPDX-License-Identifier: MIT
import type { Series } from './benchmark.ts';

/** Something to measure. */
export interface Subject {
  readonly subject: string;
  /** Makes what a sample works on; its time does not count. */
  readonly prepare?: () => void;
  /** Does some operations and says how many. Called several times a sample where it is short. */
  readonly run: () => number;
}

/** How long to measure. */
export interface MeasureOptions {
  /** Counted samples of each subject. Default 11. */
  readonly samples?: number;
  /** Least time of a sample, milliseconds. Ignored where there is a `prepare`. Default 30. */
  readonly minMillis?: number;
  /** Samples that warm the compiler up and do not count. Default 3. */
  readonly warmUp?: number;
  /**
   * Which time counts. `cpu` is that of the process on all processors, its compiler and collector
   * included: on a busy machine it is the same, where `wall` counts the work of others. Default wall.
   */
  readonly clock?: 'wall' | 'cpu';
}

/** What was counted of one subject. */
export interface Samples {
  readonly nsPerOperation: readonly number[];
  readonly operations: number;
}

/**
 * Measures subjects in turn, A B C A B C …, so that a machine that slows down slows all of them; the
 * medians are then comparable within one run, and with nothing else.
 */
export function measureInterleaved(
  workload: string,
  subjects: readonly Subject[],
  options?: MeasureOptions,
): readonly Series[] {
  const taken = takeSamples(subjects, options);
  return subjects.flatMap(({ subject }, index) => seriesOf(workload, subject, taken[index]));
}

/** The samples of each subject, taken in turn. */
export function takeSamples(
  subjects: readonly Subject[],
  { samples = 11, minMillis = 30, warmUp = 3, clock = 'wall' }: MeasureOptions = {},
): readonly Samples[] {
  const times = subjects.map(() => [] as number[]);
  const operations = subjects.map(() => 0);
  for (let round = -warmUp; round < samples; round += 1) {
    for (const [index, subject] of subjects.entries()) {
      const sample = sampleOf(subject, minMillis, clock);
      if (round < 0) continue;
      times[index]?.push(sample.nsPerOperation);
      operations[index] = (operations[index] ?? 0) + sample.operations;
    }
  }
  return times.map((nsPerOperation, index) => ({
    nsPerOperation,
    operations: operations[index] ?? 0,
  }));
}

/** A series of the samples of one subject, of several turns perhaps; none where nothing was counted. */
export function seriesOf(
  workload: string,
  subject: string,
  ...taken: readonly (Samples | undefined)[]
): readonly Series[] {
  const known = taken.filter((one) => one !== undefined);
  const sorted = known.flatMap((one) => one.nsPerOperation).toSorted((a, b) => a - b);
  if (sorted.length === 0) return [];
  return [
    {
      workload,
      subject,
      nsPerOperation: quantile(sorted, 0.5),
      p99: quantile(sorted, 0.99),
      samples: sorted.length,
      operations: known.reduce((sum, one) => sum + one.operations, 0),
    },
  ];
}

function sampleOf(
  { prepare, run }: Subject,
  minMillis: number,
  clock: 'wall' | 'cpu',
): { readonly nsPerOperation: number; readonly operations: number } {
  prepare?.();
  const cpu = process.cpuUsage();
  const started = process.hrtime.bigint();
  let elapsed: bigint;
  let operations = 0;
  do {
    operations += run();
    elapsed = process.hrtime.bigint() - started;
  } while (prepare === undefined && elapsed < minMillis * 1e6);
  if (clock === 'wall') return { nsPerOperation: Number(elapsed) / operations, operations };
  const { system, user } = process.cpuUsage(cpu);
  return { nsPerOperation: ((system + user) * 1000) / operations, operations };
}

/** A quantile of ascending numbers: the nearest one. */
export function quantile(sorted: readonly number[], share: number): number {
  const index = Math.min(sorted.length - 1, Math.floor(share * sorted.length));
  return sorted[index] ?? Number.NaN;
}
