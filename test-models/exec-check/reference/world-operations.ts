// SPDX-License-Identifier: MIT
import {
  AT_FDCWD,
  SUCCESS,
  type Features,
  type OperationOf,
  type Outcome,
} from '@kernel-models/exec-check';
import { mountAt } from './build.ts';
import { lookUp } from './files.ts';
import { walk } from './walk.ts';
import {
  fail,
  Failure,
  inodeAt,
  inodeNumber,
  nth,
  taskOf,
  type FanotifyGroup,
  type World,
} from './world.ts';

type WorldOnly = OperationOf<
  | 'mount'
  | 'remount'
  | 'umount'
  | 'watch'
  | 'fanotifyInit'
  | 'fanotifyMark'
  | 'fanotifyClose'
  | 'sysctlMemfdNoexec'
  | 'lsmRule'
>;

/** Mounts, watches, listeners, policy: what the builder of the world does besides files. */
export function worldOperation(world: World, op: WorldOnly, features: Features): Outcome {
  const task = taskOf(world, op.task);
  switch (op.op) {
    case 'mount': {
      const point = lookUp(world, op.task, task, op.mount.at);
      const isDir = inodeAt(world, point).kind === 'dir';
      const wantsDir =
        op.mount.kind !== 'bind' ||
        inodeAt(world, lookUp(world, op.task, task, op.mount.from)).kind === 'dir';
      if (isDir !== wantsDir) fail('ENOTDIR');
      const mount = mountAt(world, op.mount, false);
      for (const flag of op.mount.flags) nth(world.mounts, mount).flags.add(flag);
      return SUCCESS;
    }
    case 'remount': {
      const found = lookUp(world, op.task, task, op.path);
      const { root, flags } = nth(world.mounts, found.mount);
      if (found.dentry !== root) fail('EINVAL');
      flags.clear();
      for (const flag of op.flags) flags.add(flag);
      return SUCCESS;
    }
    case 'umount': {
      const found = lookUp(world, op.task, task, op.path);
      if (found.dentry !== nth(world.mounts, found.mount).root) fail('EINVAL');
      detach(world, found.mount);
      return SUCCESS;
    }
    case 'watch':
      world.watches.set(op.watch, {
        inode: inodeNumber(world, lookUp(world, op.task, task, op.path)),
      });
      return SUCCESS;
    case 'fanotifyInit':
      world.groups.set(op.group, { class: op.class, answer: op.answer, marks: [] });
      return SUCCESS;
    case 'fanotifyMark':
      return fanotifyMark(world, op, features);
    case 'fanotifyClose':
      if (!world.groups.delete(op.group)) fail('EBADF');
      return SUCCESS;
    case 'sysctlMemfdNoexec':
      if (!features.memfdNoexec) fail('ENOENT');
      world.memfdNoexec = op.value;
      return SUCCESS;
    case 'lsmRule':
      world.lsm.push(op.rule);
      if (op.rule.path !== undefined) {
        try {
          const found = walk(world, op.task, task, AT_FDCWD, op.rule.path, true);
          inodeAt(world, found).lsmPaths.add(op.rule.path);
        } catch (failure) {
          if (!(failure instanceof Failure)) throw failure;
        }
      }
      return SUCCESS;
  }
}

/** A lazy unmount takes every mount below along; each then hangs nowhere. */
function detach(world: World, mount: number): void {
  nth(world.mounts, mount).at = undefined;
  world.mounts.forEach(({ at }, child) => {
    if (at?.mount === mount) detach(world, child);
  });
}

function fanotifyMark(world: World, op: OperationOf<'fanotifyMark'>, features: Features): Outcome {
  const group = world.groups.get(op.group);
  if (group === undefined) return fail('EBADF');
  const permission = op.mask.some((bit) => bit.endsWith('_PERM'));
  if (op.mask.length === 0) fail('EINVAL');
  if (permission && group.class === 'FAN_CLASS_NOTIF') fail('EINVAL');
  const found = lookUp(world, op.task, taskOf(world, op.task), op.path);
  if (op.mask.includes('FAN_PRE_ACCESS')) {
    const known = features.checkFlag && features.writeDeny === 'unlessAccessPermMark';
    fail(known && group.class === 'FAN_CLASS_PRE_CONTENT' ? 'EOPNOTSUPP' : 'EINVAL');
  }
  const { sb } = nth(world.mounts, found.mount);
  const target = { inode: inodeNumber(world, found), mount: found.mount, filesystem: sb }[op.scope];
  const mark: FanotifyGroup['marks'][number] = { scope: op.scope, target, mask: op.mask };
  group.marks.push(mark);
  return SUCCESS;
}
