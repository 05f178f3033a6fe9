// SPDX-License-Identifier: MIT
import fc from 'fast-check';
import { ZERO, type Reference } from './reference.ts';
import type { Kind, Resolved } from './world.ts';

/**
 * An index, chosen when the operation runs: an absolute one, or one near an end of a range that the
 * tree has by then. Bugs live at ends.
 */
export type IndexChoice =
  | { readonly kind: 'low'; readonly value: number }
  | { readonly kind: 'high'; readonly below: number }
  | { readonly kind: 'near'; readonly pick: number; readonly delta: number };

/** An operation before its words are resolved. */
export interface Choice {
  readonly op: string;
  readonly a: IndexChoice;
  readonly b: IndexChoice;
  readonly length: number;
  /** Whether the range is [a, a + length - 1] and not between a and b. */
  readonly short: boolean;
  readonly entry: unknown;
  readonly every: boolean;
}

const index: fc.Arbitrary<IndexChoice> = fc.oneof(
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('low' as const), value: fc.nat(900) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('low' as const), value: fc.nat(2) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('high' as const), below: fc.nat(3) }) },
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant('near' as const),
      pick: fc.nat(10_000),
      delta: fc.integer({ min: -2, max: 2 }),
    }),
  },
);

const WRITES = ['store', 'store', 'store', 'store', 'insert', 'erase', 'store', 'mas_store'];
const ALLOCATIONS = ['allocate', 'allocateRev', 'allocateCyclic', 'mas_empty_area'];
const STEPS = [
  ...['mas_set', 'mas_walk', 'mas_next', 'mas_prev', 'mas_find', 'mas_find_rev', 'mas_pause'],
  ...['mas_erase', 'mas_reset', 'mas_next', 'mas_prev', 'mas_find', 'mas_find_rev', 'mas_store'],
];
const READS = ['load', 'find', 'next', 'prev'];

const entry = fc.oneof(
  { weight: 6, arbitrary: fc.constantFrom('a', 'b', 'c', 'd') },
  { weight: 3, arbitrary: fc.constant(null) },
  { weight: 1, arbitrary: fc.constant(ZERO) },
);

/** Swarm weights: every run favours some operations and may lack others. */
export function choices(maxLength: number, kind: Kind): fc.Arbitrary<readonly Choice[]> {
  const mixes = [
    [...WRITES, ...WRITES, ...READS],
    [...WRITES, ...STEPS],
    [...WRITES, ...WRITES, ...WRITES, 'erase', 'erase'],
    [...WRITES, ...STEPS, ...READS, ...(kind.allocRange ? ALLOCATIONS : [])],
    ...(kind.allocRange ? [[...WRITES, ...ALLOCATIONS]] : []),
  ];
  return fc
    .constantFrom(...mixes)
    .chain((mix) =>
      fc.array(choice(mix), { maxLength, size: 'max', minLength: Math.min(10, maxLength) }),
    );
}

/** One operation out of a mix. */
export function choice(mix: readonly string[]): fc.Arbitrary<Choice> {
  return fc.record({
    op: fc.constantFrom(...mix),
    a: index,
    b: index,
    length: fc.oneof(fc.nat(4), fc.nat(60)),
    short: fc.boolean().map((one) => one),
    entry,
    every: fc.boolean(),
  });
}

/** All operations, for generators that do not weigh. */
export const EVERY_OPERATION: readonly string[] = [...WRITES, ...READS, ...STEPS, ...ALLOCATIONS];

/** Every kind of tree. */
export const kinds: fc.Arbitrary<Kind> = fc.record({
  keys: fc.constantFrom('number', 'u64', 'u32'),
  geometry: fc.constantFrom('kernel64', 'kernel32', 'tuned', 'small'),
  allocRange: fc.boolean(),
  rcu: fc.boolean(),
});

/** The words of an operation, in a tree as it is now. */
export function resolve(choice: Choice, reference: Reference): Resolved {
  const { every, length, op, short } = choice;
  let a = resolveIndex(choice.a, reference);
  let b = short ? a + BigInt(length) : resolveIndex(choice.b, reference);
  if (b > reference.max) b = reference.max;
  const ordered = ['store', 'insert', 'mas_set', 'allocate', 'allocateRev', 'mas_empty_area'];
  if (a > b && ordered.includes(op)) [a, b] = [b, a];
  if (/^alloc|_area/.test(op) && length % 3 === 0) b = reference.max;
  if (/^alloc|_area/.test(op) && length % 6 === 0) a = 0n;
  return { op, a, b, size: BigInt(length), entry: choice.entry, every };
}

function resolveIndex(choice: IndexChoice, { max, ranges }: Reference): bigint {
  switch (choice.kind) {
    case 'low':
      return BigInt(choice.value);
    case 'high':
      return max - BigInt(choice.below);
    case 'near': {
      const range = ranges[(choice.pick >> 1) % Math.max(1, ranges.length)];
      const end = range === undefined ? 0n : choice.pick % 2 === 0 ? range.first : range.last;
      const near = end + BigInt(choice.delta);
      return near < 0n ? 0n : near > max ? max : near;
    }
  }
}
