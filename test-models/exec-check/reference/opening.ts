// SPDX-License-Identifier: MIT
import type { FanotifyMask, Features } from '@kernel-models/exec-check';
import { landlockAllows, lsmRefuses } from './lsm.ts';
import { EXEC, isNoexec, mayAccess } from './permission.ts';
import type { Found } from './walk.ts';
import {
  fail,
  inodeAt,
  inodeNumber,
  nth,
  tell,
  type FanotifyGroup,
  type Place,
  type Task,
  type World,
} from './world.ts';

/*
 * Writers and deniers: both are found by looking at everything that is open and at everybody who
 * runs.
 */

/** Whether some open file that counts as a writer of the inode is still referred to. */
export function hasWriter(world: World, inode: number): boolean {
  return world.files.some(
    (file, number) =>
      file.write && file.counts && inodeNumber(world, file) === inode && isReferred(world, number),
  );
}

function isReferred(world: World, file: number): boolean {
  return [...world.tasks.values()].some(
    (task) =>
      task.alive &&
      ([...task.fds.values()].some((descriptor) => descriptor.file === file) ||
        [...task.maps.values()].some(
          (mapping) => mapping.file === file && holdsFile(world, file),
        ) ||
        (task.call?.kind === 'interpret' && task.call.file === file)),
  );
}

/** A mapping holds the file that it maps; through overlayfs that is another, the real one. */
function holdsFile(world: World, file: number): boolean {
  const { sb } = nth(world.mounts, nth(world.files, file).mount);
  return nth(world.supers, sb).fs !== 'overlay';
}

/** Whether the inode's file runs, or a check of it is in progress. */
export function hasDenier(world: World, inode: number): boolean {
  return [...world.tasks.values()].some(
    (task) =>
      task.alive &&
      (task.call?.kind === 'check' || task.call?.kind === 'exec') &&
      task.call.denies === inode,
  );
}

/** What counts the writers up for a moment or for long; ETXTBSY where somebody denies writers. */
export function getWriteAccess(world: World, inode: number): void {
  if (hasDenier(world, inode)) fail('ETXTBSY');
}

/** Whether an execution of the file keeps writers out in this revision. */
export function denies(world: World, place: Place, features: Features): boolean {
  switch (features.writeDeny) {
    case 'always':
      return true;
    case 'never':
      return false;
    case 'unlessPreContentGroupOnSb': {
      const { sb } = nth(world.mounts, place.mount);
      return ![...world.groups.values()].some(
        (group) =>
          group.class === 'FAN_CLASS_PRE_CONTENT' &&
          group.marks.some((mark) => superOfMark(world, mark) === sb),
      );
    }
    case 'unlessAccessPermMark':
      return (
        !isMarked(world, place, 'FAN_ACCESS_PERM', () => true) &&
        !isMarked(world, place, 'FAN_PRE_ACCESS', () => true)
      );
  }
}

function superOfMark(world: World, mark: FanotifyGroup['marks'][number]): number {
  if (mark.scope === 'inode') return nth(world.inodes, mark.target).sb;
  return mark.scope === 'mount' ? nth(world.mounts, mark.target).sb : mark.target;
}

function isMarked(
  world: World,
  place: Place,
  bit: FanotifyMask,
  wanted: (group: FanotifyGroup) => boolean,
): boolean {
  const inode = inodeNumber(world, place);
  const { sb } = nth(world.mounts, place.mount);
  return [...world.groups.values()].some(
    (group) =>
      wanted(group) &&
      group.marks.some(
        (mark) =>
          mark.mask.includes(bit) &&
          ((mark.scope === 'inode' && mark.target === inode) ||
            (mark.scope === 'mount' && mark.target === place.mount) ||
            (mark.scope === 'filesystem' && mark.target === sb)),
      ),
  );
}

/** A permission event to every listener; one that denies decides. */
export function askListeners(world: World, place: Place, event: FanotifyMask): void {
  if (isMarked(world, place, event, (group) => group.answer === 'FAN_DENY')) fail('EPERM');
}

/**
 * What an exec or check does with the object of its path until the file is open and denied to
 * writers.
 */
export function openForExec(
  world: World,
  name: string,
  task: Task,
  found: Found,
  features: Features,
  pathIsEmpty: boolean,
): { readonly place: Place; readonly denied: boolean } {
  const inode = inodeAt(world, found);
  const number = inodeNumber(world, found);
  const place: Place = { mount: found.mount, dentry: found.dentry };
  const isDirectory = inode.kind === 'dir' || inode.kind === 'procFd';
  if (found.mustBeDir && !isDirectory) fail('ENOTDIR');
  if (inode.kind === 'symlink') fail('ELOOP');
  const isTypeless = features.anonChmod && isAnonymous(world, found, features);
  if (isDirectory) fail('EACCES');
  if (!isTypeless) {
    if (inode.kind !== 'file' && inode.kind !== 'pidfd' && inode.kind !== 'anonymous') {
      fail('EACCES');
    }
    if (isNoexec(world, place)) fail('EACCES');
  }
  if (!mayAccess(world, task, inode, EXEC)) fail('EACCES');
  lsmRefuses(world, 'inodePermission', name, number, undefined);
  if (!landlockAllows(world, task, place)) fail('EACCES');
  lsmRefuses(world, 'fileOpen', name, number, undefined);
  askListeners(world, place, 'FAN_OPEN_EXEC_PERM');
  askListeners(world, place, 'FAN_OPEN_PERM');
  if (isTypeless) fail('ENXIO');

  const late = features.openEventAfterWriteDenial;
  if (!late) tell(world, number, 'IN_OPEN');
  try {
    lsmRefuses(world, 'filePostOpen', name, number, undefined);
    if (inode.imaUnsigned && imaRefuses(world, 'FILE_CHECK')) fail('EACCES');
    const denied = denies(world, place, features);
    if (denied && hasWriter(world, number)) fail('ETXTBSY');
    if (late && !pathIsEmpty) tell(world, number, 'IN_OPEN');
    return { place, denied };
  } catch (failure) {
    tell(world, number, 'IN_CLOSE_NOWRITE');
    throw failure;
  }
}

/** The shared anonymous inode; in old kernels a pidfd shows it too. */
function isAnonymous(world: World, place: Place, features: Features): boolean {
  const { kind } = inodeAt(world, place);
  return kind === 'anonymous' || (kind === 'pidfd' && features.pidfd === 'anonymous');
}

/** Whether IMA appraises under this function and refuses what has no valid signature. */
export function imaRefuses(world: World, rule: 'BPRM_CHECK' | 'FILE_CHECK'): boolean {
  return world.ima?.mode === 'enforce' && world.ima.functions.includes(rule);
}
