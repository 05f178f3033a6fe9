// SPDX-License-Identifier: MIT
import { CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH } from './capability.ts';
import { MAY_EXEC, MAY_READ, MAY_WRITE, S_IXUGO } from './constants.ts';
import type { Context } from './context.ts';
import type { Acl } from './setup.ts';
import type { Credentials, Inode } from './state.ts';
import { capableWrtInode } from './user-namespace.ts';

/**
 * Whether the task may access the file so, by mode, ACL and capabilities.
 *
 * Mirrors generic_permission(), fs/namei.c, Linux 6.18. fsuid and fsgid decide, not the effective
 * ids.
 *
 * @param mask of MAY_EXEC, MAY_WRITE, MAY_READ
 */
export function mayAccess({ state, task, features }: Context, inode: Inode, mask: number): boolean {
  const { credentials } = task;
  const id = features.permissionById === 'euid' ? credentials.euid : credentials.fsuid;
  if (classesGrant(credentials, id, inode, mask)) return true;
  if (features.classes === 'union' && anyClassGrants(credentials, id, inode, mask)) return true;
  // Its own fd directory is open to a task for everything. Mirrors proc_fd_permission(),
  // fs/proc/fd.c.
  if (inode.proc === 'fd-directory') return true;
  if (inode.kind === 'dir') {
    if (
      (mask & MAY_WRITE) === 0 &&
      capableWrtInode(state, credentials, inode, CAP_DAC_READ_SEARCH)
    ) {
      return true;
    }
    return capableWrtInode(state, credentials, inode, CAP_DAC_OVERRIDE);
  }
  if (mask === MAY_READ && capableWrtInode(state, credentials, inode, CAP_DAC_READ_SEARCH)) {
    return true;
  }
  // Nobody executes a file without any x bit, root included.
  if ((mask & MAY_EXEC) !== 0 && (inode.mode & S_IXUGO) === 0) return false;
  return capableWrtInode(state, credentials, inode, CAP_DAC_OVERRIDE);
}

/** Mirrors acl_permission_check(), fs/namei.c, Linux 6.18. */
function classesGrant(credentials: Credentials, id: number, inode: Inode, mask: number): boolean {
  const { mode } = inode;
  // The owner's class is exclusive: group and others do not help an owner without the bit.
  if (id === inode.uid) return (mask & ~(mode >> 6)) === 0;
  // A mask of zero makes the kernel skip the ACL: the group bits of the mode are the mask.
  if (inode.acl !== null && (mode & 0o070) !== 0)
    return aclGrants(credentials, id, inode, inode.acl, mask);
  if (inGroup(credentials, inode.gid)) return (mask & ~(mode >> 3)) === 0;
  return (mask & ~mode) === 0;
}

/**
 * The ACL behind the owner's entry. Mirrors posix_acl_permission(), fs/posix_acl.c, Linux 6.12: a
 * named user decides; among groups that match, one that grants is enough; where some match and none
 * grants, others are not asked.
 */
function aclGrants(
  credentials: Credentials,
  id: number,
  inode: Inode,
  acl: Acl,
  mask: number,
): boolean {
  const limit = inode.mode >> 3;
  const grants = (perm: number): boolean => (mask & ~(perm & limit)) === 0;
  const user = acl.users.find(({ uid }) => uid === id);
  if (user !== undefined) return grants(user.perm);

  const groups = acl.groups.filter(({ gid }) => inGroup(credentials, gid)).map(({ perm }) => perm);
  if (inGroup(credentials, inode.gid)) groups.push(acl.groupObj);
  if (groups.length > 0) return groups.some(grants);
  return (mask & ~inode.mode) === 0;
}

function anyClassGrants(credentials: Credentials, id: number, inode: Inode, mask: number): boolean {
  return (
    (mask & ~inode.mode) === 0 ||
    (inGroup(credentials, inode.gid) && (mask & ~(inode.mode >> 3)) === 0) ||
    (id === inode.uid && (mask & ~(inode.mode >> 6)) === 0)
  );
}

/** Whether fsgid or a supplementary group is this one. Mirrors in_group_p(), kernel/groups.c. */
export function inGroup(credentials: Credentials, gid: number): boolean {
  return credentials.fsgid === gid || credentials.groups.includes(gid);
}
