// SPDX-License-Identifier: MIT
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { boundaryIndices } from '@kernel-models/maple-tree/testing';

describe('boundaryIndices', () => {
  test.each([
    ['number', 2n ** 53n - 1n],
    ['u32', 2n ** 32n - 1n],
    ['u64', 2n ** 64n - 1n],
  ] as const)(
    '%s: stays in the domain, reaches both ends and the neighbours given',
    (mode, max) => {
      const seen = fc.sample(boundaryIndices(mode, [100n, max]), { numRuns: 400, seed: 1 });
      expect(seen.every((index) => index >= 0n && index <= max)).toBe(true);
      for (const index of [0n, 1n, max - 1n, max, 99n, 100n, 101n]) expect(seen).toContain(index);
    },
  );
});
