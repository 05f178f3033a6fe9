// SPDX-License-Identifier: MIT
import type { AnyOperation, RevisionId } from '@kernel-models/model-core';
import { generateCases } from './cases.ts';
import { compareTraces, type ObservedTrace } from './comparison.ts';
import { MAX_SHRUNK, type CheckedComparison } from './check.ts';
import { observeCases } from './observe.ts';
import type { ReadyTarget } from './select-target.ts';
import { shrinkDivergence, type ShrunkDivergence } from './shrink/shrink-divergence.ts';
import type { AnySubsystem } from './subsystem.ts';

/** What to fuzz and how long. */
export interface FuzzOptions {
  readonly revision: RevisionId;
  readonly runs: number;
  readonly seed: number;
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: (done: number, total: number) => void;
  readonly onShrink?: (progress: { readonly executions: number; readonly size: number }) => void;
}

/**
 * Generates cases until a batch diverges or the runs are used up, executes each on both sides, and
 * shrinks what diverges, a few at most, by executing both again.
 */
export async function fuzz(
  subsystem: AnySubsystem,
  { target, availability }: ReadyTarget,
  options: FuzzOptions,
): Promise<CheckedComparison> {
  const { revision, runs, seed } = options;
  const { worlds } = availability;
  const facts = {
    model: subsystem.model.name,
    revision,
    source: availability.source,
    recordedAt: new Date().toISOString(),
  };
  const stop = new AbortController();
  options.signal?.addEventListener('abort', () => stop.abort());
  const observed = async function* (): AsyncGenerator<
    ObservedTrace<unknown, AnyOperation, unknown>
  > {
    for (const cases of generateCases(subsystem, revision, seed, runs, worlds)) {
      yield* observeCases(target, cases, facts);
      if (stop.signal.aborted) return;
    }
  };
  const comparison = await compareTraces(subsystem, observed(), {
    target: target.name,
    revision,
    source: availability.source,
    signal: options.signal,
    onTrace: (done) => options.onProgress?.(done, runs),
    onDivergence: () => stop.abort(),
  });
  const shrunk: ShrunkDivergence<unknown, AnyOperation, unknown, unknown>[] = [];
  for (const report of comparison.divergences.slice(0, MAX_SHRUNK)) {
    if (options.signal?.aborted === true) break;
    shrunk.push(await shrinkDivergence(subsystem, report, target, options.onShrink));
  }
  return { comparison, shrunk, executed: true };
}
