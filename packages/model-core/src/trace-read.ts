// SPDX-License-Identifier: MIT
import type { Codec } from './codec.ts';
import * as decode from './decode.ts';
import { DecodeError } from './decode.ts';
import { duplicateKey } from './duplicate-key.ts';
import type { Json } from './json.ts';
import type { AnyOperation } from './model.ts';
import type { RevisionId } from './revision.ts';
import {
  TRACE_FORMAT,
  TRACE_VERSION,
  type AnyTrace,
  type ObservedOutcome,
  type TraceEvent,
  type TraceHeader,
  type TraceSource,
} from './trace.ts';

/** A trace that cannot be read. The message has the form `file:line: field: expected X, got Y`. */
export class TraceError extends Error {
  readonly file: string;
  /** 1-based. */
  readonly line: number;

  constructor(file: string, line: number, problem: string) {
    super(`${file}:${line}: ${problem}`);
    this.name = 'TraceError';
    this.file = file;
    this.line = line;
  }
}

type AnyCodec = Codec<unknown, AnyOperation, unknown>;

/** What {@link readTraces} needs to know. */
export interface ReadTracesOptions {
  /** The file's name, for messages. */
  readonly file: string;
  /** The codec of a model, or undefined where there is no such model. */
  readonly codecOf: (model: string) => AnyCodec | undefined;
  /**
   * Refuses a revision that the header states: what is wrong with it, or undefined. Absent: any is
   * taken.
   */
  readonly refuseRevision?: (model: string, revision: RevisionId) => string | undefined;
  /**
   * Whether {@link writeTrace} wrote the text and nobody changed it since. Its lines are then not
   * searched for keys that stand twice, which costs about as much as parsing them.
   */
  readonly trusted?: boolean;
}

/** What an editor may write before the first line of UTF-8 text, and JSON does not have. */
const BYTE_ORDER_MARK = '\uFEFF';

const sourceDecoder: decode.Decoder<TraceSource> = decode.object({
  kind: decode.oneOf(['kernel', 'emulator', 'compiler', 'library', 'model', 'hand']),
  kernel: decode.optional(decode.string),
  config: decode.optional(decode.string),
  cpu: decode.optional(decode.string),
  tool: decode.optional(decode.string),
  script: decode.optional(decode.string),
});

const anyJson: decode.Decoder<Json> = (json, field) => {
  if (json === undefined) throw new DecodeError(field, 'a value', json);
  return json;
};

const time: decode.Decoder<string> = (json, field) => {
  const text = decode.string(json, field);
  if (!/^\d{4}-\d{2}-\d{2}T/.test(text) || Number.isNaN(Date.parse(text))) {
    throw new DecodeError(field, 'an ISO 8601 time', json);
  }
  return text;
};

const formatDecoder: decode.Decoder<typeof TRACE_FORMAT> = decode.oneOf([TRACE_FORMAT]);

const versionDecoder: decode.Decoder<typeof TRACE_VERSION> = (json, field) => {
  if (json !== TRACE_VERSION) throw new DecodeError(field, `version ${TRACE_VERSION}`, json);
  return TRACE_VERSION;
};

const headerDecoder: decode.Decoder<TraceHeader> = decode.object({
  format: formatDecoder,
  version: versionDecoder,
  model: decode.string,
  revision: decode.optional(decode.string),
  setup: anyJson,
  source: sourceDecoder,
  recordedAt: time,
  events: decode.optional(decode.integer(0)),
});

const eventDecoder: decode.Decoder<{
  readonly seq: number;
  readonly thread?: string;
  readonly operation: Json;
  readonly outcome: Json;
}> = decode.object({
  seq: decode.integer(0),
  thread: decode.optional(decode.string),
  operation: anyJson,
  outcome: anyJson,
});

/**
 * Reads a file of traces: NDJSON, a header line and then one event a line. A file may hold several
 * traces, one after the other; each header begins the next. Lines may end in CR LF.
 *
 * @param text the whole file; it must end with a newline, else it was cut off
 * @throws TraceError naming file, line and field
 */
