// SPDX-License-Identifier: MIT

/** What a map from ranges to values can do, as the workloads need it. Ranges do not overlap. */
export interface RangeStore<K> {
  /** Maps [first, last] to a value where nothing or exactly this range is. */
  put(first: K, last: K, value: number): void;
  /** The value at an index; 0 where there is none. */
  load(index: K): number;
  /** Visits every range the fastest way there is; returns the sum of the values. */
  scan(): number;
  /** The same by a cursor. Absent: the store has none. */
  walk?(): number;
  /** Maps [first, last] to a value and drops the ranges inside. */
  overwrite(first: K, last: K, value: number): void;
  /** Removes the range that holds an index. */
  erase(index: K): void;
  /** Finds 8 free indices from an index on; returns the first. Absent: the store keeps no gaps. */
  search?(from: K): K;
  /** Takes 8 free indices from an index on, and gives them back. */
  allocate?(from: K): void;
  /** Makes a snapshot and drops it. Absent: the store has none. */
  snapshot?(): void;
}

/** Something that is compared. Its keys are made before anything is measured, as in the C program. */
export interface Contender {
  readonly name: string;
  /** Goes through its workloads; made anew for each number of entries. */
  readonly open: (count: number, seed: number) => Measurable;
}

/** A contender with its keys. */
export interface Measurable {
  /** Nanoseconds of CPU time an operation; -1 where it cannot do the workload. */
  measure(workload: string): number;
  /** Bytes of heap an entry; -1 where the collector cannot be called. */
  bytesPerEntry(): number;
}
