// SPDX-License-Identifier: MIT
import type { AnyOperation, AnyTrace, RevisionId } from '@kernel-models/model-core';
import { UsageError } from '../exit-code.ts';
import { readTraceFile } from '../recordings.ts';
import { plural } from '../report/table.ts';
import type { AnySubsystem } from '../subsystem.ts';
import { codecOfModel, refuseRevision, revisionOf, subsystemOf } from '../subsystems.ts';

/** The traces of a file, all of one model. */
export interface LoadedTraces {
  readonly subsystem: AnySubsystem;
  readonly traces: readonly AnyTrace[];
}

/**
 * Reads a file of traces.
 *
 * @throws UsageError where it cannot be read, or holds traces of several models
 * @throws TraceError where it is malformed
 */
export function loadTraces(file: string): LoadedTraces {
  const traces = [...readTraceFile(file, codecOfModel, { refuseRevision })];
  const models = [...new Set(traces.map(({ model }) => model))];
  const [model] = models;
  if (model === undefined || models.length > 1) {
    throw new UsageError(`${file}: expected traces of one model, got ${models.join(', ')}`);
  }
  return { subsystem: subsystemOf(model), traces };
}

/**
 * One trace of a file.
 *
 * @param index which one, from 0
 */
export function loadTrace(
  file: string,
  index: number,
): { readonly subsystem: AnySubsystem; readonly trace: AnyTrace } {
  const { subsystem, traces } = loadTraces(file);
  const trace = traces[index];
  if (trace === undefined) {
    throw new UsageError(
      `--trace: ${file} holds ${plural(traces.length, 'trace')}, from 0 to ${traces.length - 1}; got ${index}`,
    );
  }
  return { subsystem, trace };
}

/** The revision that the person named, else the trace's own, else the model's newest. */
export function effectiveRevision(
  subsystem: AnySubsystem,
  named: string | undefined,
  trace?: {
    readonly revision?: RevisionId;
    readonly events?: readonly { operation: AnyOperation }[];
  },
): RevisionId {
  return revisionOf(subsystem, named ?? trace?.revision ?? subsystem.defaultRevision);
}
