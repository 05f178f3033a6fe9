// SPDX-License-Identifier: MIT
import { deepEqual } from './equal.ts';
import { canonicalJson } from './json.ts';
import type { AnyOperation, Model, Step } from './model.ts';
import type { RevisionId } from './revision.ts';
import type { ObservedOutcome, Trace, TraceEvent } from './trace.ts';

/** How many model states may be possible at once before replay gives up: {@link ReplayResult}. */
export const DEFAULT_MAX_STATES = 1024;

/** Limits and observers of a replay. */
export interface ReplayOptions<State, Operation, Outcome> {
  readonly revision: RevisionId;
  /**
   * Cap on the set of possible model states; beyond it the verdict is inconclusive. Default 1024.
   */
  readonly maxStates?: number;
  /** Called with every event and every step that explains it. */
  readonly onStep?: (
    event: TraceEvent<Operation, Outcome>,
    step: Step<State, Outcome>,
    before: State,
  ) => void;
}

/** The first event that no allowed step of the model explains. */
export interface Divergence<State, Operation, Outcome> {
  readonly event: TraceEvent<Operation, Outcome>;
  /** Every step that the model allows there, from every state that was possible. */
  readonly expected: readonly Step<State, Outcome>[];
  /** The states that were possible before the event. */
  readonly before: readonly State[];
}

/** What became of a replay. `consumed` equals `total` exactly where the verdict is `agree`. */
export interface ReplayResult<State, Operation, Outcome> {
  readonly verdict: 'agree' | 'diverge' | 'inconclusive';
  /** Events that the model explained. */
  readonly consumed: number;
  /** Events in the trace. */
  readonly total: number;
  readonly divergence?: Divergence<State, Operation, Outcome>;
  /** Why the verdict is inconclusive. */
  readonly reason?: string;
  /** The states that are possible at the end (or before the event that stopped the replay). */
  readonly states: readonly State[];
}

/**
 * Holds a trace against a model: walks the events with the set of model states that explain what
 * was observed so far. The set starts with the initial state; an event maps each state to its
 * allowed steps whose outcome matches; an empty set is a divergence.
 *
 * Nothing is ever skipped: the verdict is `agree` only where all events were consumed.
 *
 * @throws RangeError where the model does not have the revision
 */
export function replay<State, Operation extends AnyOperation, Outcome, Setup>(
  model: Model<State, Operation, Outcome, Setup>,
  trace: Trace<Setup, Operation, Outcome>,
  options: ReplayOptions<State, Operation, Outcome>,
): ReplayResult<State, Operation, Outcome> {
  const { revision, maxStates = DEFAULT_MAX_STATES, onStep } = options;
  const total = trace.events.length;
  const matches = model.matches?.bind(model) ?? deepEqual;
  let states: readonly State[] = [model.initial(trace.setup)];
  let consumed = 0;
  for (const event of trace.events) {
    const expected: Step<State, Outcome>[] = [];
    const next: State[] = [];
    for (const state of states) {
      for (const step of allowedSteps(model, state, event.operation, revision)) {
        expected.push(step);
        if (!explains(event.observed, step.outcome, matches)) continue;
        onStep?.(event, step, state);
        next.push(step.state);
      }
    }
    if (next.length === 0) {
      const divergence = { event, expected, before: states };
      return { verdict: 'diverge', consumed, total, divergence, states };
    }
    const distinct = next.length === 1 ? next : distinctStates(model, next);
    if (distinct.length > maxStates) {
      const reason = `event ${event.seq}: ${distinct.length} possible states, more than ${maxStates}`;
      return { verdict: 'inconclusive', consumed, total, reason, states };
    }
    states = distinct;
    consumed += 1;
  }
  return { verdict: 'agree', consumed, total, states };
}

/** The steps that the real thing may take: the model's `allowed`, else the one of `apply`. */
export function allowedSteps<State, Operation extends AnyOperation, Outcome, Setup>(
  model: Model<State, Operation, Outcome, Setup>,
  state: State,
  operation: Operation,
  revision: RevisionId,
): readonly Step<State, Outcome>[] {
  return model.allowed === undefined
    ? [model.apply(state, operation, revision)]
    : model.allowed(state, operation, revision);
}

/** The key under which two equal states fall together: the model's own, else canonical JSON. */
export function stateKey<State, Operation extends AnyOperation, Outcome, Setup>(
  model: Model<State, Operation, Outcome, Setup>,
  state: State,
): string | number {
  return model.key === undefined ? canonicalJson(state) : model.key(state);
}

function explains<Outcome>(
  observed: ObservedOutcome<Outcome>,
  modelled: Outcome,
  matches: (observed: Outcome, modelled: Outcome) => boolean,
): boolean {
  switch (observed.kind) {
    case 'one':
      return matches(observed.outcome, modelled);
    case 'anyOf':
      return observed.outcomes.some((outcome) => matches(outcome, modelled));
    case 'any':
      return true;
  }
}

function distinctStates<State, Operation extends AnyOperation, Outcome, Setup>(
  model: Model<State, Operation, Outcome, Setup>,
  states: readonly State[],
): readonly State[] {
  const byKey = new Map<string | number, State>();
  for (const state of states) {
    const key = stateKey(model, state);
    if (!byKey.has(key)) byKey.set(key, state);
  }
  return [...byKey.values()];
}

/** Runs operations on a model and states what it answers: the trace of a model. */
export function runModel<State, Operation extends AnyOperation, Outcome, Setup>(
  model: Model<State, Operation, Outcome, Setup>,
  setup: Setup,
  operations: readonly Operation[],
  revision: RevisionId,
): readonly Step<State, Outcome>[] {
  let state = model.initial(setup);
  return operations.map((operation) => {
    const step = model.apply(state, operation, revision);
    state = step.state;
    return step;
  });
}
