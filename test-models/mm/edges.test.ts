// SPDX-License-Identifier: MIT
import { describe, expect, test } from 'vitest';
import { mmModel } from '@kernel-models/mm';
import { smallProcess } from '@kernel-models/mm/testing';
import { covered } from '../support/rule-coverage.ts';
import { EDGES } from './edge-histories.ts';
import { agrees, keeps, promised, show } from './history.ts';

/*
 * Histories that end at an edge, which chance seldom meets: the last page of a limit and the first
 * beyond it, ranges that just touch, an order of two refusals. The naive reference says what comes of
 * each, on every kernel.
 */

const model = covered(mmModel);
const REVISIONS = ['linux-6.0', 'linux-6.1', 'linux-6.12', 'linux-6.18', 'linux-6.18-fixed'];
const rows = EDGES.map(([name, history, changes = {}]) => ({ name, history, changes }));

describe.each(rows)('$name', ({ history, changes }) => {
  test.each(REVISIONS)('on %s', (revision) => {
    const setup = smallProcess(changes);
    const invariants = keeps(promised(model, revision), revision);
    const reference = agrees(model, setup, revision);
    let state = model.initial(setup);
    for (const operation of history) {
      const step = model.apply(state, operation, revision);
      const transition = { before: state, operation, step };
      const broken = invariants(transition) ?? reference(transition);
      expect(broken, `${show(operation)}: ${show(step.outcome)}`).toBeUndefined();
      ({ state } = step);
    }
  });
});
