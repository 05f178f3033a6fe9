// SPDX-License-Identifier: MIT
import fc from 'fast-check';
import type { KeyModeName } from './key.ts';

export { loadInSteps, UseAfterFreeError, type LoadStep } from './rcu-reader.ts';

const MAXIMA: Readonly<Record<KeyModeName, bigint>> = {
  number: 2n ** 53n - 1n,
  u32: 2n ** 32n - 1n,
  u64: 2n ** 64n - 1n,
};

/**
 * Indices of a key mode, most of them where bugs live: at both ends of the domain and beside given
 * ends of ranges.
 *
 * @param ends ends of ranges that a tree has
 */
export function boundaryIndices(
  mode: KeyModeName,
  ends: readonly bigint[] = [],
): fc.Arbitrary<bigint> {
  const max = MAXIMA[mode];
  const near = ends.flatMap((end) => [end - 1n, end, end + 1n]);
  const edges = [0n, 1n, max - 1n, max, ...near.filter((index) => index >= 0n && index <= max)];
  return fc.oneof(
    { weight: 3, arbitrary: fc.constantFrom(...edges) },
    { weight: 2, arbitrary: fc.bigInt({ min: 0n, max: 1000n }) },
    { weight: 1, arbitrary: fc.bigInt({ min: 0n, max }) },
  );
}
