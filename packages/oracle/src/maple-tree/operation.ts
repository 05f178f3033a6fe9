// SPDX-License-Identifier: MIT
import {
  DecodeError,
  decode,
  formatHex,
  type Json,
  type JsonObject,
} from '@kernel-models/model-core';

/**
 * The operations and the words that each takes, all of them kernel longs. `entry` is the word
 * stored:
 * 0 is NULL, `2v + 1` is xa_mk_value(v), 0x406 the zero entry. The names are the kernel's, without
 * `mtree_` or `mt_`; those with `mas_` work on the one cursor that a session has.
 */
export const OPERATIONS = {
  load: ['index'],
  store: ['first', 'last', 'entry'],
  insert: ['first', 'last', 'entry'],
  erase: ['index'],
  alloc_range: ['size', 'min', 'max', 'entry'],
  alloc_rrange: ['size', 'min', 'max', 'entry'],
  alloc_cyclic: ['min', 'max', 'next', 'entry'],
  find: ['index', 'max'],
  find_after: ['index', 'max'],
  next: ['index', 'max'],
  prev: ['index', 'min'],
  destroy: [],
  dup: [],
  rcu: ['on'],
  dump: [],
  mas_set: ['first', 'last'],
  mas_reset: [],
  mas_pause: [],
  mas_walk: [],
  mas_next: ['max'],
  mas_next_range: ['max'],
  mas_prev: ['min'],
  mas_prev_range: ['min'],
  mas_find: ['max'],
  mas_find_range: ['max'],
  mas_find_rev: ['min'],
  mas_find_range_rev: ['min'],
  mas_store: ['entry'],
  mas_store_gfp: ['entry'],
  mas_store_prealloc: ['entry'],
  mas_erase: [],
  mas_expected_entries: ['count'],
  mas_destroy: [],
  mas_empty_area: ['min', 'max', 'size'],
  mas_empty_area_rev: ['min', 'max', 'size'],
} as const;

/** The name of an operation. */
export type OperationName = keyof typeof OPERATIONS;

/** An operation on a tree or on its cursor. */
export type Operation = {
  readonly [Name in OperationName]: { readonly op: Name } & {
    readonly [Word in (typeof OPERATIONS)[Name][number]]: bigint;
  };
}[OperationName];

/** Whether a string names an operation. */
export function isOperationName(name: string): name is OperationName {
  return Object.hasOwn(OPERATIONS, name);
}

const NAMES = Object.keys(OPERATIONS).filter(isOperationName);
const word = decode.hex();
const DECODERS = new Map(
  NAMES.map((name) => {
    const words: readonly string[] = OPERATIONS[name];
    return [
      name,
      decode.object({
        op: decode.oneOf([name]),
        ...Object.fromEntries(words.map((key) => [key, word])),
      }),
    ];
  }),
);

/** Reads an operation from JSON. Unknown fields are errors. */
export function decodeOperation(json: Json): Operation {
  const name = decode.oneOf(NAMES)(
    typeof json === 'object' && json !== null && 'op' in json ? json['op'] : undefined,
    'operation.op',
  );
  const decoder = DECODERS.get(name);
  if (decoder === undefined) throw new DecodeError('operation.op', NAMES.join(', '), name);
  // The decoder of this name has checked exactly the fields that the type names.
  return decoder(json, 'operation') as Operation;
}

/** Writes an operation as JSON. */
export function encodeOperation(operation: Operation): JsonObject {
  return Object.fromEntries(
    Object.entries(operation).map(([key, value]) => [
      key,
      typeof value === 'bigint' ? formatHex(value) : value,
    ]),
  );
}