export function* readTraces(text: string, options: ReadTracesOptions): Generator<AnyTrace> {
  const { file } = options;
  if (text.startsWith(BYTE_ORDER_MARK)) {
    throw new TraceError(file, 1, 'expected UTF-8 without one, begins with a byte order mark');
  }
  let open: OpenTrace | undefined;
  let line = 0;
  for (const content of splitLines(text, file)) {
    line += 1;
    const json = parseLine(content, options, line);
    try {
      if (isHeader(json) || open === undefined) {
        if (open !== undefined) yield finish(open, file, line - 1);
        open = beginTrace(json, options, line);
      } else {
        open.events.push(decodeEvent(json, open));
      }
    } catch (error) {
      if (error instanceof DecodeError) throw new TraceError(file, line, error.message);
      throw error;
    }
  }
  if (open === undefined) throw new TraceError(file, 1, 'expected a trace header, got nothing');
  yield finish(open, file, line);
}

interface OpenTrace {
  readonly header: TraceHeader;
  readonly codec: AnyCodec;
  readonly setup: unknown;
  readonly events: TraceEvent<AnyOperation, unknown>[];
}

function* splitLines(text: string, file: string): Generator<string> {
  let start = 0;
  let line = 0;
  while (start < text.length) {
    const end = text.indexOf('\n', start);
    line += 1;
    if (end === -1) {
      throw new TraceError(file, line, 'expected a newline at the end, got a line that is cut off');
    }
    yield text.slice(start, end);
    start = end + 1;
  }
}

function parseLine(content: string, { file, trusted }: ReadTracesOptions, line: number): Json {
  let json: Json;
  try {
    json = JSON.parse(content) as Json;
  } catch (error) {
    throw new TraceError(file, line, `expected a JSON value: ${(error as SyntaxError).message}`);
  }
  const twice = trusted === true ? undefined : duplicateKey(content, json);
  if (twice === undefined) return json;
  const field = isHeader(json) ? `header.${twice}` : twice.includes('.') ? twice : `event.${twice}`;
  throw new TraceError(file, line, `${field}: expected each key once, got it twice`);
}

function isHeader(json: Json): boolean {
  return typeof json === 'object' && json !== null && 'format' in json;
}

function beginTrace(json: Json, options: ReadTracesOptions, line: number): OpenTrace {
  const header = headerDecoder(json, 'header');
  const codec = options.codecOf(header.model);
  if (codec === undefined) {
    throw new TraceError(options.file, line, `header.model: no model is called ${header.model}`);
  }
  const { model, revision } = header;
  const refusal = revision === undefined ? undefined : options.refuseRevision?.(model, revision);
  if (refusal !== undefined) {
    throw new TraceError(options.file, line, `header.revision: ${refusal}`);
  }
  return { header, codec, setup: codec.decodeSetup(header.setup), events: [] };
}

function decodeEvent(json: Json, { codec, events }: OpenTrace): TraceEvent<AnyOperation, unknown> {
  const event = eventDecoder(json, 'event');
  if (event.seq !== events.length) {
    throw new DecodeError('event.seq', String(events.length), event.seq);
  }
  return {
    seq: event.seq,
    ...(event.thread !== undefined && { thread: event.thread }),
    operation: codec.decodeOperation(event.operation),
    observed: decodeObserved(event.outcome, codec),
  };
}

/**
 * Decodes an outcome as a trace states it: a model's outcome, `{ "anyOf": [...] }` or `{ "any":
 * true }`.
 *
 * @throws DecodeError
 */
export function decodeObserved<Outcome>(
  json: Json,
  codec: Pick<Codec<never, never, Outcome>, 'decodeOutcome'>,
): ObservedOutcome<Outcome> {
  if (typeof json === 'object' && json !== null && 'anyOf' in json) {
    const { anyOf } = decode.object({ anyOf: decode.array(anyJson) })(json, 'outcome');
    if (anyOf.length === 0) throw new DecodeError('outcome.anyOf', 'at least one outcome', anyOf);
    return { kind: 'anyOf', outcomes: anyOf.map((outcome) => codec.decodeOutcome(outcome)) };
  }
  if (typeof json === 'object' && json !== null && 'any' in json) {
    const { any } = decode.object({ any: decode.boolean })(json, 'outcome');
    if (!any) throw new DecodeError('outcome.any', 'true', any);
    return { kind: 'any' };
  }
  return { kind: 'one', outcome: codec.decodeOutcome(json) };
}

function finish({ header, setup, events }: OpenTrace, file: string, line: number): AnyTrace {
  if (header.events !== undefined && header.events !== events.length) {
    throw new TraceError(
      file,
      line,
      `header.events: expected ${header.events} events, got ${events.length}: the trace is cut off`,
    );
  }
  return {
    model: header.model,
    ...(header.revision !== undefined && { revision: header.revision }),
    setup,
    source: header.source,
    recordedAt: header.recordedAt,
    events,
  };
}
