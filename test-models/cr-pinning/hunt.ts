// SPDX-License-Identifier: MIT
import fc from 'fast-check';
import {
  promisedInvariants,
  type AnyOperation,
  type Invariant,
  type Model,
  type RevisionId,
} from '@kernel-models/model-core';

/** What to hunt, with what. A choice becomes an operation once the state is known. */
export interface Hunt<State, Operation, Setup, Choice> {
  readonly revision: RevisionId;
  readonly seed: number;
  /** Operations that may be executed until something breaks. */
  readonly budget: number;
  /** Longest history. */
  readonly length: number;
  readonly setups: readonly Setup[];
  readonly choice: fc.Arbitrary<Choice>;
  readonly start: (setup: Setup) => State;
  readonly operationOf: (state: State, choice: Choice) => Operation;
}

/** An invariant that a history breaks; no operation of the history can be left out. */
export interface Kill<Operation> {
  readonly invariant: string;
  readonly operations: readonly Operation[];
  /** Operations that were executed before it broke. */
  readonly executed: number;
  /** Whether the same history keeps the invariant on another revision. */
  readonly holdsOn: (revision: RevisionId) => boolean;
}

/** Walks random histories until an invariant of the base breaks, and makes the history short. */
export function huntInvariants<State, Operation extends AnyOperation, Outcome, Setup, Choice>(
  model: Model<State, Operation, Outcome, Setup>,
  hunt: Hunt<State, Operation, Setup, Choice>,
): Kill<Operation> | undefined {
  const { revision, seed, budget, length, setups, choice, start, operationOf } = hunt;
  const invariants = promisedInvariants(model, revision);
  const runs = Math.ceil((2 * budget) / length);
  const histories = fc.sample(
    fc.tuple(
      fc.constantFrom(...setups),
      fc.array(choice, { minLength: 1, maxLength: length, size: 'max' }),
    ),
    { seed, numRuns: runs },
  );
  let executed = 0;
  for (const [setup, choices] of histories) {
    const operations: Operation[] = [];
    let state = start(setup);
    for (const one of choices) {
      if (executed >= budget) return undefined;
      const before = state;
      const operation = operationOf(before, one);
      operations.push(operation);
      executed += 1;
      const step = model.apply(before, operation, revision);
      const broken = invariants.find((each) => !each.holds({ before, operation, step, revision }));
      if (broken !== undefined) {
        const shortest = shrink(model, start(setup), operations, revision, broken);
        return {
          invariant: broken.id,
          operations: shortest,
          executed,
          holdsOn: (other) => !breaks(model, start(setup), shortest, other, broken),
        };
      }
      state = step.state;
    }
  }
  return undefined;
}

function breaks<State, Operation extends AnyOperation, Outcome, Setup>(
  model: Model<State, Operation, Outcome, Setup>,
  start: State,
  operations: readonly Operation[],
  revision: RevisionId,
  invariant: Invariant<State, Operation, Outcome>,
): boolean {
  let state = start;
  for (const operation of operations) {
    const before = state;
    const step = model.apply(before, operation, revision);
    if (!invariant.holds({ before, operation, step, revision })) return true;
    state = step.state;
  }
  return false;
}

/** Leaves operations out, larger runs first, until each one that is left is needed. */
function shrink<State, Operation extends AnyOperation, Outcome, Setup>(
  model: Model<State, Operation, Outcome, Setup>,
  start: State,
  operations: readonly Operation[],
  revision: RevisionId,
  invariant: Invariant<State, Operation, Outcome>,
): readonly Operation[] {
  let current = operations;
  for (let size = Math.ceil(current.length / 2); size >= 1;) {
    let isShorter = false;
    for (let at = 0; at < current.length; at += size) {
      const candidate = [...current.slice(0, at), ...current.slice(at + size)];
      if (!breaks(model, start, candidate, revision, invariant)) continue;
      current = candidate;
      isShorter = true;
      at -= size;
    }
    if (size === 1 && !isShorter) break;
    size = isShorter && size === 1 ? 1 : Math.max(1, Math.floor(size / 2));
  }
  return current;
}
