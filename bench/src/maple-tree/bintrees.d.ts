// SPDX-License-Identifier: MIT

/** As much of bintrees 1.0.2 as is measured; the package ships no types. */
declare module 'bintrees' {
  export interface Iterator<T> {
    data(): T | null;
    next(): T | null;
    prev(): T | null;
  }
  export class RBTree<T> {
    constructor(compare: (a: T, b: T) => number);
    insert(data: T): boolean;
    remove(data: T): boolean;
    upperBound(data: T): Iterator<T>;
    lowerBound(data: T): Iterator<T>;
    each(visit: (data: T) => void): void;
  }
}
