// SPDX-License-Identifier: MIT
import type { CapabilitySet } from './capability.ts';
import { at } from './lists.ts';
import type { IdRange } from './setup.ts';
import { INITIAL_USERNS } from './state.ts';
import type { Credentials, Inode, State, UserNamespace, UsernsId } from './state.ts';

/**
 * What an id without a mapping looks like. Origin: DEFAULT_OVERFLOWUID, include/linux/highuid.h.
 */
export const OVERFLOW_ID = 65534;

/** The initial user namespace: every id is itself. */
export const INITIAL_USER_NAMESPACE: UserNamespace = {
  parent: INITIAL_USERNS,
  uidMap: [],
  gidMap: [],
  owner: 0,
  nprocMax: (1n << 63n) - 1n,
};

/**
 * The kernel-wide id of one that a task names, or -1. Mirrors make_kuid(), kernel/user_namespace.c.
 */
export function toKernelId(
  state: State,
  userns: UsernsId,
  map: 'uidMap' | 'gidMap',
  id: number,
): number {
  if (userns === INITIAL_USERNS) return id;
  const range = at(state.userNamespaces, userns)[map].find(
    ({ inside, count }) => id >= inside && id < inside + count,
  );
  return range === undefined ? -1 : range.outside + (id - range.inside);
}

/** The id as a task sees it. Mirrors from_kuid_munged(), kernel/user_namespace.c. */
export function fromKernelId(
  state: State,
  userns: UsernsId,
  map: 'uidMap' | 'gidMap',
  id: number,
): number {
  if (userns === INITIAL_USERNS) return id;
  const range = covering(at(state.userNamespaces, userns)[map], id);
  return range === undefined ? OVERFLOW_ID : range.inside + (id - range.outside);
}

function covering(map: readonly IdRange[], id: number): IdRange | undefined {
  return map.find(({ outside, count }) => id >= outside && id < outside + count);
}

/**
 * Whether a capability of the task counts for this file: it is effective, and owner and group of
 * the
 * file exist in the task's user namespace. Mirrors capable_wrt_inode_uidgid(), kernel/capability.c.
 */
export function capableWrtInode(
  state: State,
  credentials: Credentials,
  inode: Inode,
  capability: CapabilitySet,
): boolean {
  if ((credentials.effective & capability) === 0n) return false;
  if (credentials.userns === INITIAL_USERNS) return true;
  const userns = at(state.userNamespaces, credentials.userns);
  return (
    covering(userns.uidMap, inode.uid) !== undefined &&
    covering(userns.gidMap, inode.gid) !== undefined
  );
}

/**
 * The same where only the owner must exist in the task's user namespace. Mirrors
 * inode_owner_or_capable(), fs/inode.c.
 */
export function capableWrtOwner(
  state: State,
  credentials: Credentials,
  inode: Inode,
  capability: CapabilitySet,
): boolean {
  if ((credentials.effective & capability) === 0n) return false;
  if (credentials.userns === INITIAL_USERNS) return true;
  return covering(at(state.userNamespaces, credentials.userns).uidMap, inode.uid) !== undefined;
}

/** Whether the task has the capability in the initial user namespace. Mirrors capable(). */
export function capable(credentials: Credentials, capability: CapabilitySet): boolean {
  return credentials.userns === INITIAL_USERNS && (credentials.effective & capability) !== 0n;
}

/** Whether the task has the capability in its own user namespace. Mirrors ns_capable(). */
export function nsCapable(credentials: Credentials, capability: CapabilitySet): boolean {
  return (credentials.effective & capability) !== 0n;
}
