// SPDX-License-Identifier: MIT
import type { Invariant } from './invariant.ts';
import type { AnyOperation, Model, Step } from './model.ts';
import { allowedSteps, stateKey } from './replay.ts';
import { isBugRevision, type RevisionId } from './revision.ts';
import type { RuleId } from './rule.ts';

/** What to explore and how far. */
export interface ExploreOptions<State, Operation, Outcome, Setup> {
  readonly revision: RevisionId;
  /** Where to begin: one world or several. */
  readonly setups: readonly Setup[];
  /** Every operation worth trying in a state, in a fixed order. */
  readonly operations: (state: State) => Iterable<Operation>;
  /** Longest operation sequence. */
  readonly depth: number;
  /** Distinct states after which exploration ends incomplete. Default 1,000,000. */
  readonly maxStates?: number;
  /** The invariants to check at each step. Default: the model's own that the revision promises. */
  readonly invariants?: readonly Invariant<State, Operation, Outcome>[];
  /** Called at each first visit of a state; true names it as reached. */
  readonly sometimes?: Readonly<Record<string, (state: State) => boolean>>;
  /** Called at most every 2^16 transitions, and at the end. */
  readonly onProgress?: (progress: ExploreProgress) => void;
}

/** How far an exploration is. */
export interface ExploreProgress {
  readonly depth: number;
  readonly states: number;
  readonly transitions: number;
}

/** A shortest operation sequence whose last step breaks an invariant. */
export interface Counterexample<State, Operation, Outcome, Setup> {
  readonly invariant: string;
  readonly sentence: string;
  readonly setup: Setup;
  readonly operations: readonly Operation[];
  readonly step: Step<State, Outcome>;
  readonly before: State;
}

/** What an exploration saw. Counts are exact and the same in every run. */
export interface ExploreResult<State, Operation, Outcome, Setup> {
  /** Whether every sequence up to `depth` was covered. */
  readonly complete: boolean;
  /**
   * Whether no state is left whose successors were not visited: a longer depth finds nothing new.
   */
  readonly exhausted: boolean;
  /** Distinct states, the initial ones included. */
  readonly states: number;
  readonly transitions: number;
  /** Distinct states first met at each depth; the first entry counts the initial ones. */
  readonly statesPerDepth: readonly number[];
  /** How often each rule decided a step. */
  readonly rules: ReadonlyMap<RuleId, number>;
  /** Of `sometimes`: which named states were reached. */
  readonly reached: ReadonlySet<string>;
  /** The first broken invariant in breadth-first order; nothing shorter breaks one. */
  readonly counterexample?: Counterexample<State, Operation, Outcome, Setup>;
}

const PROGRESS_INTERVAL = 1 << 16;

/**
 * Bounded breadth-first exploration: every operation of every state up to a depth, each distinct
 * state once, each step held against the invariants.
 *
 * Memory is bounded by `maxStates`: states are kept only for the current and the next depth; for
 * the others a key and the way back.
 *
 * @throws RangeError where the model does not have the revision, or depth is not a whole number
 */
