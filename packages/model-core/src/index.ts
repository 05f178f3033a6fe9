// SPDX-License-Identifier: MIT
export {
  compareRevisions,
  type CompareOptions,
  type CompareResult,
  type RevisionDifference,
} from './compare-revisions.ts';
export type { Codec } from './codec.ts';
export * as decode from './decode.ts';
export {
  DecodeError,
  formatMode,
  type ByteRange,
  type Decoder,
  type OptionalDecoder,
} from './decode.ts';
export { encodePlain, type Spelling } from './encode.ts';
export { deepEqual } from './equal.ts';
export {
  ERRNO_ALIASES,
  ERRNO_NAMES,
  errnoMessage,
  errnoName,
  errnoNumber,
  isErrno,
  type Errno,
} from './errno.ts';
export {
  explore,
  promisedInvariants,
  type Counterexample,
  type ExploreOptions,
  type ExploreProgress,
  type ExploreResult,
} from './explore.ts';
export type { Invariant, Transition } from './invariant.ts';
export { canonicalJson, formatBytes, formatHex, type Json, type JsonObject } from './json.ts';
export type { AnyModel, AnyOperation, Model, Step } from './model.ts';
export { hexFields, plainCodec, type PlainCodec } from './plain-codec.ts';
export {
  allowedSteps,
  DEFAULT_MAX_STATES,
  replay,
  runModel,
  stateKey,
  type Divergence,
  type ReplayOptions,
  type ReplayResult,
} from './replay.ts';
export {
  isBugRevision,
  resolveRevisions,
  type BaseRevision,
  type BugRevision,
  type Revision,
  type RevisionId,
} from './revision.ts';
export type { Rule, RuleId } from './rule.ts';
export { stateDiff, type Change } from './state-diff.ts';
export { decodeObserved, readTraces, TraceError, type ReadTracesOptions } from './trace-read.ts';
export { encodeObserved, writeTrace } from './trace-write.ts';
export {
  observedOne,
  TRACE_FORMAT,
  TRACE_VERSION,
  type AnyTrace,
  type ObservedOutcome,
  type Trace,
  type TraceEvent,
  type TraceHeader,
  type TraceSource,
} from './trace.ts';
