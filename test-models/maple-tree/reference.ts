// SPDX-License-Identifier: MIT

/** A stretch of indices with one content; null is "nothing stored". Both ends belong to it. */
export interface Slot {
  readonly first: bigint;
  readonly last: bigint;
  readonly entry: unknown;
}

/** The zero entry of the reference. */
export const ZERO = 'zero';

/**
 * Where the content lives, which shows in a cursor's status: nowhere, in the root word (index 0 alone),
 * or in nodes. A tree that has nodes loses them only by a store of null over everything.
 */
export type Form = 'empty' | 'root' | 'nodes';

/**
 * The maple tree as Documentation/core-api/maple_tree.rst has it, on a sorted array of ranges and
 * without a thought for speed.
 */
export class Reference {
  readonly max: bigint;
  readonly allocRange: boolean;
  form: Form = 'empty';
  /** Ranges that hold an entry, in ascending order. */
  ranges: Slot[] = [];
  wrapped = false;

  constructor(max: bigint, allocRange: boolean) {
    this.max = max;
    this.allocRange = allocRange;
  }

  copy(): Reference {
    const copy = new Reference(this.max, this.allocRange);
    copy.form = this.form;
    copy.ranges = [...this.ranges];
    copy.wrapped = this.wrapped;
    return copy;
  }

  /** All indices from 0 to the last, as slots: ranges, and the holes between them. */
  slots(): Slot[] {
    const slots: Slot[] = [];
    let from = 0n;
    for (const range of this.ranges) {
      if (range.first > from) slots.push({ first: from, last: range.first - 1n, entry: null });
      slots.push(range);
      from = range.last + 1n;
    }
    if (from <= this.max) slots.push({ first: from, last: this.max, entry: null });
    return slots;
  }

  slotAt(index: bigint): Slot {
    const slot = this.slots().find(({ last }) => last >= index);
    if (slot === undefined) throw new Error(`reference: no slot at ${index}`);
    return slot;
  }

  load(index: bigint): unknown {
    const { entry } = this.slotAt(index);
    return entry === ZERO ? null : entry;
  }

  /** Puts an entry, or null, over [first, last], cutting what it overlaps. */
  store(first: bigint, last: bigint, entry: unknown): number {
    if (first > last) return -22;
    this.#reform(first, last, entry);
    const kept: Slot[] = [];
    for (const range of this.ranges) {
      if (range.last < first || range.first > last) kept.push(range);
      else {
        if (range.first < first) kept.push({ ...range, last: first - 1n });
        if (range.last > last) kept.push({ ...range, first: last + 1n });
      }
    }
    if (entry !== null) kept.push({ first, last, entry });
    this.ranges = kept.sort((a, b) => (a.first < b.first ? -1 : 1));
    return 0;
  }

  #reform(first: bigint, last: bigint, entry: unknown): void {
    if (this.form === 'nodes') {
      const { first: from, last: to } = this.widened(first, last, entry);
      const single = this.slots().length === 1;
      if (entry === null && from === 0n && to === this.max && !single) this.form = 'empty';
    } else if (entry === null) {
      if (first === 0n) this.form = 'empty';
    } else {
      this.form = last === 0n && entry !== ZERO ? 'root' : 'nodes';
    }
  }

  /** The range that a store covers in the end: null swallows the holes at its sides. */
  widened(first: bigint, last: bigint, entry: unknown): { first: bigint; last: bigint } {
    if (entry !== null) return { first, last };
    const holes = this.slots().filter((slot) => slot.entry === null);
    const before = holes.find((hole) => hole.first < first && hole.last >= first - 1n);
    const behind = holes.find((hole) => hole.last > last && hole.first <= last + 1n);
    return { first: before?.first ?? first, last: behind?.last ?? last };
  }

  insert(first: bigint, last: bigint, entry: unknown): number {
    if (first > last) return -22;
    if (this.ranges.some((range) => range.first <= last && range.last >= first)) return -17;
    return this.store(first, last, entry);
  }

  erase(index: bigint): unknown {
    const { entry, first, last } = this.slotAt(index);
    if (entry !== null) this.store(first, last, null);
    return entry;
  }

  /** The lowest or the highest place for `size` indices in [min, max]; null where there is none. */
  place(size: bigint, min: bigint, max: bigint, lowest: boolean): bigint | null {
    const fits = this.slots()
      .filter(({ entry }) => entry === null)
      .map(({ first, last }) => ({
        first: first > min ? first : min,
        last: last < max ? last : max,
      }))
      .filter(({ first, last }) => last - first + 1n >= size);
    const hole = lowest ? fits[0] : fits.at(-1);
    if (hole === undefined) return null;
    return lowest ? hole.first : hole.last - size + 1n;
  }

  allocate(entry: unknown, size: bigint, min: bigint, max: bigint, low: boolean): bigint | number {
    if (!this.allocRange || entry === ZERO) return -22;
    if (min > max || size === 0n || max - min < size - 1n) return -22;
    const start = this.place(size, min, max, low);
    if (start === null) return -16;
    this.store(start, start + size - 1n, entry);
    return start;
  }

  allocateCyclic(
    entry: unknown,
    min: bigint,
    max: bigint,
    next: bigint,
  ): { start: bigint; next: bigint; wrapped: boolean } | number {
    if (!this.allocRange || entry === ZERO) return -22;
    const from = next > min ? next : min;
    let start = from > max ? null : this.place(1n, from, max, true);
    let again = false;
    if (start === null && from > min && min <= max) {
      start = this.place(1n, min, max, true);
      again = start !== null;
    }
    if (start === null) return from > max && (from <= min || min > max) ? -22 : -16;
    this.store(start, start, entry);
    const wrapped = again || this.wrapped;
    if (this.wrapped && !again) this.wrapped = false;
    if (start === this.max) this.wrapped = true;
    return { start, next: start === this.max ? 0n : start + 1n, wrapped };
  }

  find(index: bigint, max: bigint): { entry: unknown; index: bigint } | null {
    const found = this.ranges.find(
      ({ entry, first, last }) => entry !== ZERO && last >= index && first <= max,
    );
    if (index > max || found === undefined) return null;
    return { entry: found.entry, index: found.last === this.max ? 0n : found.last + 1n };
  }

  next(index: bigint, max: bigint): unknown {
    if (index >= max) return null;
    const { last } = this.slotAt(index);
    return this.ranges.find(({ first }) => first > last && first <= max)?.entry ?? null;
  }

  prev(index: bigint, min: bigint): unknown {
    if (index <= min) return null;
    // In a tree without nodes the answer is the root word, whatever the lower limit is.
    if (this.form === 'root') return this.slotAt(0n).entry;
    const { first } = this.slotAt(index);
    return this.ranges.findLast(({ last }) => last < first && last >= min)?.entry ?? null;
  }
}
