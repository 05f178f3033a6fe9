// SPDX-License-Identifier: MIT
import { formatBytes, formatHex, type Json } from './json.ts';

/** How a model spells a number of a field; undefined: as every model does. */
export type Spelling = (value: bigint | number, field: string) => Json | undefined;

/**
 * Plain data as traces spell it, the other half of the decoders: a bigint as `0x…`, bytes as
 * hexadecimal digits, a field that is `undefined` left out, everything else as it is.
 *
 * @param field what a number stands in, for `spell` and for errors; within objects its name
 * @throws TypeError naming the field, where JSON cannot hold the value
 */
export function encodePlain(value: unknown, field: string, spell?: Spelling): Json {
  if (typeof value === 'bigint') return spell?.(value, field) ?? formatHex(value);
  if (typeof value === 'number') return spell?.(value, field) ?? value;
  if (value instanceof Uint8Array) return formatBytes(value);
  if (Array.isArray(value)) return value.map((item) => encodePlain(item, field, spell));
  if (typeof value === 'string' || typeof value === 'boolean' || value === null) return value;
  if (typeof value === 'object') {
    return Object.fromEntries(
      Object.entries(value)
        .filter(([, item]) => item !== undefined)
        .map(([name, item]) => [name, encodePlain(item, name, spell)]),
    );
  }
  throw new TypeError(`${field}: expected a value that JSON can hold, got ${typeof value}`);
}
