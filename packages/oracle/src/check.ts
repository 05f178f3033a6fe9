// SPDX-License-Identifier: MIT
import type { AnyOperation, RevisionId, Trace } from '@kernel-models/model-core';
import { generateCases } from './cases.ts';
import { compareTraces, type Comparison, type ObservedTrace } from './comparison.ts';
import { worstVerdict, type Verdict } from './exit-code.ts';
import { observeCases } from './observe.ts';
import { readTraceFile, shippedRecordings, type Recording } from './recordings.ts';
import { shrinkDivergence, type ShrunkDivergence } from './shrink/shrink-divergence.ts';
import type { AnySubsystem, TargetOptions } from './subsystem.ts';
import { codecOfModel } from './subsystems.ts';
import type { Target } from './target.ts';

/** A comparison whose model's types do not matter to the caller. */
export type AnyComparison = Comparison<unknown, AnyOperation, unknown, unknown>;

/** A target that could not answer here. */
export interface Skip {
  readonly model: string;
  readonly target: string;
  readonly reason: string;
  /**
   * Whether the person asked for just this target, so that the check is not complete without it.
   */
  readonly required: boolean;
}

/** What to check. */
export interface CheckOptions {
  readonly subsystems: readonly AnySubsystem[];
  /** `recording`, a recording's name, or a target's name. Empty: all of them. */
  readonly targets: readonly string[];
  /** Whether a skipped target makes the verdict inconclusive. */
  readonly live: boolean;
  /** Holds everything against this revision and not against the one of each source. */
  readonly revision?: RevisionId | undefined;
  /** Cases to run on each live target. */
  readonly runs: number;
  readonly seed: number;
  readonly targetOptions: TargetOptions;
  readonly signal?: AbortSignal | undefined;
  /** Models that were asked for by their own names: without a comparison they are inconclusive. */
  readonly requested?: readonly string[];
  /** A folder of recordings other than the one that ships. */
  readonly recordings?: string | undefined;
  readonly onEvent?: (event: CheckEvent) => void;
}

/** What happens during a check, for those who watch. */
export type CheckEvent =
  | {
      readonly kind: 'start';
      readonly model: string;
      readonly target: string;
      readonly touches: string;
    }
  | {
      readonly kind: 'progress';
      readonly model: string;
      readonly target: string;
      readonly done: number;
      readonly total: number;
      readonly events: number;
    }
  | { readonly kind: 'shrink'; readonly executions: number; readonly size: number }
  | { readonly kind: 'end'; readonly comparison: AnyComparison }
  | { readonly kind: 'skip'; readonly skip: Skip };

/** A comparison and its divergences, each shrunk. */
export interface CheckedComparison {
  readonly comparison: AnyComparison;
  readonly shrunk: readonly ShrunkDivergence<unknown, AnyOperation, unknown, unknown>[];
}

/** The result of a check. */
export interface CheckReport {
  readonly verdict: Verdict;
  readonly comparisons: readonly CheckedComparison[];
  readonly skips: readonly Skip[];
  /** Models for which nothing at all was compared. */
  readonly uncompared: readonly string[];
  readonly interrupted: boolean;
  readonly seed: number;
  readonly runs: number;
}

/** How many distinct divergences of a comparison are shrunk. The others are counted. */
export const MAX_SHRUNK = 5;

/**
 * The oracle's main job: replays every recording of the given models, then runs a batch on every
 * live target that can answer here.
 *
 * @throws TraceError, UsageError where a recording cannot be read
 */
export async function check(options: CheckOptions): Promise<CheckReport> {
  const comparisons: CheckedComparison[] = [];
  const skips: Skip[] = [];
  for (const subsystem of options.subsystems) {
    for (const recording of shippedRecordings(subsystem.model.name, options.recordings)) {
      if (isAborted(options) || !isWanted(options, 'recording', recording.name)) continue;
      comparisons.push(...(await checkRecording(subsystem, recording, options)));
    }
    for (const target of subsystem.targets(options.targetOptions)) {
      if (isAborted(options) || !isWanted(options, target.name)) continue;
      const result = await checkTarget(subsystem, target, options);
      if ('reason' in result) {
        skips.push(result);
        options.onEvent?.({ kind: 'skip', skip: result });
      } else comparisons.push(result);
    }
    if (subsystem.nothingReal !== undefined) {
      const { name: model } = subsystem.model;
      const skip = { model, target: 'anything', reason: subsystem.nothingReal, required: false };
      skips.push(skip);
      options.onEvent?.({ kind: 'skip', skip });
    }
  }
  const isExcused = ({ model, nothingReal }: AnySubsystem): boolean =>
    nothingReal !== undefined && options.requested?.includes(model.name) !== true;
  const uncompared = options.subsystems
    .filter((subsystem) => !isExcused(subsystem))
    .map(({ model }) => model.name)
    .filter((name) => !comparisons.some(({ comparison }) => comparison.model === name));
  const verdicts = comparisons.map(({ comparison }) => comparison.verdict);
  const undecided: Verdict[] =
    uncompared.length > 0 || skips.some(({ required }) => required) ? ['inconclusive'] : [];
  return {
    verdict: worstVerdict([...verdicts, ...undecided]),
    comparisons,
    skips,
    uncompared,
    interrupted: isAborted(options),
    seed: options.seed,
    runs: options.runs,
  };
}

