// SPDX-License-Identifier: MIT
import fc from 'fast-check';
import { afterAll, describe, expect, test } from 'vitest';
import { isBugRevision, type BugRevision } from '@kernel-models/model-core';
import { mmModel, REVISIONS, type Features, type Setup, type VmaSpec } from '@kernel-models/mm';
import { draws, focuses, setups, smallProcess, swarms } from '@kernel-models/mm/testing';
import {
  agrees,
  AGREEMENT,
  keeps,
  promised,
  Violation,
  walk,
  type Check,
  type Run,
} from '../mm/history.ts';
import { GALLERY_SEEDS } from '../support/check-property.ts';
import { covered } from '../support/rule-coverage.ts';

/*
 * Every bug of the address space is caught by a general property that its entry names, in a run on
 * which the revision without the bug keeps all of them.
 */

const model = covered(mmModel);
const BUDGET = 6000;
const BATCH = 200;
const PAGE = 4096n;

/** So many mappings that the tree has several levels; below the arena, so that it is at their end. */
const crowd: readonly VmaSpec[] = Array.from({ length: 420 }, (_, index) => ({
  start: 0x800_0000n + BigInt(index) * 2n * PAGE,
  end: 0x800_0000n + BigInt(index) * 2n * PAGE + PAGE,
  flags: 'rd mr mw me',
  offset: 0n,
  name: '',
  faulted: false,
}));

function crowded(): Setup {
  const small = smallProcess({ geometry: 'kernel32' });
  return { ...small, vmas: [...small.vmas.slice(0, 2), ...crowd, ...small.vmas.slice(2)] };
}

/** Setups for a bug: where allocations must fail, or the tree must be of 32 bits, they do and are. */
function setupsFor({ features }: BugRevision<Features>): fc.Arbitrary<Setup> {
  if (features.failedExpansion !== undefined) {
    const plan = fc.uniqueArray(fc.integer({ min: 1, max: 60 }), { minLength: 8, maxLength: 20 });
    return plan.map((failAllocations) => smallProcess({ failAllocations }));
  }
  if (features.treeBug !== undefined) return fc.constant(crowded());
  return setups;
}

function runsFor(bug: BugRevision<Features>): fc.Arbitrary<Run> {
  return fc.record({
    setup: setupsFor(bug),
    swarm: swarms,
    focus: focuses,
    draws: fc.array(draws, { minLength: 30, maxLength: 60 }),
  });
}

interface Kill {
  readonly property: string;
  readonly run: number;
  readonly told: string;
}

/** Whether a run breaks a property, and which. */
function broken(run: Run, revision: string, base: string): Violation | undefined {
  // A bug's revision is promised what its base is.
  const invariants = keeps(promised(model, base), base);
  // The reference never runs out of memory, and is slow with a crowd.
  const isAlone = run.setup.failAllocations !== undefined || run.setup.vmas.length > 100;
  const reference: Check = isAlone ? () => undefined : agrees(model, run.setup, revision, base);
  try {
    walk(model, run, revision, (step) => invariants(step) ?? reference(step));
    return undefined;
  } catch (error) {
    if (error instanceof Violation) return error;
    throw error;
  }
}

function hunt(bug: BugRevision<Features>, seed: number): Kill | undefined {
  const arbitrary = runsFor(bug);
  for (let tried = 0; tried < BUDGET; tried += BATCH) {
    const runs = fc.sample(arbitrary, { seed: seed + tried, numRuns: BATCH });
    for (const [index, run] of runs.entries()) {
      const violation = broken(run, bug.id, bug.base);
      if (violation === undefined || broken(run, bug.base, bug.base) !== undefined) continue;
      return { property: violation.property, run: tried + index + 1, told: violation.message };
    }
  }
  return undefined;
}

const rows: string[] = [];

describe('bug variants of mm', () => {
  test.each(REVISIONS.filter(isBugRevision))('$id: $story', (bug) => {
    const kills = GALLERY_SEEDS.map((seed) => hunt(bug, seed));
    for (const kill of kills) {
      expect(kill, `${bug.id} was not caught within ${BUDGET} runs`).toBeDefined();
      expect(bug.caughtBy, kill?.told).toContain(kill?.property);
    }
    const most = Math.max(...kills.map((kill) => kill?.run ?? 0));
    const properties = [...new Set(kills.map((kill) => kill?.property))].join(', ');
    rows.push(`${bug.id.padEnd(30)} ${String(most).padStart(5)}  ${properties}`);
  });

  test(`some are caught by ${AGREEMENT} alone`, () => {
    const alone = REVISIONS.filter(isBugRevision).filter(
      ({ caughtBy }) => caughtBy.length === 1 && caughtBy[0] === AGREEMENT,
    );
    expect(alone.length).toBeGreaterThan(0);
  });

  afterAll(() => {
    process.stdout.write(`${['bug, runs to kill, property', ...rows].join('\n')}\n`);
  });
});
