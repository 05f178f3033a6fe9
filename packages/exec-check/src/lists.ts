// SPDX-License-Identifier: MIT

/**
 * The element that an index of the state names.
 *
 * @throws RangeError where there is none: ids come from the state itself, so that is a defect here
 */
export function at<Item>(list: readonly Item[], index: number): Item {
  const item = list[index];
  if (item === undefined)
    throw new RangeError(`index: expected 0 to ${list.length - 1}, got ${index}`);
  return item;
}

/** A record without one of its fields. */
export function without<Value>(
  source: Readonly<Record<string, Value>>,
  field: string | number,
): Readonly<Record<string, Value>> {
  const rest: Record<string, Value> = { ...source };
  Reflect.deleteProperty(rest, field);
  return rest;
}
