// SPDX-License-Identifier: MIT
import type { AnyOperation, RevisionId } from '@kernel-models/model-core';
import {
  describeObserved,
  describeOperation,
  describeOutcome,
  describeValue,
} from '../describe.ts';
import { explainTrace, type ExplainedStep } from '../explain.ts';
import type { ShrunkDivergence } from '../shrink/shrink-divergence.ts';
import type { Subsystem } from '../subsystem.ts';
import { plural } from './table.ts';

/** What a divergence report says beside the shrunk divergence. */
export interface DivergenceFacts {
  readonly revision: RevisionId;
  readonly explainedBy: RevisionId | undefined;
  readonly occurrences: number;
}

/**
 * A divergence as plain text that fits a mail: what was done, what was seen, what the model answers
 * and why, and which revision would have agreed.
 */
export function formatDivergence<State, Operation extends AnyOperation, Outcome, Setup>(
  subsystem: Subsystem<State, Operation, Outcome, Setup>,
  shrunk: ShrunkDivergence<State, Operation, Outcome, Setup>,
  { revision, explainedBy, occurrences }: DivergenceFacts,
): string {
  const { trace, complaints, executions, minimal } = shrunk;
  const steps = explainTrace(subsystem, trace, revision);
  const { kernel = 'of unknown version', kind, cpu } = trace.source;
  const lines = [
    `DIVERGENCE  ${subsystem.model.name}: revision ${revision} against ${kind} ${kernel}` +
      (cpu === undefined ? '' : ` on ${cpu}`),
    '',
    `World:      ${describeValue(subsystem.model.codec.encodeSetup(trace.setup), 2_000)}`,
    `Done:       ${plural(steps.length, 'operation')}, ${howShrunk(executions, minimal)}; ` +
      `seen ${plural(occurrences, 'time')}`,
    '',
    ...steps.map((step) => stepLine(subsystem, step)),
    '',
  ];
  const last = steps.at(-1);
  if (last !== undefined && !last.agrees) {
    const expected = distinct(
      shrunk.divergence?.expected.map(({ outcome, rule }) => ({
        outcome: describeOutcome(subsystem, outcome),
        rule,
      })) ?? [],
    );
    lines.push(
      `Observed:   ${describeObserved(subsystem, last.observed)}`,
      ...expected.map(({ outcome, rule }) => `Expected:   ${outcome}    (${rule})`),
      `Because:    ${last.rule.sentence}`,
      `            [${last.rule.origin}]`,
      ...(last.trail.length === 0
        ? []
        : [`Passed:     ${last.trail.map(({ id }) => id).join(', ')}`]),
    );
  }
  lines.push(
    ...complaints.map((complaint) => `Kernel log: ${complaint}`),
    `Explained by ${explainedBy ?? 'no revision that the model has'}.`,
  );
  return lines.join('\n');
}

/** One step of a trace in a line, marked where the two sides part. */
export function stepLine<State, Operation extends AnyOperation, Outcome, Setup>(
  subsystem: Subsystem<State, Operation, Outcome, Setup>,
  step: ExplainedStep<Operation, Outcome>,
): string {
  const mark = step.agrees ? ' ' : '>';
  const what = describeOperation(subsystem, step.operation);
  return `${mark} ${String(step.seq).padStart(3)}  ${what}  ->  ${describeObserved(subsystem, step.observed)}`;
}

function howShrunk(executions: number, minimal: boolean): string {
  const how =
    executions === 0
      ? 'shortened from the recorded trace'
      : `shrunk by executing both sides ${plural(executions, 'time')}`;
  return minimal ? `${how}, none can be removed` : how;
}

function distinct(
  expected: readonly { readonly outcome: string; readonly rule: string }[],
): readonly { readonly outcome: string; readonly rule: string }[] {
  return [...new Map(expected.map((entry) => [`${entry.outcome}${entry.rule}`, entry])).values()];
}
