// SPDX-License-Identifier: MIT
import {
  CAP_DAC_OVERRIDE,
  CAP_DAC_READ_SEARCH,
  CAP_FOWNER,
  CAP_FSETID,
  type CapabilitySet,
  type IdRange,
} from '@kernel-models/exec-check';
import { nth, type Credentials, type Inode, type Place, type World } from './world.ts';

/** x on a file, search on a directory. */
export const EXEC = 1;
export const WRITE = 2;
export const READ = 4;

/** Whether an id of the initial namespace has a name in this one. */
export function isMapped(map: readonly IdRange[], id: number): boolean {
  return map.some((range) => id >= range.outside && id < range.outside + range.count);
}

/** The id that a namespace shows for one of the initial namespace; 65534 where it has none. */
export function shownId(map: readonly IdRange[], id: number): number {
  for (const range of map) {
    if (id >= range.outside && id < range.outside + range.count) {
      return range.inside + (id - range.outside);
    }
  }
  return 65534;
}

/** The id of the initial namespace that a namespace means; undefined where there is none. */
export function meantId(map: readonly IdRange[], id: number): number | undefined {
  for (const range of map) {
    if (id >= range.inside && id < range.inside + range.count) {
      return range.outside + (id - range.inside);
    }
  }
  return undefined;
}

export function has(set: CapabilitySet, capability: CapabilitySet): boolean {
  return (set & capability) !== 0n;
}

/**
 * A capability counts for a file only where both of the file's ids have a name in the namespace.
 */
function capableFor(world: World, who: Credentials, inode: Inode, cap: CapabilitySet): boolean {
  const namespace = nth(world.namespaces, who.userns);
  return (
    has(who.effective, cap) &&
    isMapped(namespace.uidMap, inode.uid) &&
    isMapped(namespace.gidMap, inode.gid)
  );
}

export function inGroup(who: Credentials, gid: number): boolean {
  return who.fsgid === gid || who.groups.includes(gid);
}

/** Discretionary access: classes, access control list, then the capabilities that override them. */
export function mayAccess(world: World, who: Credentials, inode: Inode, want: number): boolean {
  if (want === 0) return true;
  // A process may do anything to the directory of its own descriptors.
  if (inode.kind === 'procFd') return true;
  if (classGrants(who, inode, want)) return true;
  if (inode.kind === 'dir') {
    if ((want & WRITE) === 0 && capableFor(world, who, inode, CAP_DAC_READ_SEARCH)) return true;
    return capableFor(world, who, inode, CAP_DAC_OVERRIDE);
  }
  if (want === READ && capableFor(world, who, inode, CAP_DAC_READ_SEARCH)) return true;
  if ((want & EXEC) !== 0 && (inode.mode & 0o111) === 0) return false;
  return capableFor(world, who, inode, CAP_DAC_OVERRIDE);
}

function classGrants(who: Credentials, inode: Inode, want: number): boolean {
  const owner = (inode.mode >> 6) & 7;
  const group = (inode.mode >> 3) & 7;
  const other = inode.mode & 7;
  if (who.fsuid === inode.uid) return (owner & want) === want;
  // Linux looks at the list only where the group bits, which are its mask, leave anything.
  if (inode.acl !== undefined && group !== 0) {
    const mask = group;
    for (const user of inode.acl.users) {
      if (user.uid === who.fsuid) return (user.perm & mask & want) === want;
    }
    const matching: number[] = [];
    if (inGroup(who, inode.gid)) matching.push(inode.acl.groupObj);
    for (const entry of inode.acl.groups) {
      if (inGroup(who, entry.gid)) matching.push(entry.perm);
    }
    if (matching.length > 0) {
      return matching.some((perm) => (perm & want) === want) && (mask & want) === want;
    }
    return (other & want) === want;
  }
  if (inGroup(who, inode.gid)) return (group & want) === want;
  return (other & want) === want;
}

/** Whether the mount that a path leads through, or its file system, forbids execution. */
export function isNoexec(world: World, place: Place): boolean {
  const mount = nth(world.mounts, place.mount);
  return mount.flags.has('noexec') || nth(world.supers, mount.sb).noexec;
}

/** Who may change a file's mode. */
export function ownsOrFowner(world: World, who: Credentials, inode: Inode): boolean {
  if (who.fsuid === inode.uid) return true;
  const namespace = nth(world.namespaces, who.userns);
  return has(who.effective, CAP_FOWNER) && isMapped(namespace.uidMap, inode.uid);
}

/** Whether a sticky directory keeps this task from removing the name. */
export function stickyForbids(world: World, who: Credentials, dir: Inode, inode: Inode): boolean {
  if ((dir.mode & 0o1000) === 0) return false;
  if (who.fsuid === inode.uid || who.fsuid === dir.uid) return false;
  return !capableFor(world, who, inode, CAP_FOWNER);
}

/** Whether the task may leave S_ISGID on a file of this group. */
export function maySetgid(world: World, who: Credentials, inode: Inode): boolean {
  return inGroup(who, inode.gid) || capableFor(world, who, inode, CAP_FSETID);
}

/** What a change of content takes away: setuid, setgid, and always file capabilities. */
export function dropPrivileges(world: World, who: Credentials, inode: Inode): void {
  inode.fcaps = undefined;
  // Only the initial namespace's CAP_FSETID keeps the bits.
  if (who.userns === 0 && has(who.effective, CAP_FSETID)) return;
  inode.mode &= ~0o4000;
  if ((inode.mode & 0o2010) === 0o2010) inode.mode &= ~0o2000;
  else if (!maySetgid(world, who, inode)) inode.mode &= ~0o2000;
}
