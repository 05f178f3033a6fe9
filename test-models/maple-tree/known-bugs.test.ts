// SPDX-License-Identifier: MIT
import { fileURLToPath } from 'node:url';
import fc from 'fast-check';
import { afterAll, describe, expect, test } from 'vitest';
import { InvariantError } from '@kernel-models/maple-tree';
import { bugOptions, KNOWN_BUGS } from '@kernel-models/maple-tree/bugs';
import { COMMITTED_SEED, GALLERY_SEEDS, IS_GALLERY } from '../support/check-property.ts';
import { readersAgainstWriters } from './interleavings.ts';
import * as properties from './properties.ts';
import { Violation } from './world.ts';

/** Which general property is tried on a bug, by what it must break. */
const PROPERTY_OF: Readonly<Record<string, properties.TreeProperty>> = {
  stackrot: readersAgainstWriters,
  'rcu-append': readersAgainstWriters,
  'rcu-inplace': readersAgainstWriters,
  'null-expand-retry': properties.writerWhileWaiting,
  'bulk-tail': properties.bulkLoading,
  'sparse-area': properties.gapSearches,
  'rev-top-wrap': properties.gapSearches,
  'empty-area-minmax': properties.continuations,
  'destroy-full-range-rcu': properties.destruction,
};

const RUNS = 500;
/** Runs in which the tree without a bug must not fail. */
const CLEAN_RUNS = IS_GALLERY ? RUNS : 60;
/** Two trees side by side take their time. */
const TWIN_RUNS = 60;
/** Milliseconds for a test that goes through all seeds of the gallery. */
const ALL_SEEDS_MS = 300_000;

/** Runs until each bug was caught, one for each seed, for the table that the gallery prints. */
const runsToKill: string[] = [];

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
    const needed: number[] = [];
    for (const seed of GALLERY_SEEDS) {
      const { broken, runs } = await firstBroken(property, seed, RUNS);
      const shows = caughtBy.includes(broken ?? '');
      expect({ seed, broken, shows }).toEqual({ seed, broken, shows: true });
      needed.push(runs);
    }
    runsToKill.push(`${id}, ${needed.join(' ')}, ${caughtBy.join(' or ')}`);
  });

  test(
    'parent-slot-4bit is harmless where no node has more than 16 slots',
    async () => {
      const harmless = properties.harmlessness({
        ...bugOptions('parent-slot-4bit'),
        geometry: 'kernel64',
      });
      const onSmallMachine = properties.harmlessness(bugOptions('parent-slot-4bit'));
      for (const seed of GALLERY_SEEDS) {
        const broken64 = await firstBroken(harmless, seed, TWIN_RUNS);
        expect(broken64).toEqual({ broken: null, runs: TWIN_RUNS });
        const { broken } = await firstBroken(onSmallMachine, seed, RUNS);
        expect(broken).not.toBeNull();
      }
    },
    ALL_SEEDS_MS,
  );

  test('stackrot is caught with a schedule of few steps, which docs/stackrot.md shows', async () => {
    const property = readersAgainstWriters(bugOptions('stackrot'));
    const { errorInstance, numShrinks } = await fc.check(property, {
      seed: COMMITTED_SEED,
      numRuns: RUNS,
    });
    if (!(errorInstance instanceof Violation)) throw new Error('stackrot: expected a violation');
    expect(numShrinks).toBeGreaterThan(0);
    runsToKill.push('', 'the shrunk schedule of stackrot:', errorInstance.message);
    await expect(stackRotPage(errorInstance.message)).toMatchFileSnapshot(STACK_ROT);
  });

  afterAll(() => {
    process.stdout.write(`${['bug, runs to kill, property', ...runsToKill].join('\n')}\n`);
  });

  test.each([...new Set([...Object.values(PROPERTY_OF), properties.programs])])(
    'the clean tree passes the same seeds, %#',
    async (property) => {
      for (const seed of GALLERY_SEEDS) {
        const clean = await firstBroken(property({}), seed, CLEAN_RUNS);
        expect(clean).toEqual({ broken: null, runs: CLEAN_RUNS });
      }
    },
    ALL_SEEDS_MS,
  );
});

const STACK_ROT = fileURLToPath(new URL('../../docs/stackrot.md', import.meta.url));

/** The schedule for people. */
function stackRotPage(schedule: string): string {
  return [
    '# StackRot, step by step',
    '',
    'CVE-2023-3269, Linux 6.1 to 6.4: growing a stack replaced a node of the maple tree under a lock that did not keep',
    'readers out, and the node was freed while one of them stood at it. The switch `stackrot` of',
    '`@kernel-models/maple-tree/bugs` frees replaced nodes at once. The property "readers against writers" (I12) draws a',
    'tree, loads, scans, writes and the order of all their steps; this is the first failure after shrinking:',
    '',
    '```',
    schedule,
    '```',
    '',
    'The same program on a tree without the switch: the write puts a new node in the place of the old one, which waits for',
    'the end of the read section; the reader sees that its node has died, and starts again at the root. A kernel that',
    'has the bug reads freed memory in the last step.',
    '',
    'Written by `npx vitest run test-models/maple-tree/known-bugs.test.ts -t stackrot -u`; `npm run gallery` prints the',
    'schedule too, with how many runs each bug took.',
    '',
  ].join('\n');
}
