// SPDX-License-Identifier: MIT
import type { Context } from './context.ts';
import { at } from './lists.ts';
import type { InodeId, PathRef } from './state.ts';

/**
 * Whether every domain of the task lets it execute this file: some rule of each domain names the
 * file or a directory above it, upwards through the mounts that the path was opened through.
 *
 * Mirrors hook_file_open() and is_access_to_paths_allowed(), security/landlock/fs.c, Linux 6.12,
 * for rulesets that handle LANDLOCK_ACCESS_FS_EXECUTE.
 */
export function landlockAllowsExecute({ state, task }: Context, path: PathRef): boolean {
  const { landlock } = task.credentials;
  if (landlock.length === 0) return true;
  // Files that no path can lead to are outside of every hierarchy and of no concern to the domain.
  const { type } = at(state.superblocks, at(state.mounts, path.mount).superblock);
  if (type === 'memfd' || type === 'anon' || type === 'pidfs') return true;
  const hierarchy = inodesUpwards({ state, task }, path);
  return landlock.every((allowed) => allowed.some((inode) => hierarchy.includes(inode)));
}

function inodesUpwards(
  { state }: Pick<Context, 'state' | 'task'>,
  path: PathRef,
): readonly InodeId[] {
  const inodes: InodeId[] = [];
  let { mount: mountId, dentry } = path;
  for (;;) {
    inodes.push(at(state.dentries, dentry).inode);
    const mount = at(state.mounts, mountId);
    if (dentry !== mount.root) {
      dentry = at(state.dentries, dentry).parent;
    } else if (mount.parent >= 0) {
      dentry = mount.mountpoint;
      mountId = mount.parent;
    } else {
      return inodes;
    }
  }
}
