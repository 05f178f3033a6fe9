// SPDX-License-Identifier: MIT
import {
  isBugRevision,
  replay,
  type AnyOperation,
  type Divergence,
  type RevisionId,
  type RuleId,
  type Trace,
  type TraceSource,
} from '@kernel-models/model-core';
import { turnGiver } from './event-loop.ts';
import type { Verdict } from './exit-code.ts';
import type { Subsystem } from './subsystem.ts';

/** A trace together with what the target had to say beside its outcomes. */
export interface ObservedTrace<Setup, Operation, Outcome> {
  readonly trace: Trace<Setup, Operation, Outcome>;
  /** Why the case did not run to its end. */
  readonly failure?: string | undefined;
  /** What the target would need to be put the case at all: it was not executed. */
  readonly lacks?: string | undefined;
  /** Lines that the kernel should not have logged. */
  readonly complaints?: readonly string[] | undefined;
}

/** A trace that a revision of a model does not explain. */
export interface DivergenceReport<State, Operation, Outcome, Setup> {
  readonly trace: Trace<Setup, Operation, Outcome>;
  /** Which trace of the target's, from 0. */
  readonly index: number;
  readonly revision: RevisionId;
  /** Absent where every outcome agrees and only the kernel's log complains. */
  readonly divergence?: Divergence<State, Operation, Outcome>;
  readonly complaints: readonly string[];
  /** A revision of the model that explains the whole trace, if there is one. */
  readonly explainedBy: RevisionId | undefined;
  /** How many traces diverge by the same operation and rule, this one included. */
  occurrences: number;
}

/** One row of the table of a check: an operation, the rule that decided it, and how often. */
export interface Row {
  readonly operation: string;
  readonly rule: RuleId;
  count: number;
}

/** A model held against one target. */
export interface Comparison<State, Operation, Outcome, Setup> {
  readonly model: string;
  readonly target: string;
  readonly revision: RevisionId;
  readonly source: TraceSource;
  verdict: Verdict;
  /** Traces, and events in them, that were held against the model. */
  traces: number;
  consumed: number;
  total: number;
  readonly rows: readonly Row[];
  /** Distinct divergences: one for each pair of operation and expected rule, with a count. */
  readonly divergences: readonly DivergenceReport<State, Operation, Outcome, Setup>[];
  /** Why some traces were not compared to their end, with how many. */
  readonly inconclusive: ReadonlyMap<string, number>;
  /** What the target lacked to be put some cases at all, with how many: they were left out. */
  readonly excluded: ReadonlyMap<string, number>;
  /** Seconds. */
  elapsed: number;
}

/** Observes a comparison while it runs. */
export interface ComparisonOptions {
  readonly target: string;
  readonly revision: RevisionId;
  readonly source: TraceSource;
  readonly onTrace?: (traces: number, events: number) => void;
  /** Called at each distinct divergence. */
  readonly onDivergence?: () => void;
  /** Ends the comparison between two traces. */
  readonly signal?: AbortSignal | undefined;
}

