// SPDX-License-Identifier: MIT
import type { Context } from './context.ts';
import { at } from './lists.ts';
import type { PathRef, Superblock } from './state.ts';

/** Superblocks of objects without a name, which became noexec together. */
const SHARED: ReadonlySet<Superblock['type']> = new Set(['anon', 'pipefs', 'sockfs']);

/**
 * Whether nothing may be executed through this mount. It is a property of the way to the file, not
 * of the file. Mirrors path_noexec(), fs/exec.c, Linux 6.12.
 */
export function pathNoexec({ state, features }: Context, path: PathRef): boolean {
  const mount = at(state.mounts, path.mount);
  const superblock = at(state.superblocks, mount.superblock);
  if (SHARED.has(superblock.type)) return !features.anonChmod;
  if (superblock.noexec) return true;
  if (features.noexecBy === 'inode') {
    return state.mounts.find((other) => other.superblock === mount.superblock)?.noexec === true;
  }
  return mount.noexec;
}
