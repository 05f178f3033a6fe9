// SPDX-License-Identifier: MIT
import {
  decode,
  DecodeError,
  type Decoder,
  type Json,
  type JsonObject,
} from '@kernel-models/model-core';

/** The version of the lines that probes and this package speak. */
export const PROTOCOL_VERSION = 1;

/** What a probe says first: what it is, and what answers where it runs. */
export interface Hello {
  /** The model whose operations it executes. */
  readonly probe: string;
  /** `6.12.115-1`, as uname(2) has it. */
  readonly release: string;
  /** Release and version. */
  readonly kernel: string;
  readonly machine: string;
  readonly cpu: string;
  /** The active security modules. */
  readonly lsm: string;
  /** What this kind of probe adds. */
  readonly facts: JsonObject;
}

/** One line of a probe after its hello. */
export type ProbeLine =
  | { readonly kind: 'ready'; readonly case: number }
  | { readonly kind: 'outcome'; readonly case: number; readonly outcome: Json }
  | { readonly kind: 'end'; readonly case: number; readonly complaints: readonly string[] }
  /** The case cannot go on. */
  | { readonly kind: 'failure'; readonly case: number; readonly reason: string }
  /** This kernel cannot have such a world; the reason names what is missing. */
  | { readonly kind: 'lacks'; readonly case: number; readonly reason: string };

const anyJson: Decoder<Json> = (json, field) => {
  if (json === undefined) throw new DecodeError(field, 'a value', json);
  return json;
};

const lineDecoder = decode.object({
  case: decode.integer(0),
  ready: decode.optional(decode.boolean),
  outcome: decode.optional(anyJson),
  end: decode.optional(decode.boolean),
  complaints: decode.optional(decode.array(decode.string)),
  failure: decode.optional(decode.string),
  lacks: decode.optional(decode.string),
});

/**
 * Reads a probe's first line.
 *
 * @returns the hello, or why nothing can answer there
 * @throws DecodeError where it is no hello of this protocol
 */
export function parseHello(line: string): Hello | { readonly unavailable: string } {
  const json = parse(line);
  if (json === null || typeof json !== 'object' || Array.isArray(json)) {
    throw new DecodeError('hello', 'an object', json);
  }
  const { hello, protocol, unavailable, release, kernel, machine, cpu, lsm, ...facts } =
    json as JsonObject;
  const probe = decode.string(hello, 'hello');
  decode.integer(PROTOCOL_VERSION, PROTOCOL_VERSION)(protocol, 'protocol');
  if (unavailable !== undefined) {
    return { unavailable: decode.string(unavailable, 'unavailable') };
  }
  return {
    probe,
    release: decode.string(release, 'release'),
    kernel: decode.string(kernel, 'kernel'),
    machine: decode.string(machine, 'machine'),
    cpu: decode.string(cpu, 'cpu'),
    lsm: decode.string(lsm, 'lsm'),
    facts,
  };
}

/**
 * Reads any later line of a probe.
 *
 * @throws DecodeError where it is no such line
 */
export function parseProbeLine(line: string): ProbeLine {
  const { case: id, ...answer } = lineDecoder(parse(line), 'answer');
  if (answer.outcome !== undefined) return { kind: 'outcome', case: id, outcome: answer.outcome };
  if (answer.ready === true) return { kind: 'ready', case: id };
  if (answer.end === true) return { kind: 'end', case: id, complaints: answer.complaints ?? [] };
  if (answer.failure !== undefined) return { kind: 'failure', case: id, reason: answer.failure };
  if (answer.lacks !== undefined) return { kind: 'lacks', case: id, reason: answer.lacks };
  throw new DecodeError('answer', 'ready, outcome, end, failure or lacks', line);
}

function parse(line: string): Json {
  try {
    return JSON.parse(line) as Json;
  } catch {
    throw new DecodeError('answer', 'a line of JSON', line);
  }
}
