// SPDX-License-Identifier: MIT
import {
  AT_EACCESS,
  AT_EMPTY_PATH,
  AT_SYMLINK_NOFOLLOW,
  NO_CAPABILITIES,
  SUCCESS,
  type OperationOf,
  type Outcome,
} from '@kernel-models/exec-check';
import { lsmRefuses } from './lsm.ts';
import { EXEC, isNoexec, mayAccess, meantId } from './permission.ts';
import { copyPath, walk } from './walk.ts';
import { fail, inodeAt, inodeNumber, nth, taskOf, type Task, type World } from './world.ts';

const NO_SETUID_FIXUP = 0x4;

/** faccessat2(2): the discretionary part, with the real ids unless AT_EACCESS. */
export function faccessat(world: World, op: OperationOf<'faccessat'>): Outcome {
  if ((op.access & ~7) !== 0) fail('EINVAL');
  if ((op.flags & ~(AT_EACCESS | AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH)) !== 0) fail('EINVAL');
  const task = taskOf(world, op.task);
  const who = (op.flags & AT_EACCESS) === 0 ? withRealIds(world, task) : task;
  const path = copyPath(op.path, (op.flags & AT_EMPTY_PATH) !== 0);
  const follow = (op.flags & AT_SYMLINK_NOFOLLOW) === 0;
  const found = walk(world, op.task, who, op.dirfd, path, follow);
  const inode = inodeAt(world, found);
  const isDir = inode.kind === 'dir' || inode.kind === 'procFd';
  if (found.mustBeDir && !isDir) fail('ENOTDIR');
  const isRegular = ['file', 'pidfd', 'anonymous'].includes(inode.kind);
  if ((op.access & EXEC) !== 0 && isRegular && isNoexec(world, found)) fail('EACCES');
  if (!mayAccess(world, who, inode, op.access)) fail('EACCES');
  lsmRefuses(world, 'inodePermission', op.task, inodeNumber(world, found), undefined);
  return SUCCESS;
}

function withRealIds(world: World, task: Task): Task {
  const who = { ...task, fsuid: task.ruid, fsgid: task.rgid };
  if ((task.securebits & NO_SETUID_FIXUP) !== 0) return who;
  const root = meantId(nth(world.namespaces, task.userns).uidMap, 0);
  const effective = task.ruid === root ? task.permitted : NO_CAPABILITIES;
  return { ...who, effective };
}
