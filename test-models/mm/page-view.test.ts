// SPDX-License-Identifier: MIT
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { mmModel, type Operation, type Outcome, type Setup, type State } from '@kernel-models/mm';
import { draws, focuses, setups, swarms } from '@kernel-models/mm/testing';
import { checkProperty } from '../support/check-property.ts';
import { covered } from '../support/rule-coverage.ts';
import { walk, type Check, type Run } from './history.ts';
import { firstDifference, pageViewAfter, pageViewOf, type PageView } from './page-view.ts';

/*
 * However VMAs are cut and joined, each page is what the operations said: mapped or not, with these
 * permissions, from that place of that file.
 */

const model = covered(mmModel);

const runs: fc.Arbitrary<Run> = fc.record({
  setup: setups,
  swarm: swarms,
  focus: focuses,
  draws: fc.array(draws, { maxLength: 50, size: 'max' }),
});

/** More pages than a naive map is good for. */
const MOST_PAGES = 20_000n;

type Look = Extract<Outcome, { readonly kind: 'smaps' }>;

function look(state: State, revision: string): Look | undefined {
  const { outcome } = model.apply(state, { op: 'smaps' }, revision);
  if (outcome.kind !== 'smaps') return undefined;
  const bytes = outcome.vmas.reduce((sum, { start, end }) => sum + end - start, 0n);
  return bytes / 4096n > MOST_PAGES ? undefined : outcome;
}

function viewOf(setup: Setup, state: State, revision: string): PageView | null {
  const seen = look(state, revision);
  return seen === undefined ? null : pageViewOf(setup, BigInt(state.brk), seen);
}

/** Whether an operation asks for more than a naive map is good for. */
function isHuge(operation: Operation): boolean {
  const lengths = Object.entries(operation).filter(([field]) => /length/i.test(field));
  return lengths.some(([, length]) => typeof length === 'bigint' && length / 4096n > MOST_PAGES);
}

/** A check that the view foresees the pages; `foreseen` counts how often it did. */
function foresees(setup: Setup, revision: string, foreseen: () => void): Check {
  let view: PageView | null = null;
  return ({ before, operation, step }) => {
    view ??= viewOf(setup, before, revision);
    const expected =
      view === null || isHuge(operation) ? null : pageViewAfter(view, operation, step.outcome);
    view = viewOf(setup, step.state, revision);
    if (expected === null || view === null) return undefined;
    foreseen();
    return firstDifference(expected, view) === null ? undefined : 'mm.page-view';
  };
}

describe('page by page', () => {
  test.each(['linux-6.1', 'linux-6.12', 'linux-6.18'])(
    '%s maps what the operations said',
    async (revision) => {
      let foreseen = 0;
      await checkProperty(
        `mm page view on ${revision}`,
        fc.property(runs, (run) => {
          walk(
            model,
            run,
            revision,
            foresees(run.setup, revision, () => (foreseen += 1)),
          );
        }),
        { runs: 60 },
      );
      expect(foreseen).toBeGreaterThan(500);
    },
  );
});
