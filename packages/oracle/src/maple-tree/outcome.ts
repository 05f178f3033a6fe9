// SPDX-License-Identifier: MIT
import { decode, DecodeError, formatHex, type Json } from '@kernel-models/model-core';
import { STORE_TYPES, type StoreType } from '@kernel-models/maple-tree';

/** What became of the structure: only exact geometries promise it. */
export interface Structure {
  /** The kind of store that the operation made; absent where it made none. */
  readonly store?: StoreType | 'invalid';
  /** Nodes asked of the allocator. */
  readonly requested: number;
  /** Callbacks queued for a grace period. */
  readonly queued: number;
  readonly height: number;
  readonly nodes: number;
  /** Frees of addresses that are no node: a bug of the kernel's, never an answer of the model. */
  readonly badFrees?: number;
}

/** The cursor after an operation on it. `place` is there while it is active. */
export interface CursorView {
  readonly status: string;
  readonly index: bigint;
  readonly last: bigint;
  readonly place?: {
    readonly min: bigint;
    readonly max: bigint;
    readonly offset: number;
    readonly end: number;
  };
}

/** What an operation answered. */
export type Outcome = Answered | Dumped | Ranges | Faulted;

/** The answer of a call. */
export interface Answered {
  readonly kind: 'value' | 'errno';
  /** The word returned: an entry, or a code from 0. Null is NULL. */
  readonly value?: bigint | null;
  readonly errno?: string;
  /** Where an allocation or a find ended. */
  readonly at?: bigint;
  readonly next?: bigint;
  /** Absent where only the content is promised; the cursor then has no place either. */
  readonly structure?: Structure;
  readonly cursor?: CursorView;
}

/** All nodes, as JSON: pivots, gaps, entries. */
export interface Dumped {
  readonly kind: 'dump';
  readonly tree: Json;
}

/** All ranges that hold something, as JSON: what a dump says of the content. */
export interface Ranges {
  readonly kind: 'ranges';
  readonly ranges: Json;
}

/** The kernel followed a null pointer: what a bug comes to, never an answer of 6.12's probe. */
export interface Faulted {
  readonly kind: 'fault';
  readonly fault: 'null node';
}

const word = decode.hex();
const count = decode.integer(0);
const ERRNOS = ['EEXIST', 'EINVAL', 'EBUSY', 'ENOMEM'] as const;

const ANSWER = {
  value: decode.optional((json, field) => (json === null ? null : word(json, field))),
  errno: decode.optional(decode.oneOf(ERRNOS)),
  at: decode.optional(word),
  next: decode.optional(word),
  cursor: decode.optional(decodeCursor),
};
const STRUCTURE = {
  store: decode.optional(decode.oneOf([...STORE_TYPES, 'invalid'])),
  requested: count,
  queued: count,
  height: count,
  nodes: count,
  badFrees: decode.optional(count),
};
const decodeContent = decode.object(ANSWER);
const decodeAll = decode.object({ ...ANSWER, ...STRUCTURE });
const decodeRanges = decode.object({ ranges: (json) => json ?? null });
const decodeFault = decode.object({ fault: decode.oneOf(['null node']) });

/** Reads an outcome as the probe writes it, or one that tells only of the content. */
export function decodeOutcome(json: Json): Outcome {
  const has = (field: string): boolean =>
    typeof json === 'object' && json !== null && !Array.isArray(json) && field in json;
  if (has('root')) return { kind: 'dump', tree: json };
  if (has('ranges')) return { kind: 'ranges', ...decodeRanges(json, 'outcome') };
  if (has('fault')) return { kind: 'fault', ...decodeFault(json, 'outcome') };
  if (!Object.keys(STRUCTURE).some(has)) return answered(decodeContent(json, 'outcome'));
  const { badFrees, height, nodes, queued, requested, store, ...answer } = decodeAll(
    json,
    'outcome',
  );
  return {
    ...answered(answer),
    structure: {
      ...(store !== undefined && { store }),
      requested,
      queued,
      height,
      nodes,
      ...(badFrees !== undefined && { badFrees }),
    },
  };
}

function answered({ at, cursor, errno, next, value }: ReturnType<typeof decodeContent>): Answered {
  return {
    kind: errno === undefined ? 'value' : 'errno',
    ...(value !== undefined && { value }),
    ...(errno !== undefined && { errno }),
    ...(at !== undefined && { at }),
    ...(next !== undefined && { next }),
    ...(cursor !== undefined && { cursor }),
  };
}

function decodeCursor(json: Json | undefined, field: string): CursorView {
  if (!Array.isArray(json) || (json.length !== 3 && json.length !== 7)) {
    throw new DecodeError(field, 'a list of 3 or 7', json);
  }
  const at = (position: number): Json | undefined => json[position];
  const head = {
    status: decode.string(at(0), `${field}[0]`),
    index: word(at(1), `${field}[1]`),
    last: word(at(2), `${field}[2]`),
  };
  if (json.length === 3) return head;
  return {
    ...head,
    place: {
      min: word(at(3), `${field}[3]`),
      max: word(at(4), `${field}[4]`),
      offset: count(at(5), `${field}[5]`),
      end: count(at(6), `${field}[6]`),
    },
  };
}

/** Writes an outcome as the probe writes it. */
export function encodeOutcome(outcome: Outcome): Json {
  if (outcome.kind === 'dump') return outcome.tree;
  if (outcome.kind === 'ranges') return { ranges: outcome.ranges };
  if (outcome.kind === 'fault') return { fault: outcome.fault };
  const { at, cursor, errno, next, structure, value } = outcome;
  return {
    ...(value !== undefined && { value: value === null ? null : formatHex(value) }),
    ...(errno !== undefined && { errno }),
    ...(at !== undefined && { at: formatHex(at) }),
    ...(next !== undefined && { next: formatHex(next) }),
    ...structure,
    ...(cursor !== undefined && { cursor: encodeCursor(cursor) }),
  };
}

function encodeCursor({ index, last, place, status }: CursorView): Json {
  const head = [status, formatHex(index), formatHex(last)];
  if (place === undefined) return head;
  return [...head, formatHex(place.min), formatHex(place.max), place.offset, place.end];
}
