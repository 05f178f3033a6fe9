// SPDX-License-Identifier: MIT
import type { Context } from './context.ts';
import { at } from './lists.ts';
import type { FanotifyClass, FanotifyMask } from './operation.ts';
import type { FanotifyGroup, FanotifyMark, PathRef, State } from './state.ts';

/** Whether a mark watches this object, directly or through its mount or superblock. */
function covers(state: State, mark: FanotifyMark, path: PathRef): boolean {
  switch (mark.scope) {
    case 'inode':
      return mark.object === at(state.dentries, path.dentry).inode;
    case 'mount':
      return mark.object === path.mount;
    case 'filesystem':
      return mark.object === at(state.mounts, path.mount).superblock;
  }
}

/**
 * Whether a listener that was asked for permission says no. Mirrors fsnotify_open_perm() and
 * fsnotify_file_perm(), include/linux/fsnotify.h, Linux 6.12.
 */
export function listenerDenies(
  { state }: Context,
  path: PathRef,
  events: readonly FanotifyMask[],
): boolean {
  for (const number in state.fanotify) {
    const group = state.fanotify[number];
    if (group?.answer === 'FAN_DENY' && watches(state, group, path, events)) return true;
  }
  return false;
}

function watches(
  state: State,
  group: FanotifyGroup,
  path: PathRef,
  events: readonly FanotifyMask[],
): boolean {
  return group.marks.some(
    (mark) => mark.mask.some((event) => events.includes(event)) && covers(state, mark, path),
  );
}

/** Whether a group of one of these classes watches the object for one of these events. */
export function watchedBy(
  state: State,
  path: PathRef,
  classes: readonly FanotifyClass[],
  events: readonly FanotifyMask[],
): boolean {
  return Object.values(state.fanotify).some(
    (group) => classes.includes(group.class) && watches(state, group, path, events),
  );
}

/** Whether a pre-content group has a mark of any kind on any object of this superblock. */
export function hasPreContentGroup(state: State, superblock: number): boolean {
  return Object.values(state.fanotify).some(
    (group) =>
      group.class === 'FAN_CLASS_PRE_CONTENT' &&
      group.marks.some((mark) => superblockOf(state, mark) === superblock),
  );
}

function superblockOf(state: State, mark: FanotifyMark): number {
  switch (mark.scope) {
    case 'filesystem':
      return mark.object;
    case 'mount':
      return at(state.mounts, mark.object).superblock;
    case 'inode':
      return state.dentries.find(({ inode }) => inode === mark.object)?.superblock ?? -1;
  }
}
