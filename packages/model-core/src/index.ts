// SPDX-License-Identifier: MIT
export * as decode from './decode.ts';
export { DecodeError, formatMode, type Decoder, type OptionalDecoder } from './decode.ts';
export { canonicalJson, formatHex, type Json, type JsonObject } from './json.ts';
export type { Codec } from './codec.ts';
export type { Invariant, Transition } from './invariant.ts';
export type { AnyModel, AnyOperation, Model, Step } from './model.ts';
export {
  isBugRevision,
  resolveRevisions,
  type BaseRevision,
  type BugRevision,
  type Revision,
  type RevisionId,
} from './revision.ts';
export type { Rule, RuleId } from './rule.ts';
