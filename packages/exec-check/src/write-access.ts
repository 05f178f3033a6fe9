// SPDX-License-Identifier: MIT
import type { Context } from './context.ts';
import { hasPreContentGroup, watchedBy } from './fanotify.ts';
import { at } from './lists.ts';
import { refusal, type Refusal } from './refusal.ts';
import type { InodeId, PathRef, State } from './state.ts';

/** Somebody has the file open for writing, so it cannot be executed. */
export const TEXT_BUSY_WRITERS: Refusal = refusal('ETXTBSY', 'write-access.busy-with-writers');
/** The file is being executed or checked, so it cannot be written. */
export const TEXT_BUSY_DENIERS: Refusal = refusal('ETXTBSY', 'write-access.busy-with-deniers');

/**
 * Whether executing this file excludes writers. Mirrors exe_file_deny_write_access(),
 * include/linux/fs.h, Linux 6.14, and its older forms.
 */
export function execDeniesWriters({ state, features }: Context, path: PathRef): boolean {
  switch (features.writeDeny) {
    case 'always':
      return true;
    case 'never':
      return false;
    case 'unlessPreContentGroupOnSb':
      return !hasPreContentGroup(state, at(state.mounts, path.mount).superblock);
    case 'unlessAccessPermMark':
      return !watchedBy(
        state,
        path,
        ['FAN_CLASS_CONTENT', 'FAN_CLASS_PRE_CONTENT'],
        ['FAN_ACCESS_PERM', 'FAN_PRE_ACCESS'],
      );
  }
}

/** Adds to i_writecount: +1 for a writer, -1 for a denier, and the opposite when it goes. */
export function countWrites(state: State, inode: InodeId, by: number): State {
  const before = at(state.inodes, inode);
  const after = { ...before, writeCount: before.writeCount + by };
  return { ...state, inodes: state.inodes.with(inode, after) };
}
