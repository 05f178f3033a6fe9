// SPDX-License-Identifier: MIT
import { decode, DecodeError, type Decoder, type Json } from '@kernel-models/model-core';
import { hexToBytes } from '@noble/hashes/utils.js';

/*
 * Reading of collateral: members that verification needs are demanded and checked, others are left
 * alone, for the service adds new ones.
 */

/** Reads a member of an object. */
export function member<Value>(
  json: Json | undefined,
  name: string,
  field: string,
  read: Decoder<Value>,
): Value {
  if (typeof json !== 'object' || json === null || Array.isArray(json)) {
    throw new DecodeError(field, 'an object', json);
  }
  return read(
    Object.hasOwn(json, name) ? (Reflect.get(json, name) as Json) : undefined,
    `${field}.${name}`,
  );
}

/** Bytes as hexadecimal digits of either case. */
export function hexBytes(size: number): Decoder<Uint8Array> {
  return (json, field) => {
    if (typeof json !== 'string' || json.length !== 2 * size || !/^[0-9a-fA-F]*$/.test(json)) {
      throw new DecodeError(field, `${size} bytes as hexadecimal digits`, json);
    }
    return hexToBytes(json.toLowerCase());
  };
}

/** A time in UTC, `2025-06-19T10:32:27Z`, as seconds since 1970. */
export const isoTime: Decoder<number> = (json, field) => {
  const pattern = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$/;
  const milliseconds = typeof json === 'string' && pattern.test(json) ? Date.parse(json) : NaN;
  if (Number.isNaN(milliseconds)) throw new DecodeError(field, 'a time in UTC', json);
  return Math.floor(milliseconds / 1000);
};

/** A list, possibly absent. */
export function optionalList<Value>(read: Decoder<Value>): Decoder<readonly Value[]> {
  return (json, field) => (json === undefined ? [] : decode.array(read)(json, field));
}

/** Parses JSON and reads it. The error says what is wrong: a position, or a field. */
export function readJson<Value>(
  text: string,
  name: string,
  read: Decoder<Value>,
): { readonly ok: true; readonly value: Value } | { readonly ok: false; readonly detail: string } {
  try {
    return { ok: true, value: read(JSON.parse(text) as Json, name) };
  } catch (error) {
    // SyntaxError, RangeError of a nesting that is too deep, DecodeError: bad input all.
    return { ok: false, detail: error instanceof Error ? error.message : name };
  }
}
