// SPDX-License-Identifier: MIT

/** A JSON value. */
export type Json = null | boolean | number | string | readonly Json[] | JsonObject;

/** A JSON object. A field that is `undefined` is absent. */
export interface JsonObject {
  readonly [field: string]: Json | undefined;
}

/**
 * JSON with sorted object fields: equal values give equal text. A bigint, which plain JSON cannot
 * hold, becomes its `0x…` form, so that any model state can be keyed.
 */
export function canonicalJson(value: unknown): string {
  if (typeof value === 'bigint') return `"${formatHex(value)}"`;
  if (value === null || typeof value !== 'object') return JSON.stringify(value) ?? 'null';
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(',')}]`;
  const fields = Object.entries(value)
    .filter(([, field]) => field !== undefined)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, field]) => `${JSON.stringify(name)}:${canonicalJson(field)}`);
  return `{${fields.join(',')}}`;
}

/** A 64-bit quantity as traces spell it: `0x1f`. Negative numbers keep their sign: `-0x5`. */
export function formatHex(value: bigint): string {
  return value < 0n ? `-0x${(-value).toString(16)}` : `0x${value.toString(16)}`;
}

const DIGITS: readonly string[] = Array.from({ length: 256 }, (_, byte) =>
  byte.toString(16).padStart(2, '0'),
);

/** Bytes as traces spell them: hexadecimal digits without a prefix. */
export function formatBytes(bytes: Uint8Array): string {
  let text = '';
  for (const byte of bytes) text += DIGITS[byte];
  return text;
}
