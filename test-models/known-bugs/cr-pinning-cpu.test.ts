// SPDX-License-Identifier: MIT
import { describe, expect, test } from 'vitest';
import { isBugRevision } from '@kernel-models/model-core';
import { cpuModel, REVISIONS } from '@kernel-models/hw-model/cpu';
import { GALLERY_SEEDS } from '../support/check-property.ts';
import { covered } from '../support/rule-coverage.ts';
import { choice, operationOf, SETUPS, startOf } from '../hw-model/cpu/operations.ts';
import { huntInvariants } from '../cr-pinning/hunt.ts';

/*
 * Every bug variant of the CPU's control state breaks the invariants of its base within the budget, in a
 * history that shrinks to a few operations.
 */

const model = covered(cpuModel);
const BUDGET = 10_000;

describe('bug variants of the CPU', () => {
  test.each(REVISIONS.filter(isBugRevision))('$id: $story', ({ id, base, caughtBy }) => {
    for (const seed of GALLERY_SEEDS) {
      const kill = huntInvariants(model, {
        revision: id,
        seed,
        budget: BUDGET,
        length: 40,
        setups: SETUPS,
        choice,
        start: (setup) => startOf(model, setup, id),
        operationOf,
      });
      if (kill === undefined) {
        throw new Error(`${id} was not caught within ${BUDGET} operations, seed ${seed}`);
      }
      expect(kill.operations.length).toBeLessThanOrEqual(6);
      expect(caughtBy).toContain(kill.invariant);
      expect(kill.holdsOn(base)).toBe(true);
    }
  });
});
