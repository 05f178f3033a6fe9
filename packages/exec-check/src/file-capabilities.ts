// SPDX-License-Identifier: MIT
import type { Call } from './call.ts';
import { at } from './lists.ts';

/**
 * Whether the file's capabilities have their effective bit and ask for one that the task cannot
 * get: then the exec is refused rather than started without it.
 *
 * Mirrors get_file_caps() and bprm_caps_from_vfs_caps(), security/commoncap.c, Linux 6.12. On a
 * nosuid mount the attribute is not read; no_new_privs does not keep it from being read.
 */
export function missingFileCapabilities({ state, task, inode, mount }: Call): boolean {
  const { fcaps } = inode;
  if (fcaps === null || !fcaps.effective) return false;
  if (at(state.mounts, mount).flags.includes('nosuid')) return false;
  const { bounding, inheritable } = task.credentials;
  const gained = (fcaps.permitted & bounding) | (fcaps.inheritable & inheritable);
  return (fcaps.permitted & ~gained) !== 0n;
}
