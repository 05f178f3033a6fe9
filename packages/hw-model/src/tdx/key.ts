// SPDX-License-Identifier: MIT
import { sha256 } from '@noble/hashes/sha2.js';
import { bytesToHex } from '@noble/hashes/utils.js';
import { formatHex } from '@kernel-models/model-core';
import type { TdState } from './state.ts';

/** Bytes up to which a byte string is its own name: longer ones are named by their SHA-256. */
const LONGEST_OWN_NAME = 64;

/*
 * Byte strings and whole TDs are shared between states and never written, so a name that was found
 * once stays. A frame has 4096 bytes and is in nearly every state: this is what makes keys cheap.
 */
const names = new WeakMap<Uint8Array, string>();
const keys = new WeakMap<TdState, string>();

function nameOf(bytes: Uint8Array): string {
  const known = names.get(bytes);
  if (known !== undefined) return known;
  const name = bytesToHex(bytes.length > LONGEST_OWN_NAME ? sha256(bytes) : bytes);
  // The length keeps a byte string apart from the digest of another one.
  const fresh = `${bytes.length}:${name}`;
  names.set(bytes, fresh);
  return fresh;
}

function plain(_: string, value: unknown): unknown {
  if (typeof value === 'bigint') return formatHex(value);
  return value instanceof Uint8Array ? nameOf(value) : value;
}

/** Records by address, in the order of their text: the order of their making does not count. */
function sorted<Value>(
  record: Readonly<Record<string, Value>>,
): readonly (readonly [string, Value])[] {
  return Object.entries(record).sort(([a], [b]) => (a < b ? -1 : 1));
}

/** Equal keys, equal TDs: everything that a state has, with longer byte strings by their SHA-256. */
export function tdKey(td: TdState): string {
  const known = keys.get(td);
  if (known !== undefined) return known;
  const { sept, privateFrames, sharedFrames, ...rest } = td;
  const key = JSON.stringify(
    [rest, sorted(sept), sorted(privateFrames), sorted(sharedFrames)],
    plain,
  );
  keys.set(td, key);
  return key;
}
