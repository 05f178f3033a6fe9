// SPDX-License-Identifier: MIT
import { deepEqual } from './equal.ts';
import type { AnyOperation, Model, Step } from './model.ts';
import { stateKey } from './replay.ts';
import type { RevisionId } from './revision.ts';

/** What to compare and how far. */
export interface CompareOptions<State, Operation, Setup> {
  readonly revisions: readonly [RevisionId, RevisionId];
  readonly setups: readonly Setup[];
  /** Every operation worth trying, given the states that the two revisions are in. */
  readonly operations: (left: State, right: State) => Iterable<Operation>;
  readonly depth: number;
  /** Distinct pairs of states after which the search ends. Default 200,000. */
  readonly maxStates?: number;
  /** How many differences to report, distinct by the two deciding rules. Default 10. */
  readonly maxDifferences?: number;
}

/** A shortest operation sequence whose last operation the two revisions answer differently. */
export interface RevisionDifference<State, Operation, Outcome, Setup> {
  readonly setup: Setup;
  readonly operations: readonly Operation[];
  readonly steps: readonly [Step<State, Outcome>, Step<State, Outcome>];
}

/** What a comparison found. */
export interface CompareResult<State, Operation, Outcome, Setup> {
  readonly differences: readonly RevisionDifference<State, Operation, Outcome, Setup>[];
  /** Distinct pairs of states. */
  readonly states: number;
  readonly transitions: number;
  /** Whether every sequence up to `depth` was covered. */
  readonly complete: boolean;
}

/**
 * Walks two revisions of a model side by side, breadth first, and reports the shortest sequences on
 * which they answer differently: at most one for each pair of deciding rules.
 */
export function compareRevisions<State, Operation extends AnyOperation, Outcome, Setup>(
  model: Model<State, Operation, Outcome, Setup>,
  options: CompareOptions<State, Operation, Setup>,
): CompareResult<State, Operation, Outcome, Setup> {
  const { depth, maxStates = 200_000, maxDifferences = 10 } = options;
  const [leftRevision, rightRevision] = options.revisions;
  interface Pair {
    readonly left: State;
    readonly right: State;
    readonly setup: Setup;
    readonly operations: readonly Operation[];
  }
  const visited = new Set<string>();
  const visit = ({ left, right }: Pair): boolean => {
    const key = `${stateKey(model, left)}\n${stateKey(model, right)}`;
    if (visited.has(key)) return false;
    visited.add(key);
    return true;
  };
  const found = new Map<string, RevisionDifference<State, Operation, Outcome, Setup>>();
  let transitions = 0;
  let frontier: Pair[] = options.setups
    .map((setup) => {
      const state = model.initial(setup);
      return { left: state, right: state, setup, operations: [] };
    })
    .filter(visit);
  const result = (complete: boolean): CompareResult<State, Operation, Outcome, Setup> => ({
    differences: [...found.values()],
    states: visited.size,
    transitions,
    complete,
  });
  for (let level = 0; level < depth && frontier.length > 0; level += 1) {
    const next: Pair[] = [];
    for (const { left, right, setup, operations } of frontier) {
      for (const operation of options.operations(left, right)) {
        transitions += 1;
        const leftStep = model.apply(left, operation, leftRevision);
        const rightStep = model.apply(right, operation, rightRevision);
        const path = [...operations, operation];
        if (!deepEqual(leftStep.outcome, rightStep.outcome)) {
          const rules = `${leftStep.rule} ${rightStep.rule}`;
          if (found.has(rules)) continue;
          found.set(rules, { setup, operations: path, steps: [leftStep, rightStep] });
          if (found.size >= maxDifferences) return result(false);
          continue;
        }
        const pair = { left: leftStep.state, right: rightStep.state, setup, operations: path };
        if (!visit(pair)) continue;
        if (visited.size > maxStates) return result(false);
        next.push(pair);
      }
    }
    frontier = next;
  }
  return result(true);
}
