// SPDX-License-Identifier: MIT
import type { Json, JsonObject } from '@kernel-models/model-core';

/**
 * Smaller versions of a JSON value, the boldest first: without an element of a list, without a
 * field, with a simpler scalar. One place differs in each.
 *
 * Most are not valid for a given model; its codec refuses those.
 */
export function* jsonReductions(json: Json): Generator<Json> {
  if (Array.isArray(json)) yield* listReductions(json as readonly Json[]);
  else if (typeof json === 'object' && json !== null) yield* objectReductions(json as JsonObject);
  else yield* scalarReductions(json as boolean | number | string | null);
}

function* listReductions(list: readonly Json[]): Generator<Json> {
  if (list.length > 1) {
    yield [];
    yield list.slice(0, list.length >> 1);
    yield list.slice(list.length >> 1);
  }
  for (let index = list.length - 1; index >= 0; index -= 1) yield list.toSpliced(index, 1);
  for (const [index, item] of list.entries()) {
    for (const smaller of jsonReductions(item)) yield list.with(index, smaller);
  }
}

function* objectReductions(object: JsonObject): Generator<Json> {
  const fields = Object.entries(object).filter(([, value]) => value !== undefined);
  for (const [name] of fields) {
    yield Object.fromEntries(fields.filter(([other]) => other !== name));
  }
  for (const [name, value] of fields) {
    if (value === undefined) continue;
    for (const smaller of jsonReductions(value)) yield { ...object, [name]: smaller };
  }
}

function* scalarReductions(scalar: boolean | number | string | null): Generator<Json> {
  if (scalar === true) yield false;
  else if (typeof scalar === 'number') yield* numberReductions(scalar);
  else if (typeof scalar === 'string' && /^0x[0-9a-f]+$/.test(scalar)) {
    for (const smaller of bigintReductions(BigInt(scalar))) yield `0x${smaller.toString(16)}`;
  } else if (typeof scalar === 'string' && /^[0-7]{4}$/.test(scalar)) {
    // A mode: fewer bits.
    const mode = parseInt(scalar, 8);
    for (let bit = 1 << 11; bit > 0; bit >>= 1) {
      if ((mode & bit) !== 0) yield (mode & ~bit).toString(8).padStart(4, '0');
    }
  } else if (typeof scalar === 'string') yield* textReductions(scalar);
}

/**
 * Half of it, one less. Names of things survive: nothing else of the world has the shorter name.
 */
function* textReductions(text: string): Generator<string> {
  if (text === '') return;
  yield text.slice(0, text.length >> 1);
  yield text.slice(0, -1);
}

function* numberReductions(value: number): Generator<number> {
  if (value === 0) return;
  yield 0;
  if (!Number.isSafeInteger(value)) return;
  if (value < 0) yield -value;
  const half = Math.trunc(value / 2);
  if (half !== 0) yield half;
  if (Math.abs(value) > 1) yield value - Math.sign(value);
}

function* bigintReductions(value: bigint): Generator<bigint> {
  if (value === 0n) return;
  yield 0n;
  if (value > 3n) yield value >> 1n;
  // Without its lowest and without its highest set bit: what flags and masks shrink by.
  const low = value & -value;
  if (low !== value) yield value & ~low;
  const high = 1n << BigInt(value.toString(2).length - 1);
  if (high !== value) yield value & ~high;
  if (value > 1n) yield value - 1n;
}
