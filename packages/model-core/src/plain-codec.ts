// SPDX-License-Identifier: MIT
import type { Codec } from './codec.ts';
import type { Decoder } from './decode.ts';
import { encodePlain, type Spelling } from './encode.ts';
import type { Json } from './json.ts';

/** What a codec of plain data is made of. */
export interface PlainCodec<Setup, Operation, Outcome> {
  readonly setup: Decoder<Setup>;
  readonly operation: Decoder<Operation>;
  readonly outcome: Decoder<Outcome>;
  /** How numbers are spelled. Absent: as {@link encodePlain} does. */
  readonly spell?: Spelling;
}

/**
 * The codec of a model whose setups, operations and outcomes are plain data: decoders for one
 * direction, {@link encodePlain} for the other.
 */
export function plainCodec<Setup, Operation, Outcome>(
  parts: PlainCodec<Setup, Operation, Outcome>,
): Codec<Setup, Operation, Outcome> {
  const { setup, operation, outcome, spell } = parts;
  const encode = (value: unknown, field: string): Json => encodePlain(value, field, spell);
  return {
    decodeSetup: (json) => setup(json, 'setup'),
    encodeSetup: (value) => encode(value, 'setup'),
    decodeOperation: (json) => operation(json, 'operation'),
    encodeOperation: (value) => encode(value, 'operation'),
    decodeOutcome: (json) => outcome(json, 'outcome'),
    encodeOutcome: (value) => encode(value, 'outcome'),
  };
}

/** Spells the numbers of these fields `0x…`; they are numbers in memory. */
export function hexFields(...fields: readonly string[]): Spelling {
  const names = new Set(fields);
  return (value, field) =>
    typeof value === 'number' && names.has(field) ? `0x${value.toString(16)}` : undefined;
}
