// SPDX-License-Identifier: MIT
import { deepEqual } from './equal.ts';

/** One place at which two values differ. */
export interface Change {
  /** Where: `tasks.t1.cred.securebits`, `mounts[2].flags`. Empty where the whole value differs. */
  readonly path: string;
  /** The old value; undefined where there was none. */
  readonly before: unknown;
  /** The new value; undefined where there is none any more. */
  readonly after: unknown;
}

/**
 * The places at which two plain values differ, deepest first common ancestor left out: a changed
 * field is reported where it stands, not as a change of everything around it.
 *
 * @param describe gives class instances (a tree snapshot) a plain form to compare; absent: their
 * fields
 */
export function stateDiff(
  before: unknown,
  after: unknown,
  describe: (value: object) => unknown = (value) => value,
): readonly Change[] {
  const changes: Change[] = [];
  collect(before, after, '', describe, changes);
  return changes;
}

function collect(
  before: unknown,
  after: unknown,
  path: string,
  describe: (value: object) => unknown,
  changes: Change[],
): void {
  // Shared structure is the common case: models hand unchanged branches on as they are.
  if (Object.is(before, after)) return;
  const left = asFields(before, describe);
  const right = asFields(after, describe);
  if (left === undefined || right === undefined || left.list !== right.list) {
    if (!deepEqual(before, after)) changes.push({ path, before, after });
    return;
  }
  const names = new Set([...Object.keys(left.fields), ...Object.keys(right.fields)]);
  for (const name of names) {
    const inner = left.list ? `${path}[${name}]` : path === '' ? name : `${path}.${name}`;
    collect(left.fields[name], right.fields[name], inner, describe, changes);
  }
}

function asFields(
  value: unknown,
  describe: (value: object) => unknown,
): { list: boolean; fields: Readonly<Record<string, unknown>> } | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  const plain = describe(value);
  if (typeof plain !== 'object' || plain === null || ArrayBuffer.isView(plain)) return undefined;
  return { list: Array.isArray(plain), fields: plain as Record<string, unknown> };
}
