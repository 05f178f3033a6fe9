// SPDX-License-Identifier: MIT
import type { Key } from './key.ts';
import type { RangeMap } from './range-map.ts';

/** The method that `util.inspect` of Node calls, by its registered name: nothing is imported. */
export const INSPECT: unique symbol = Symbol.for('nodejs.util.inspect.custom');

/** What of the options of `util.inspect` is heeded here; the rest is handed on with the values. */
export interface InspectOptions {
  /** How many levels more are shown; null: all. */
  readonly depth?: number | null | undefined;
  /** How many entries are shown; null: all. */
  readonly maxArrayLength?: number | null | undefined;
  /** How long a line may be. */
  readonly breakLength?: number | undefined;
}

/** `util.inspect` itself, which Node hands over. */
export type Inspect = (value: unknown, options: InspectOptions) => string;

const DEFAULT_ENTRIES = 100;
const DEFAULT_WIDTH = 80;

/**
 * A range map, `this`, as Node shows a Map: `RangeMap(2) { 0..9 => 'a', 20..29 => 'b' }`.
 *
 * @param depth how many levels more are shown; below 0 the name alone
 */
export function inspectMap<K extends Key, V>(
  this: RangeMap<K, V>,
  depth: number,
  options: InspectOptions,
  inspect: Inspect,
): string {
  if (depth < 0) return '[RangeMap]';
  const count = this.count();
  const most =
    options.maxArrayLength ?? (options.maxArrayLength === null ? Infinity : DEFAULT_ENTRIES);
  const inner = { ...options, depth: options.depth == null ? options.depth : options.depth - 1 };
  const parts: string[] = [];
  for (const { first, last, value } of this) {
    if (parts.length >= most) break;
    const range = first === last ? `${first}` : `${first}..${last}`;
    parts.push(`${range} => ${inspect(value, inner)}`);
  }
  const hidden = count - parts.length;
  if (hidden > 0) parts.push(`... ${hidden} more item${hidden === 1 ? '' : 's'}`);
  return `RangeMap(${count}) ${braced(parts, options.breakLength ?? DEFAULT_WIDTH)}`;
}

/** Parts in braces, on one line where they fit. */
function braced(parts: readonly string[], width: number): string {
  if (parts.length === 0) return '{}';
  const line = `{ ${parts.join(', ')} }`;
  if (line.length <= width - 4 && !line.includes('\n')) return line;
  return `{\n${parts.map((part) => `  ${part.replaceAll('\n', '\n  ')}`).join(',\n')}\n}`;
}
