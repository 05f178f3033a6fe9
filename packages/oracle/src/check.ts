// SPDX-License-Identifier: MIT
import type { AnyOperation, RevisionId, Trace } from '@kernel-models/model-core';
import { join } from 'node:path';
import { generateCases } from './cases.ts';
import { suggestion } from './closest.ts';
import { compareTraces, type Comparison, type ObservedTrace } from './comparison.ts';
import { turnGiver } from './event-loop.ts';
import { UsageError, worstVerdict, type Verdict } from './exit-code.ts';
import { observeCases } from './observe.ts';
import { isFolder, readTraceFile, shippedRecordings, type Recording } from './recordings.ts';
import { shrinkDivergence, type ShrunkDivergence } from './shrink/shrink-divergence.ts';
import type { AnySubsystem, TargetOptions } from './subsystem.ts';
import { codecOfModel, refuseRevision } from './subsystems.ts';
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
  /** Whether its cases were generated and executed, and not read from a file. */
  readonly executed: boolean;
}

/** The result of a check. */
export interface CheckReport {
  readonly verdict: Verdict;
  readonly comparisons: readonly CheckedComparison[];
  readonly skips: readonly Skip[];
  /** Models for which nothing at all was compared. */
  readonly uncompared: readonly string[];
  readonly interrupted: boolean;
  /** Of the generated cases. */
  readonly seed: number;
  /** Cases that each target is asked to execute. */
  readonly runs: number;
}

/** How many distinct divergences of a comparison are shrunk. The others are counted. */
export const MAX_SHRUNK = 5;

/**
 * The oracle's main job: replays every recording of the given models, then runs a batch on every
 * live target that can answer here.
 *
 * @throws UsageError where nothing has the name of a target, or no recording is where they should be
 * @throws TraceError, UsageError where a recording cannot be read
 */
export async function check(options: CheckOptions): Promise<CheckReport> {
  requireRecordings(options);
  requireTargets(options);
  const comparisons: CheckedComparison[] = [];
  const skips: Skip[] = [];
  const skipped = (skip: Skip): void => {
    skips.push(skip);
    options.onEvent?.({ kind: 'skip', skip });
  };
  for (const subsystem of options.subsystems) {
    const recordings = shippedRecordings(subsystem.model.name, options.recordings);
    for (const recording of recordings) {
      if (isAborted(options) || !isWanted(options, 'recording', recording.name)) continue;
      comparisons.push(...(await checkRecording(subsystem, recording, options)));
    }
    if (recordings.length === 0 && isMissed(subsystem, options)) {
      skipped(missingRecordings(subsystem, options));
    }
    for (const target of subsystem.targets(options.targetOptions)) {
      if (isAborted(options) || !isWanted(options, target.name)) continue;
      const result = await checkTarget(subsystem, target, options);
      if ('reason' in result) skipped(result);
      else comparisons.push(result);
    }
    if (subsystem.nothingReal !== undefined) {
      const { name: model } = subsystem.model;
      skipped({ model, target: 'anything', reason: subsystem.nothingReal, required: false });
    }
  }
  const isExcused = ({ model, nothingReal }: AnySubsystem): boolean =>
    nothingReal !== undefined && options.requested?.includes(model.name) !== true;
  const uncompared = options.subsystems
    .filter((subsystem) => !isExcused(subsystem))
    .map(({ model }) => model.name)
    .filter((name) => !comparisons.some(({ comparison }) => comparison.model === name));
  const verdicts = comparisons.map(({ comparison }) => comparison.verdict);
  const isIncomplete =
    isAborted(options) || uncompared.length > 0 || skips.some(({ required }) => required);
  return {
    verdict: worstVerdict([...verdicts, ...(isIncomplete ? ['inconclusive' as const] : [])]),
    comparisons,
    skips,
    uncompared,
    interrupted: isAborted(options),
    seed: options.seed,
    runs: options.runs,
  };
}

/** A folder of recordings that was named and has none of the models is a mistake, not agreement. */
function requireRecordings({ recordings: folder, subsystems }: CheckOptions): void {
  if (folder === undefined) return;
  if (!isFolder(folder)) throw new UsageError(`--recordings: expected a folder, got ${folder}`);
  if (subsystems.some(({ model }) => shippedRecordings(model.name, folder).length > 0)) return;
  const [first] = subsystems;
  throw new UsageError(
    `--recordings: expected ${first?.model.name ?? '<model>'}/*.jsonl or *.jsonl.gz ` +
      `${subsystems.length > 1 ? 'or those of another model ' : ''}in ${folder}, got none`,
  );
}

function requireTargets({ targets, subsystems, targetOptions, recordings }: CheckOptions): void {
  const known = new Set(
    subsystems.flatMap((subsystem) => [
      ...shippedRecordings(subsystem.model.name, recordings).map(({ name }) => name),
      ...subsystem.targets(targetOptions).map(({ name }) => name),
    ]),
  );
  for (const target of targets) {
    if (target === 'recording' || known.has(target)) continue;
    throw new UsageError(
      `--target: expected recording or one that \`kernel-oracle models <model>\` lists, ` +
        `got ${target}${suggestion(target, ['recording', ...known])}`,
    );
  }
}

/** Whether recordings of a model were asked for: those of a folder, or `--target recording`. */
function isMissed({ nothingReal }: AnySubsystem, { recordings, targets }: CheckOptions): boolean {
  if (targets.includes('recording')) return recordings !== undefined || nothingReal === undefined;
  return recordings !== undefined && targets.length === 0;
}

function missingRecordings({ model: { name } }: AnySubsystem, options: CheckOptions): Skip {
  const { recordings: folder, requested, targets } = options;
  return {
    model: name,
    target: 'recording',
    reason:
      folder === undefined
        ? 'no recording of it ships with the package'
        : `${join(folder, name)} holds no *.jsonl or *.jsonl.gz`,
    required: requested?.includes(name) === true || targets.includes('recording'),
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
    touches: recording.shipped
      ? 'reads a file that ships with the package'
      : `reads ${recording.path}`,
  });
  const groups = new Map<string, Trace<unknown, AnyOperation, unknown>[]>();
  // Those that ship are held to the format by a test of the repository.
  const trust = { refuseRevision, trusted: recording.shipped };
  for (const trace of readTraceFile(recording.path, codecOfModel, trust)) {
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
      executed: false,
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
    const shrunk = await shrinkAll(subsystem, comparison, target, options);
    return { comparison, shrunk, executed: true };
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
  const giveTurn = turnGiver();
  for (const report of comparison.divergences.slice(0, MAX_SHRUNK)) {
    await giveTurn();
    if (isAborted(options)) break;
    shrunk.push(
      await shrinkDivergence(subsystem, report, target, (progress) =>
        options.onEvent?.({ kind: 'shrink', ...progress }),
      ),
    );
  }
  return shrunk;
}
