// SPDX-License-Identifier: MIT
import { canonicalJson } from '@kernel-models/model-core';
import type { State } from './state.ts';

/** Keys of parts of states. Parts are immutable and shared between states, so each is spelt out once. */
const KEYS = new WeakMap<object, string>();

function keyOf(part: object | null): string {
  if (part === null) return '-';
  const known = KEYS.get(part);
  if (known !== undefined) return known;
  const key = canonicalJson(part);
  KEYS.set(part, key);
  return key;
}

function keyOfParts(
  parts: Readonly<Record<string, object | null>> | readonly (object | null)[],
): string {
  const known = KEYS.get(parts);
  if (known !== undefined) return known;
  const key = Object.entries(parts)
    .map(([name, part]) => `${name}=${keyOf(part)}`)
    .join(';');
  KEYS.set(parts, key);
  return key;
}

/** Equal for equal states, whatever way led there. */
export function key(state: State): string {
  const { memfdNoexec, protectedSymlinks, nextFs, audit } = state;
  return [
    keyOfParts(state.tasks),
    keyOfParts(state.inodes),
    keyOfParts(state.dentries),
    keyOfParts(state.mounts),
    keyOfParts(state.files),
    keyOf(state.superblocks),
    keyOf(state.userNamespaces),
    keyOf(state.sleepers),
    keyOf(state.inExec),
    keyOf(state.watches),
    keyOf(state.fanotify),
    keyOf(state.lsm),
    keyOf(state.ima),
    keyOf(state.ipe),
    keyOf(state.binfmtMisc),
    `${memfdNoexec},${protectedSymlinks},${nextFs},${audit}`,
  ].join('|');
}
