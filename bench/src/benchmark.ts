// SPDX-License-Identifier: MIT

/** One subject on one workload, as measured. */
export interface Series {
  /** What was done: `check, 1,000 inodes`. */
  readonly workload: string;
  /** Who did it: the model, a peer, the running kernel. */
  readonly subject: string;
  /** Median over the samples, nanoseconds. NaN where memory alone was measured. */
  readonly nsPerOperation: number;
  /** 99th percentile over the samples, nanoseconds. */
  readonly p99: number;
  readonly samples: number;
  /** Operations in all samples together. */
  readonly operations: number;
  /** Bytes of heap per entry, where the workload is about memory. */
  readonly bytesPerEntry?: number;
}

/** What a subject is to reach on a workload. */
export interface Goal {
  readonly workload: string;
  readonly subject: string;
  /** At least so many operations per second, on one core. */
  readonly atLeastPerSecond?: number;
  /** At most so many times the time of this peer in the same run. */
  readonly atMost?: { readonly ratio: number; readonly of: string };
  /** At most so many bytes per entry. */
  readonly atMostBytes?: number;
}

/** A set of workloads that belong together. */
export interface Benchmark {
  /** The name to give on the command line, and of the result files. */
  readonly name: string;
  readonly title: string;
  /** The subject to which the others are set in relation in tables; absent: none. */
  readonly baseline?: string;
  /** Subjects of others; tables then have the ratio to the best of them. Absent: none. */
  readonly peers?: readonly string[];
  readonly goals: readonly Goal[];
  /** Markdown to put behind the tables. Absent: none. */
  readonly appendix?: (series: readonly Series[]) => string;
  /** What the chart shows. Absent: everything. */
  readonly isCharted?: (one: Series) => boolean;
  readonly run: (context: BenchmarkContext) => Promise<readonly Series[]>;
}

/** What a benchmark is told. */
export interface BenchmarkContext {
  /** Fewer samples and smaller sizes, to see that it works. */
  readonly quick: boolean;
  /** A kernel source tree, for peers that are built from it. */
  readonly kernelSource: string | undefined;
  readonly progress: (text: string) => void;
}
