// SPDX-License-Identifier: MIT
import { encodeObserved, type AnyOperation, type Json } from '@kernel-models/model-core';
import type { AnyComparison, CheckReport } from '../check.ts';
import { explainTrace } from '../explain.ts';
import type { ShrunkDivergence } from '../shrink/shrink-divergence.ts';
import { subsystemOf } from '../subsystems.ts';

/** Version of the schema of every `--json` output; it changes when a field's meaning does. */
export const JSON_OUTPUT_VERSION = 1;

/** The report of a check as JSON; `schema/output.schema.json` describes it. */
export function checkJson(report: CheckReport): Json {
  return {
    version: JSON_OUTPUT_VERSION,
    verdict: report.verdict,
    interrupted: report.interrupted,
    ...generated(report),
    comparisons: report.comparisons.map(({ comparison, shrunk, executed }) => ({
      model: comparison.model,
      target: comparison.target,
      revision: comparison.revision,
      source: { ...comparison.source },
      verdict: comparison.verdict,
      executed,
      traces: comparison.traces,
      consumed: comparison.consumed,
      total: comparison.total,
      elapsed: comparison.elapsed,
      rows: comparison.rows.map((row) => ({ ...row })),
      inconclusive: reasonsJson(comparison.inconclusive),
      excluded: reasonsJson(comparison.excluded),
      divergences: comparison.divergences.map((_, index) =>
        divergenceJson(comparison, index, shrunk[index]),
      ),
    })),
    skips: report.skips.map((skip) => ({ ...skip })),
    uncompared: report.uncompared,
  };
}

/** Where no case was generated there was no seed. */
function generated({ comparisons, seed, runs }: CheckReport): {
  readonly seed: number | null;
  readonly runs: number | null;
} {
  return comparisons.some(({ executed }) => executed) ? { seed, runs } : { seed: null, runs: null };
}

function reasonsJson(reasons: ReadonlyMap<string, number>): Json {
  return [...reasons].map(([reason, traces]) => ({ reason, traces }));
}

function divergenceJson(
  comparison: AnyComparison,
  index: number,
  shrunk: ShrunkDivergence<unknown, AnyOperation, unknown, unknown> | undefined,
): Json {
  const facts = comparison.divergences[index];
  const subsystem = subsystemOf(comparison.model);
  const { codec } = subsystem.model;
  const trace = shrunk?.trace ?? facts?.trace;
  if (facts === undefined || trace === undefined) return null;
  return {
    revision: facts.revision,
    explainedBy: facts.explainedBy ?? null,
    occurrences: facts.occurrences,
    trace: facts.index,
    complaints: shrunk?.complaints ?? facts.complaints,
    executions: shrunk?.executions ?? 0,
    minimal: shrunk?.minimal ?? false,
    setup: codec.encodeSetup(trace.setup),
    steps: explainTrace(subsystem, trace, facts.revision).map((step) => ({
      operation: codec.encodeOperation(step.operation),
      observed: encodeObserved(step.observed, codec),
      expected: codec.encodeOutcome(step.outcome),
      agrees: step.agrees,
      rule: step.rule.id,
      origin: step.rule.origin,
    })),
  };
}
