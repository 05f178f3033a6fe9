// SPDX-License-Identifier: MIT
import type { RevisionId } from './revision.ts';
import type { Step } from './model.ts';

/** A transition as an invariant sees it. */
export interface Transition<State, Operation, Outcome> {
  readonly before: State;
  readonly operation: Operation;
  readonly step: Step<State, Outcome>;
  readonly revision: RevisionId;
}

/** A named predicate over every step of a model. */
export interface Invariant<State, Operation, Outcome> {
  readonly id: string;
  readonly sentence: string;
  /** The revisions on which it is promised. Absent: on all that are not bug variants. */
  readonly revisions?: readonly RevisionId[];
  holds(transition: Transition<State, Operation, Outcome>): boolean;
}