export function explore<State, Operation extends AnyOperation, Outcome, Setup>(
  model: Model<State, Operation, Outcome, Setup>,
  options: ExploreOptions<State, Operation, Outcome, Setup>,
): ExploreResult<State, Operation, Outcome, Setup> {
  const { revision, depth, maxStates = 1_000_000, onProgress } = options;
  if (!Number.isSafeInteger(depth) || depth < 0) {
    throw new RangeError(`depth: expected a whole number from 0, got ${depth}`);
  }
  const invariants = options.invariants ?? promisedInvariants(model, revision);
  const sometimes = Object.entries(options.sometimes ?? {});
  const visited = new Set<string | number>();
  const ways = new Ways<Operation, Setup>();
  const rules = new Map<RuleId, number>();
  const reached = new Set<string>();
  const statesPerDepth: number[] = [];
  let transitions = 0;

  const visit = (state: State): boolean => {
    const key = stateKey(model, state);
    if (visited.has(key)) return false;
    visited.add(key);
    for (const [name, holds] of sometimes) if (holds(state)) reached.add(name);
    return true;
  };
  const result = (
    end: Pick<
      ExploreResult<State, Operation, Outcome, Setup>,
      'complete' | 'exhausted' | 'counterexample'
    >,
  ): ExploreResult<State, Operation, Outcome, Setup> => {
    onProgress?.({ depth: statesPerDepth.length - 1, states: visited.size, transitions });
    return { ...end, states: visited.size, transitions, statesPerDepth, rules, reached };
  };

  let frontier: { readonly state: State; readonly way: number }[] = [];
  for (const setup of options.setups) {
    const state = model.initial(setup);
    if (visit(state)) frontier.push({ state, way: ways.start(setup) });
  }
  statesPerDepth.push(frontier.length);

  for (let level = 0; level < depth && frontier.length > 0; level += 1) {
    const next: typeof frontier = [];
    statesPerDepth.push(0);
    for (const { state: before, way } of frontier) {
      for (const operation of options.operations(before)) {
        for (const step of allowedSteps(model, before, operation, revision)) {
          transitions += 1;
          rules.set(step.rule, (rules.get(step.rule) ?? 0) + 1);
          for (const invariant of invariants) {
            if (invariant.holds({ before, operation, step, revision })) continue;
            const { id, sentence } = invariant;
            const counterexample = {
              invariant: id,
              sentence,
              ...ways.to(way, operation),
              step,
              before,
            };
            return result({ complete: false, exhausted: false, counterexample });
          }
          if (step.state !== before && visit(step.state)) {
            if (visited.size > maxStates) return result({ complete: false, exhausted: false });
            next.push({ state: step.state, way: ways.extend(way, operation) });
            statesPerDepth[level + 1] = next.length;
          }
          if (transitions % PROGRESS_INTERVAL === 0) {
            onProgress?.({ depth: level + 1, states: visited.size, transitions });
          }
        }
      }
    }
    frontier = next;
  }
  return result({ complete: true, exhausted: frontier.length === 0 });
}

/**
 * The invariants of a model that a revision promises; a bug variant is held to those of its base.
 */
export function promisedInvariants<State, Operation extends AnyOperation, Outcome, Setup>(
  model: Model<State, Operation, Outcome, Setup>,
  revision: RevisionId,
): readonly Invariant<State, Operation, Outcome>[] {
  const entry = model.revisions.find(({ id }) => id === revision);
  let base = entry;
  while (base !== undefined && isBugRevision(base)) {
    const id = base.base;
    base = model.revisions.find((candidate) => candidate.id === id);
  }
  const id = base?.id ?? revision;
  return model.invariants.filter(
    ({ revisions }) => revisions === undefined || revisions.includes(id),
  );
}

/** The way back from each kept state to its setup: a parent and an operation per state. */
class Ways<Operation, Setup> {
  readonly #parents: number[] = [];
  readonly #steps: (Operation | undefined)[] = [];
  readonly #setups: Setup[] = [];

  start(setup: Setup): number {
    this.#setups.push(setup);
    // A negative parent is the (complement of the) index of a setup.
    this.#parents.push(~(this.#setups.length - 1));
    this.#steps.push(undefined);
    return this.#parents.length - 1;
  }

  extend(way: number, operation: Operation): number {
    this.#parents.push(way);
    this.#steps.push(operation);
    return this.#parents.length - 1;
  }

  to(way: number, last: Operation): { setup: Setup; operations: readonly Operation[] } {
    const operations = [last];
    let at = way;
    for (;;) {
      const parent = this.#parents[at];
      if (parent === undefined) throw new RangeError(`way: expected one that was kept, got ${at}`);
      if (parent < 0) {
        return { setup: this.#setups[~parent] as Setup, operations: operations.reverse() };
      }
      operations.push(this.#steps[at] as Operation);
      at = parent;
    }
  }
}
