// SPDX-License-Identifier: MIT
import {
  replay,
  stateDiff,
  type AnyOperation,
  type Change,
  type ObservedOutcome,
  type RevisionId,
  type Rule,
  type Trace,
} from '@kernel-models/model-core';
import { UsageError } from './exit-code.ts';
import type { Subsystem } from './subsystem.ts';

/** One step of a trace with the model's reasons. */
export interface ExplainedStep<Operation, Outcome> {
  readonly seq: number;
  readonly operation: Operation;
  readonly observed: ObservedOutcome<Outcome>;
  readonly agrees: boolean;
  /**
   * What the model answers. Where it allows several answers: the one that agrees, else the first.
   */
  readonly outcome: Outcome;
  /** What decided it. */
  readonly rule: Rule;
  /** The checks that ran before and did not decide. */
  readonly trail: readonly Rule[];
  readonly changes: readonly Change[];
}

/**
 * Walks a trace and gives the model's reason at every step. Ends after the first step that the
 * model does not explain: from there on the state of the real thing is not known.
 *
 * @throws UsageError where `step` is not one of the trace
 */
export function explainTrace<State, Operation extends AnyOperation, Outcome, Setup>(
  { model, viewOf }: Subsystem<State, Operation, Outcome, Setup>,
  trace: Trace<Setup, Operation, Outcome>,
  revision: RevisionId,
): readonly ExplainedStep<Operation, Outcome>[] {
  const rules = new Map(model.rules.map((rule) => [rule.id, rule]));
  const ruleOf = (id: string): Rule =>
    rules.get(id) ?? { id, sentence: 'a rule that the model does not declare', origin: model.name };
  const explained = new Map<number, ExplainedStep<Operation, Outcome>>();
  const result = replay(model, trace, {
    revision,
    onStep: ({ seq, operation, observed }, step, before) => {
      if (explained.has(seq)) return;
      explained.set(seq, {
        seq,
        operation,
        observed,
        agrees: true,
        outcome: step.outcome,
        rule: ruleOf(step.rule),
        trail: step.trail.map(ruleOf),
        changes: stateDiff(before, step.state, viewOf),
      });
    },
  });
  const { divergence } = result;
  const expected = divergence?.expected[0];
  if (divergence !== undefined && expected !== undefined) {
    const { seq, operation, observed } = divergence.event;
    explained.set(seq, {
      seq,
      operation,
      observed,
      agrees: false,
      outcome: expected.outcome,
      rule: ruleOf(expected.rule),
      trail: expected.trail.map(ruleOf),
      changes: stateDiff(divergence.before[0], expected.state, viewOf),
    });
  }
  return [...explained.values()];
}

/** The one step of a trace, or an error that says which there are. */
export function stepOf<Operation, Outcome>(
  steps: readonly ExplainedStep<Operation, Outcome>[],
  seq: number,
): ExplainedStep<Operation, Outcome> {
  const step = steps.find((candidate) => candidate.seq === seq);
  if (step === undefined) {
    throw new UsageError(`--step: expected a step from 0 to ${steps.length - 1}, got ${seq}`);
  }
  return step;
}
