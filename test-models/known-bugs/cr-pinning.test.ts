// SPDX-License-Identifier: MIT
import { afterAll, describe, expect, test } from 'vitest';
import { isBugRevision } from '@kernel-models/model-core';
import { crPinningModel, REVISIONS } from '@kernel-models/cr-pinning';
import { GALLERY_SEEDS } from '../support/check-property.ts';
import { covered } from '../support/rule-coverage.ts';
import { huntInvariants } from '../cr-pinning/hunt.ts';
import { choice, operationOf, SETUPS } from '../cr-pinning/operations.ts';

/*
 * Every variant of the pinning code that is known, or easily made, to be wrong breaks an invariant of
 * its base within the budget, in a history of at most six operations.
 */

const model = covered(crPinningModel);
const BUDGET = 10_000;

interface Row {
  readonly bug: string;
  readonly invariants: readonly string[];
  readonly executed: readonly number[];
  readonly shortest: readonly number[];
}

const rows: Row[] = [];

describe('bug variants of cr-pinning', () => {
  test.each(REVISIONS.filter(isBugRevision))('$id: $story', ({ id, base, caughtBy }) => {
    const kills = GALLERY_SEEDS.map((seed) =>
      huntInvariants(model, {
        revision: id,
        seed,
        budget: BUDGET,
        length: 60,
        setups: SETUPS,
        choice,
        start: (setup) => model.initial(setup),
        operationOf,
      }),
    );
    for (const kill of kills) {
      expect(kill, `${id} was not caught within ${BUDGET} operations`).toBeDefined();
      if (kill === undefined) continue;
      expect(
        kill.operations.length,
        JSON.stringify(kill.operations.map(({ op }) => op)),
      ).toBeLessThanOrEqual(6);
      expect(kill.holdsOn(base)).toBe(true);
      expect(caughtBy).toContain(kill.invariant);
    }
    const found = kills.flatMap((kill) => (kill === undefined ? [] : [kill]));
    rows.push({
      bug: id,
      invariants: [...new Set(found.map(({ invariant }) => invariant))],
      executed: found.map(({ executed }) => executed),
      shortest: found.map(({ operations }) => operations.length),
    });
  });

  afterAll(() => {
    const line = ({ bug, invariants, executed, shortest }: Row): string =>
      `${bug.padEnd(30)} ${String(Math.max(...executed)).padStart(6)} ` +
      `${String(Math.max(...shortest)).padStart(4)}  ${invariants.join(', ')}`;
    const head = `${'bug'.padEnd(30)} operations to kill, length of the shortest history (most of ${GALLERY_SEEDS.length})`;
    process.stdout.write(`${[head, ...rows.map(line)].join('\n')}\n`);
  });
});
