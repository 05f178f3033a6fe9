// SPDX-License-Identifier: MIT

/** What a map from ranges to values can do, as the workloads need it. Ranges do not overlap. */
export interface RangeStore {
  /** Maps [first, last] to a value where nothing or exactly this range is. */
  put(first: number, last: number, value: number): void;
  /** The value at an index; 0 where there is none. */
  load(index: number): number;
  /** Visits every range; returns how many there are. */
  scan(): number;
  /** The same by a cursor. Absent: the store has none. */
  walk?(): number;
  /** Maps [first, last] to a value and drops the ranges inside. */
  overwrite(first: number, last: number, value: number): void;
  /** Removes the range that holds an index. */
  erase(index: number): void;
  /** Finds 8 free indices from an index on; returns the first. Absent: the store keeps no gaps. */
  search?(from: number): number;
  /** Takes 8 free indices from an index on, and gives them back. */
  allocate?(from: number): void;
  /** Makes a snapshot and drops it. Absent: the store has none. */
  snapshot?(): void;
}

/** Something that is compared. */
export interface Contender {
  readonly name: string;
  readonly create: (keepGaps: boolean) => RangeStore;
}
