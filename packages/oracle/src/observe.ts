// SPDX-License-Identifier: MIT
import {
  observedOne,
  type AnyOperation,
  type RevisionId,
  type Trace,
  type TraceSource,
} from '@kernel-models/model-core';
import type { ObservedTrace } from './comparison.ts';
import { runCases, type Answer, type Case, type Target } from './target.ts';

/** What a trace says about itself beside its world and its events. */
export interface TraceFacts {
  readonly model: string;
  readonly revision?: RevisionId | undefined;
  readonly source: TraceSource;
  readonly recordedAt: string;
}

/** Executes cases on a target and states what it answered, as traces, in the order of the cases. */
export async function* observeCases<Setup, Operation extends AnyOperation, Outcome>(
  target: Target<Setup, Operation, Outcome>,
  cases: readonly Case<Setup, Operation>[],
  facts: TraceFacts,
): AsyncGenerator<ObservedTrace<Setup, Operation, Outcome>> {
  let index = 0;
  for await (const answer of runCases(target, cases)) {
    const one = cases[index];
    if (one === undefined) break;
    index += 1;
    yield observedTrace(one, answer, facts);
  }
  for (const one of cases.slice(index)) {
    yield observedTrace(one, { outcomes: [], failure: `${target.name}: no answer` }, facts);
  }
}

/**
 * A case and its answer as a trace. An answer that ends early gives a shorter trace and a failure.
 */
export function observedTrace<Setup, Operation extends AnyOperation, Outcome>(
  { setup, operations }: Case<Setup, Operation>,
  { outcomes, failure, lacks, complaints }: Answer<Outcome>,
  { model, revision, source, recordedAt }: TraceFacts,
): ObservedTrace<Setup, Operation, Outcome> {
  const trace: Trace<Setup, Operation, Outcome> = {
    model,
    ...(revision !== undefined && { revision }),
    setup,
    source,
    recordedAt,
    events: operations.slice(0, outcomes.length).map((operation, seq) => ({
      seq,
      operation,
      observed: observedOne(outcomes[seq] as Outcome),
    })),
  };
  return { trace, failure, lacks, complaints };
}