/** Holds a sequence of traces against one revision of a model. */
export async function compareTraces<State, Operation extends AnyOperation, Outcome, Setup>(
  subsystem: Subsystem<State, Operation, Outcome, Setup>,
  traces:
    | Iterable<ObservedTrace<Setup, Operation, Outcome>>
    | AsyncIterable<ObservedTrace<Setup, Operation, Outcome>>,
  options: ComparisonOptions,
): Promise<Comparison<State, Operation, Outcome, Setup>> {
  const { model } = subsystem;
  const { revision, target, source } = options;
  const started = performance.now();
  const rows = new Map<string, Row>();
  const inconclusive = new Map<string, number>();
  const excluded = new Map<string, number>();
  const divergences = new Map<string, DivergenceReport<State, Operation, Outcome, Setup>>();
  const comparison: Comparison<State, Operation, Outcome, Setup> = {
    model: model.name,
    target,
    revision,
    source,
    verdict: 'agree',
    traces: 0,
    consumed: 0,
    total: 0,
    rows: [],
    divergences: [],
    inconclusive,
    excluded,
    elapsed: 0,
  };
  const giveTurn = turnGiver();
  let interrupted = false;

  for await (const { trace, failure, lacks, complaints = [] } of traces) {
    if (lacks !== undefined) {
      count(excluded, lacks);
      continue;
    }
    const result = replay(model, trace, {
      revision,
      onStep: ({ operation }, { rule }) => {
        const name = subsystem.rowOf?.(operation) ?? operation.op;
        const row = rows.get(`${name}\n${rule}`);
        if (row === undefined) rows.set(`${name}\n${rule}`, { operation: name, rule, count: 1 });
        else row.count += 1;
      },
    });
    comparison.consumed += result.consumed;
    comparison.total += result.total;
    if (result.divergence !== undefined || complaints.length > 0) {
      const key = divergenceKey(subsystem, result.divergence);
      const known = divergences.get(key);
      if (known !== undefined) known.occurrences += 1;
      else {
        divergences.set(key, {
          trace,
          index: comparison.traces,
          revision,
          ...(result.divergence !== undefined && { divergence: result.divergence }),
          complaints,
          explainedBy: explainingRevision(subsystem, trace),
          occurrences: 1,
        });
        options.onDivergence?.();
      }
    } else if (result.verdict === 'inconclusive') {
      count(inconclusive, result.reason ?? 'no reason was given');
    }
    if (failure !== undefined) count(inconclusive, failure);
    comparison.traces += 1;
    options.onTrace?.(comparison.traces, comparison.consumed);
    await giveTurn();
    interrupted = options.signal?.aborted === true;
    if (interrupted) break;
  }
  if (comparison.traces === 0) count(inconclusive, `${target}: there was nothing to compare`);
  const isUndecided = interrupted || inconclusive.size > 0;
  return {
    ...comparison,
    verdict: divergences.size > 0 ? 'diverge' : isUndecided ? 'inconclusive' : 'agree',
    rows: [...rows.values()].sort(byOperationAndRule),
    divergences: [...divergences.values()],
    elapsed: (performance.now() - started) / 1000,
  };
}

function count(reasons: Map<string, number>, reason: string): void {
  reasons.set(reason, (reasons.get(reason) ?? 0) + 1);
}

function byOperationAndRule(a: Row, b: Row): number {
  if (a.operation !== b.operation) return a.operation < b.operation ? -1 : 1;
  return a.rule < b.rule ? -1 : a.rule > b.rule ? 1 : 0;
}

function divergenceKey<State, Operation extends AnyOperation, Outcome, Setup>(
  subsystem: Subsystem<State, Operation, Outcome, Setup>,
  divergence: Divergence<State, Operation, Outcome> | undefined,
): string {
  if (divergence === undefined) return 'kernel log';
  const { operation, observed } = divergence.event;
  const outcome =
    observed.kind === 'one'
      ? JSON.stringify(subsystem.model.codec.encodeOutcome(observed.outcome))
      : observed.kind;
  return `${operation.op}\n${divergence.expected[0]?.rule ?? ''}\n${outcome}`;
}

/** The first revision, bug variants last, that explains a whole trace. */
export function explainingRevision<State, Operation extends AnyOperation, Outcome, Setup>(
  { model }: Subsystem<State, Operation, Outcome, Setup>,
  trace: Trace<Setup, Operation, Outcome>,
): RevisionId | undefined {
  const candidates = [
    ...model.revisions.filter((revision) => !isBugRevision(revision)).reverse(),
    ...model.revisions.filter((revision) => isBugRevision(revision)),
  ];
  return candidates.find(({ id }) => replay(model, trace, { revision: id }).verdict === 'agree')
    ?.id;
}
