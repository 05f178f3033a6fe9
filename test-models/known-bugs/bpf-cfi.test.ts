// SPDX-License-Identifier: MIT
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { isBugRevision } from '@kernel-models/model-core';
import { REVISIONS, typeIdModel } from '@kernel-models/bpf-cfi';
import { GALLERY_SEEDS, IS_GALLERY } from '../support/check-property.ts';
import { GENERAL, PARTICULAR, type NamedProperty } from '../bpf-cfi/properties.ts';

/*
 * Every bug variant of bpf-cfi must be caught by each property that it names, and the revision on which
 * it stands must pass the same property with the same seed.
 */

/** Cases that a property may take to find a bug. */
const BUDGET = IS_GALLERY ? 6000 : 3000;

const bugs = REVISIONS.filter(isBugRevision);

function propertyNamed(id: string): NamedProperty {
  const property = [...GENERAL, ...PARTICULAR].find((each) => each.id === id);
  if (property === undefined) throw new Error(`gallery: expected a property, got ${id}`);
  return property;
}

describe('bug variants of bpf-cfi', () => {
  test('each names a property that catches it', () => {
    expect(bugs.filter(({ caughtBy }) => caughtBy.length === 0)).toEqual([]);
  });

  test.each(bugs)('$id: $story', ({ id, base, caughtBy }) => {
    const survivors: string[] = [];
    for (const seed of GALLERY_SEEDS) {
      for (const name of caughtBy) {
        const { property } = propertyNamed(name);
        const onBug = fc.check(property(id), { seed, numRuns: BUDGET, endOnFailure: true });
        if (!onBug.failed) survivors.push(`${name} misses ${id} with seed ${seed}`);
        const runs = Math.max(100, onBug.numRuns);
        const onBase = fc.check(property(base), { seed, numRuns: runs, endOnFailure: true });
        if (onBase.failed)
          survivors.push(`${name} fails on ${base}: ${String(onBase.errorInstance)}`);
      }
    }
    expect(survivors).toEqual([]);
  });
});

test('dropping the qualifiers of a return type changes a type id', () => {
  const qualified = {
    kind: 'qualified',
    qualifiers: ['const'],
    type: { kind: 'builtin', name: 'int' },
  } as const;
  const operation = {
    op: 'hash',
    type: { kind: 'function', returns: qualified, parameters: [], variadic: false },
  } as const;
  const setup = {
    compiler: 'clang-19',
    normalizeIntegers: false,
    unsignedChar: false,
    branchProtection: false,
    prefixNops: 0,
  } as const;
  const ids = typeIdModel.revisions.map(
    ({ id }) => typeIdModel.apply(setup, operation, id).outcome,
  );
  expect(ids[0]).not.toEqual(ids[1]);
});
