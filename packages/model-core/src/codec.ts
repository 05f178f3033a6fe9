// SPDX-License-Identifier: MIT
import type { Json } from './json.ts';

/**
 * JSON to values and back, for one model. Every decoder validates and is strict: an unknown field,
 * a wrong type or a value out of range throws a {@link DecodeError} that names the field.
 *
 * Every C long, pointer and u64 is a `0x…` string in JSON and a bigint in memory; modes are octal
 * strings; flags and capabilities are names.
 */
export interface Codec<Setup, Operation, Outcome> {
  decodeSetup(json: Json): Setup;
  encodeSetup(setup: Setup): Json;
  decodeOperation(json: Json): Operation;
  encodeOperation(operation: Operation): Json;
  decodeOutcome(json: Json): Outcome;
  encodeOutcome(outcome: Outcome): Json;
}
