// SPDX-License-Identifier: MIT
import type { Codec } from './codec.ts';
import type { Invariant } from './invariant.ts';
import type { Revision, RevisionId } from './revision.ts';
import type { Rule, RuleId } from './rule.ts';

/** What every operation of every model has: the name of what is asked. */
export interface AnyOperation {
  readonly op: string;
}

/**
 * One answer of a model: the state after the operation, what the caller of the real thing would
 * see, and the rule that decided it.
 */
export interface Step<State, Outcome> {
  /** The state after the operation. Immutable; the same object as before where nothing changed. */
  readonly state: State;
  /** What the caller of the real thing would see: a value, an errno, a fault. */
  readonly outcome: Outcome;
  /** What decided the outcome: the first rule in the kernel's order, where several would. */
  readonly rule: RuleId;
  /**
   * The checks that ran before the deciding one, in order. A shared frozen array where the order is
   * fixed.
   */
  readonly trail: readonly RuleId[];
}

/**
 * An executable model of a kernel subsystem or a piece of hardware: a value, not a framework.
 *
 * `apply` is total over well-typed operations: what the real thing would refuse is an outcome,
 * never an exception. It is pure and synchronous, so histories branch: it may be called again on an
 * old state.
 */
export interface Model<State, Operation extends AnyOperation, Outcome, Setup> {
  /** The model's name as the oracle and traces spell it: `exec-check`, `tdx-attest.driver`. */
  readonly name: string;
  readonly revisions: readonly Revision[];
  /** Every rule that can decide an outcome or stand in a trail. */
  readonly rules: readonly Rule[];
  /** JSON to values and back, validated. */
  readonly codec: Codec<Setup, Operation, Outcome>;
  /** The world before the first operation. */
  initial(setup: Setup): State;
  /**
   * The one transition function.
   *
   * @throws RangeError where the revision is not one of `revisions`
   */
  apply(state: State, operation: Operation, revision: RevisionId): Step<State, Outcome>;
  /**
   * Every step that the real thing is allowed to take, `apply`'s first. Absent where `apply`'s is
   * the only one.
   */
  allowed?(
    state: State,
    operation: Operation,
    revision: RevisionId,
  ): readonly Step<State, Outcome>[];
  /** Whether an observed outcome is what the model answered. Absent: deep equality. */
  matches?(observed: Outcome, modelled: Outcome): boolean;
  /** Equal keys mean equal states. Absent: canonical JSON of the state. A number is much faster. */
  key?(state: State): string | number;
  readonly invariants: readonly Invariant<State, Operation, Outcome>[];
}

/**
 * A model whose type parameters do not matter to the caller, as the oracle's registry holds them.
 */
// eslint-disable-next-line @typescript-eslint/no-explicit-any -- the only way to forget four parameters that stand in both positions
export type AnyModel = Model<any, any, any, any>;
