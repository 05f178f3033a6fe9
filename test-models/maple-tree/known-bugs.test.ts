// SPDX-License-Identifier: MIT
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { InvariantError } from '@kernel-models/maple-tree';
import { bugOptions, KNOWN_BUGS } from '@kernel-models/maple-tree/bugs';
import { GALLERY_SEEDS, IS_GALLERY } from '../support/check-property.ts';
import * as properties from './properties.ts';
import { Violation } from './world.ts';

/** Which general property is tried on a bug, by what it must break. */
const PROPERTY_OF: Readonly<Record<string, properties.TreeProperty>> = {
  stackrot: properties.readersAgainstWriters,
  'rcu-append': properties.readersAgainstWriters,
  'rcu-inplace': properties.readersAgainstWriters,
  'null-expand-retry': properties.writerWhileWaiting,
  'bulk-tail': properties.bulkLoading,
  'sparse-area': properties.gapSearches,
  'rev-top-wrap': properties.gapSearches,
  'destroy-full-range-rcu': properties.destruction,
};

const RUNS = 500;
/** Runs in which the tree without a bug must not fail. */
const CLEAN_RUNS = IS_GALLERY ? RUNS : 60;

/** What a run of a property ended with: which property broke, or none. */
async function firstBroken(
  property: fc.IRawProperty<unknown>,
  seed: number,
  runs: number,
): Promise<{ broken: string | null; runs: number }> {
  const details = await fc.check(property, {
    seed,
    numRuns: runs,
    endOnFailure: true,
  });
  const error = details.errorInstance;
  if (!details.failed) return { broken: null, runs: details.numRuns };
  if (error instanceof Violation) return { broken: error.property, runs: details.numRuns };
  if (error instanceof InvariantError) return { broken: error.invariant, runs: details.numRuns };
  return { broken: `exception: ${String(error)}`, runs: details.numRuns };
}

describe('known bugs of the maple tree', () => {
  const reachable = KNOWN_BUGS.filter(({ caughtBy }) => !caughtBy.includes('strict-replay'));

  test.each(reachable)('$id is caught', async ({ caughtBy, id }) => {
    const property = (PROPERTY_OF[id] ?? properties.programs)(bugOptions(id));
    for (const seed of GALLERY_SEEDS) {
      const { broken } = await firstBroken(property, seed, RUNS);
      const shows = caughtBy.includes(broken ?? '') || isCursorCrash(id, broken);
      expect({ seed, broken, shows }).toEqual({ seed, broken, shows: true });
    }
  });

  test.each([...new Set([...Object.values(PROPERTY_OF), properties.programs])])(
    'the clean tree passes the same seeds, %#',
    async (property) => {
      for (const seed of GALLERY_SEEDS) {
        const clean = await firstBroken(property({}), seed, CLEAN_RUNS);
        expect(clean).toEqual({ broken: null, runs: CLEAN_RUNS });
      }
    },
  );
});

/** Going on without a node is what the bug is; it shows as the exception of the step. */
function isCursorCrash(id: string, broken: string | null): boolean {
  return id === 'restore-active' && broken !== null && broken.includes('expected a node');
}
