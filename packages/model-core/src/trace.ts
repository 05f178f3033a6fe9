// SPDX-License-Identifier: MIT
import type { Json } from './json.ts';
import type { AnyOperation } from './model.ts';
import type { RevisionId } from './revision.ts';

/** The value of a trace header's `format` field. */
export const TRACE_FORMAT = 'kernel-models-trace';

/** The value of a trace header's `version` field. */
export const TRACE_VERSION = 1;

/** Where the outcomes of a trace come from. */
export interface TraceSource {
  /** What kind of thing answered. */
  readonly kind: 'kernel' | 'emulator' | 'compiler' | 'library' | 'model' | 'hand';
  /**
   * Release and version of the kernel, or of the thing that stands for it: `6.12.115-1 (Debian)`.
   */
  readonly kernel?: string;
  /** What of its configuration matters: the LSMs, sysctls, boot parameters. */
  readonly config?: string;
  readonly cpu?: string;
  /** The program that executed the operations. */
  readonly tool?: string;
  /** The script, relative to the repository's root, that records this trace again. */
  readonly script?: string;
}

/** An outcome as a trace states it: one, any of several, or whatever it was. */
export type ObservedOutcome<Outcome> =
  | { readonly kind: 'one'; readonly outcome: Outcome }
  | { readonly kind: 'anyOf'; readonly outcomes: readonly Outcome[] }
  | { readonly kind: 'any' };

/** One operation and what came of it. */
export interface TraceEvent<Operation, Outcome> {
  /** 0, 1, 2 … without a gap. */
  readonly seq: number;
  /** Who did it, where several threads of execution interleave. */
  readonly thread?: string;
  readonly operation: Operation;
  readonly observed: ObservedOutcome<Outcome>;
}

/** A world, a sequence of operations on it, and what the real thing (or a model) answered. */
export interface Trace<Setup, Operation, Outcome> {
  readonly model: string;
  /** The revision that the recorder holds to be right for its source. */
  readonly revision?: RevisionId;
  readonly setup: Setup;
  readonly source: TraceSource;
  /** ISO 8601 time of the recording. */
  readonly recordedAt: string;
  readonly events: readonly TraceEvent<Operation, Outcome>[];
}

/** A trace whose model is not known to the type checker, as the oracle reads it from a file. */
export type AnyTrace = Trace<unknown, AnyOperation, unknown>;

/** The first line of a trace in a file. */
export interface TraceHeader {
  readonly format: typeof TRACE_FORMAT;
  readonly version: typeof TRACE_VERSION;
  readonly model: string;
  readonly revision?: RevisionId;
  readonly setup: Json;
  readonly source: TraceSource;
  readonly recordedAt: string;
  /**
   * How many events follow. A writer that knows it states it, so that a file cut off between two
   * lines is noticed; a writer that streams leaves it out.
   */
  readonly events?: number;
}

/** An observed outcome that is exactly this one. */
export function observedOne<Outcome>(outcome: Outcome): ObservedOutcome<Outcome> {
  return { kind: 'one', outcome };
}
