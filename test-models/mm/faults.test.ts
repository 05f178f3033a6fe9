// SPDX-License-Identifier: MIT
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { mmModel, type Operation, type State } from '@kernel-models/mm';
import { draws, focuses, operationFor, setups } from '@kernel-models/mm/testing';
import { checkProperty } from '../support/check-property.ts';
import { covered } from '../support/rule-coverage.ts';
import { keeps, promised, Violation } from './history.ts';

/*
 * Every allocation of every operation fails once, in states that chance reaches: whatever was under
 * way is undone, or stays where the kernel leaves it, and nothing is lost.
 */

const model = covered(mmModel);
/** No history makes so many. */
const NEVER = 1_000_000;

function withFailure(state: State, allocation: number): State {
  const { allocations } = state;
  if (allocations === null) throw new Error('state: expected a plan of allocations, got none');
  return { ...state, allocations: { ...allocations, fails: [allocation] } };
}

describe('where the k-th allocation fails', () => {
  const failed = new Set<Operation['op']>();

  test.each(['linux-6.0', 'linux-6.12', 'linux-6.18-fixed'])(
    '%s keeps its invariants',
    (revision) => {
      const check = keeps(promised(model, revision), revision);
      return checkProperty(
        `mm survives failed allocations on ${revision}`,
        fc.property(
          setups,
          focuses,
          fc.array(draws, { minLength: 10, maxLength: 40 }),
          (setup, focus, history) => {
            let state = model.initial({ ...setup, failAllocations: [NEVER] });
            const operations: Operation[] = [];
            for (const draw of history) {
              const operation = operationFor(state, draw, -1, focus);
              operations.push(operation);
              const made = state.allocations?.made ?? 0;
              const next = model.apply(state, operation, revision).state;
              const count = (next.allocations?.made ?? 0) - made;
              for (let k = 1; k <= count; k++) {
                const before = withFailure(state, made + k);
                const step = model.apply(before, operation, revision);
                const broken = check({ before, operation, step });
                if (broken !== undefined) throw new Violation(`${broken} (k = ${k})`, operations);
                if (step.rule === 'memory.none') failed.add(operation.op);
              }
              state = next;
            }
          },
        ),
        { runs: 40 },
      );
    },
  );

  test('it did fail, in every call that changes mappings', () => {
    for (const op of [
      'brk',
      'mmap',
      'munmap',
      'mprotect',
      'mremap',
      'mlock',
      'touchWrite',
      'fork',
    ] as const) {
      expect([...failed]).toContain(op);
    }
  });
});
