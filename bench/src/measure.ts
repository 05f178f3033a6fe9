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
}

/**
 * Measures subjects in turn, A B C A B C …, so that a machine that slows down slows all of them; the
 * medians are then comparable within one run, and with nothing else.
 */
export function measureInterleaved(
  workload: string,
  subjects: readonly Subject[],
  { samples = 11, minMillis = 30, warmUp = 3 }: MeasureOptions = {},
): readonly Series[] {
  const times = subjects.map(() => [] as number[]);
  const operations = subjects.map(() => 0);
  for (let round = -warmUp; round < samples; round += 1) {
    for (const [index, subject] of subjects.entries()) {
      const sample = sampleOf(subject, minMillis);
      if (round < 0) continue;
      times[index]?.push(sample.nsPerOperation);
      operations[index] = (operations[index] ?? 0) + sample.operations;
    }
  }
  return subjects.map(({ subject }, index) => {
    const sorted = (times[index] ?? []).toSorted((a, b) => a - b);
    return {
      workload,
      subject,
      nsPerOperation: quantile(sorted, 0.5),
      p99: quantile(sorted, 0.99),
      samples: sorted.length,
      operations: operations[index] ?? 0,
    };
  });
}

function sampleOf(
  { prepare, run }: Subject,
  minMillis: number,
): { readonly nsPerOperation: number; readonly operations: number } {
  prepare?.();
  const started = process.hrtime.bigint();
  let elapsed: bigint;
  let operations = 0;
  do {
    operations += run();
    elapsed = process.hrtime.bigint() - started;
  } while (prepare === undefined && elapsed < minMillis * 1e6);
  return { nsPerOperation: Number(elapsed) / operations, operations };
}

/** A quantile of ascending numbers: the nearest one. */
export function quantile(sorted: readonly number[], share: number): number {
  const index = Math.min(sorted.length - 1, Math.floor(share * sorted.length));
  return sorted[index] ?? Number.NaN;
}
