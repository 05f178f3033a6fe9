// SPDX-License-Identifier: MIT

/** A record without one of its fields. */
export function without<Value>(
  source: Readonly<Record<string | number, Value>>,
  field: string | number,
): Readonly<Record<string | number, Value>> {
  const rest = { ...source };
  Reflect.deleteProperty(rest, field);
  return rest;
}
