// SPDX-License-Identifier: MIT

/** A record without one of its fields. */
export function without<Value>(
  source: Readonly<Record<string | number, Value>>,
  field: string | number,
): Readonly<Record<string | number, Value>> {
  return Object.fromEntries(Object.entries(source).filter(([name]) => name !== String(field)));
}