function isAborted({ signal }: CheckOptions): boolean {
  return signal?.aborted === true;
}

/**
 * `--live`, `--target name`, and options that name a thing to ask, such as `--kernel`, demand an
 * answer.
 */
function isRequired(target: string, { live, targets, targetOptions }: CheckOptions): boolean {
  return live || targets.includes(target) || Object.hasOwn(targetOptions, target);
}

function isWanted({ targets }: CheckOptions, ...names: readonly string[]): boolean {
  return targets.length === 0 || names.some((name) => targets.includes(name));
}

/**
 * A file may hold traces of several revisions and sources; each pair is a comparison of its own.
 */
async function checkRecording(
  subsystem: AnySubsystem,
  recording: Recording,
  options: CheckOptions,
): Promise<readonly CheckedComparison[]> {
  options.onEvent?.({
    kind: 'start',
    model: recording.model,
    target: recording.name,
    touches: 'reads a file that ships with the package',
  });
  const groups = new Map<string, Trace<unknown, AnyOperation, unknown>[]>();
  for (const trace of readTraceFile(recording.path, codecOfModel)) {
    const key = `${trace.revision ?? ''} ${trace.source.kernel ?? ''}`;
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [trace]);
    else group.push(trace);
  }
  const results: CheckedComparison[] = [];
  for (const traces of groups.values()) {
    const [first] = traces;
    if (first === undefined) continue;
    const comparison = await compareTraces(
      subsystem,
      traces.map((trace) => ({ trace })),
      {
        target: recording.name,
        revision: options.revision ?? first.revision ?? subsystem.defaultRevision,
        source: first.source,
        signal: options.signal,
        onTrace: watcher(options, recording.model, recording.name, traces.length),
      },
    );
    options.onEvent?.({ kind: 'end', comparison });
    results.push({
      comparison,
      shrunk: await shrinkAll(subsystem, comparison, undefined, options),
    });
  }
  return results;
}

async function checkTarget(
  subsystem: AnySubsystem,
  target: Target,
  options: CheckOptions,
): Promise<CheckedComparison | Skip> {
  const model = subsystem.model.name;
  const { name, touches } = target;
  try {
    const skip = (reason: string): Skip => ({
      model,
      target: name,
      reason,
      required: isRequired(name, options),
    });
    const availability = await target.available();
    if (!availability.ok) return skip(availability.skip);
    const { source, worlds } = availability;
    const revision = options.revision ?? availability.revision;
    if (revision === undefined) {
      return skip(`no revision describes ${source.kernel ?? source.kind}; --revision names one`);
    }
    options.onEvent?.({ kind: 'start', model, target: name, touches });
    const facts = { model, revision, source, recordedAt: new Date().toISOString() };
    const observed = async function* (): AsyncGenerator<
      ObservedTrace<unknown, AnyOperation, unknown>
    > {
      const { seed, runs } = options;
      for (const cases of generateCases(subsystem, revision, seed, runs, worlds)) {
        yield* observeCases(target, cases, facts);
        if (isAborted(options)) return;
      }
    };
    const comparison = await compareTraces(subsystem, observed(), {
      target: name,
      revision,
      source,
      signal: options.signal,
      onTrace: watcher(options, model, name, options.runs),
    });
    options.onEvent?.({ kind: 'end', comparison });
    return { comparison, shrunk: await shrinkAll(subsystem, comparison, target, options) };
  } finally {
    await target.close();
  }
}

function watcher(
  { onEvent }: CheckOptions,
  model: string,
  target: string,
  total: number,
): (done: number, events: number) => void {
  return (done, events) => onEvent?.({ kind: 'progress', model, target, done, total, events });
}

async function shrinkAll(
  subsystem: AnySubsystem,
  comparison: AnyComparison,
  target: Target | undefined,
  options: CheckOptions,
): Promise<readonly ShrunkDivergence<unknown, AnyOperation, unknown, unknown>[]> {
  const shrunk: ShrunkDivergence<unknown, AnyOperation, unknown, unknown>[] = [];
  for (const report of comparison.divergences.slice(0, MAX_SHRUNK)) {
    if (isAborted(options)) break;
    shrunk.push(
      await shrinkDivergence(subsystem, report, target, (progress) =>
        options.onEvent?.({ kind: 'shrink', ...progress }),
      ),
    );
  }
  return shrunk;
}
