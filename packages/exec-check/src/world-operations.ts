// SPDX-License-Identifier: MIT
import { castDraft, produce } from 'immer';
import { S_ISGID, S_ISUID } from './constants.ts';
import type { Context } from './context.ts';
import { freeName } from './file-operations.ts';
import { at, without } from './lists.ts';
import { copyUp, putInode } from './open-files.ts';
import type { OperationOf } from './operation.ts';
import { inodeOf, walkPath, type Located } from './path-walk.ts';
import { isRefusal, refusal, type Refusal } from './refusal.ts';
import type { MountFlag, Path } from './setup.ts';
import { ROOT_MOUNT, type FanotifyMark, type Inode, type InodeId, type State } from './state.ts';
import { refuse, succeed, type ExecStep } from './step.ts';
import {
  addChild,
  addLink,
  addOverlay,
  addProc,
  addSuperblock,
  attachMount,
  detachMount,
  newInode,
  withFlags,
} from './tree.ts';
import { find } from './world.ts';

/* What only the builder of the world does: fs/namespace.c, fs/xattr.c, fs/notify, Linux 6.12. */

const LINK_DIRECTORY = refusal('EPERM', 'file.link-directory');
const LINK_OTHER_MOUNT = refusal('EXDEV', 'file.other-mount');
const NOT_A_DIRECTORY = refusal('ENOTDIR', 'walk.not-a-directory');
const ATTRIBUTES_FIXED = refusal('EPERM', 'file.attributes-fixed');
const ATTRIBUTES_UNSUPPORTED = refusal('EOPNOTSUPP', 'file.attributes-unsupported');
/** procfs takes a new owner of a task's file, and forgets it: never shown to the caller. */
const KEPT = refusal('EPERM', 'file.attributes-kept');
const NOT_MOUNTED = refusal('EINVAL', 'mount.not-a-mount-root');
const MOUNT_KIND = refusal('ENOTDIR', 'mount.kinds-differ');
const MOUNT_ROOT = refusal('EBUSY', 'mount.root');
const NO_GROUP = refusal('EBADF', 'fanotify.no-group');
const MASK_INVALID = refusal('EINVAL', 'fanotify.mask');
const MASK_UNSUPPORTED = refusal('EOPNOTSUPP', 'fanotify.pre-content-unsupported');

/** mkfifo(3) and mknod(2). */
export function makeNode(
  context: Context,
  path: Path,
  kind: 'fifo' | 'socket' | 'char' | 'block',
  mode: number,
): ExecStep {
  const { state } = context;
  const place = freeName(context, path, false);
  if (isRefusal(place)) return refuse(state, place);
  const directory = inodeOf(state, place.dentry);
  const gid = (directory.mode & S_ISGID) !== 0 ? directory.gid : 0;
  return succeed(
    addChild(state, place.dentry, place.name, newInode(kind, mode, 0, gid))[0],
    'file.made',
  );
}

/** link(2). */
export function link(context: Context, operation: OperationOf<'link'>): ExecStep {
  const { state } = context;
  const from = walkPath(context, operation.from, false);
  if (isRefusal(from)) return refuse(state, from);
  const inode = inodeOf(state, from.dentry);
  if (from.directory && inode.kind !== 'dir') return refuse(state, NOT_A_DIRECTORY);
  const to = freeName(context, operation.to, false);
  if (isRefusal(to)) return refuse(state, to);
  if (from.mount !== to.mount) return refuse(state, LINK_OTHER_MOUNT);
  if (inode.kind === 'dir') return refuse(state, LINK_DIRECTORY);
  const id = at(state.dentries, from.dentry).inode;
  return succeed(addLink(copyUp(state, id), to.dentry, to.name, id), 'file.linked');
}

/** The object of an attribute change, symbolic links followed; `onProc` is what procfs says. */
function attributesOf(context: Context, path: Path, onProc: Refusal): InodeId | Refusal {
  const located = walkPath(context, path, true);
  if (isRefusal(located)) return located;
  const { state } = context;
  const { inode, superblock } = at(state.dentries, located.dentry);
  if (located.directory && at(state.inodes, inode).kind !== 'dir') return NOT_A_DIRECTORY;
  const { type } = at(state.superblocks, superblock);
  if (type === 'proc') return onProc;
  return type === 'tmpfs' || type === 'overlay' || type === 'memfd' ? inode : ATTRIBUTES_FIXED;
}

/** chown(2) takes setuid, setgid and file capabilities away. Mirrors chown_common(), fs/open.c. */
export function chown(context: Context, { path, uid, gid }: OperationOf<'chown'>): ExecStep {
  const { state } = context;
  const id = attributesOf(context, path, KEPT);
  if (id === KEPT) return succeed(state, 'file.attributes-kept');
  if (typeof id !== 'number') return refuse(state, id);
  const inode = at(state.inodes, id);
  // A setgid bit without group execution once meant mandatory locking, and stays.
  const setgid = (inode.mode & 0o010) !== 0 ? S_ISGID : 0;
  const mode = inode.kind === 'dir' ? inode.mode : inode.mode & ~(S_ISUID | setgid);
  const fcaps = inode.kind === 'dir' ? inode.fcaps : null;
  return succeed(
    putInode(state, id, { ...inode, uid, gid, mode, fcaps, lower: -1 }),
    'file.owner-changed',
  );
}

/**
 * setxattr(2) or removexattr(2) of system.posix_acl_access. Mirrors set_posix_acl(),
 * fs/posix_acl.c.
 */
export function setacl(context: Context, { path, acl }: OperationOf<'setacl'>): ExecStep {
  const { state } = context;
  const id = attributesOf(context, path, ATTRIBUTES_UNSUPPORTED);
  if (typeof id !== 'number') return refuse(state, id);
  const inode = at(state.inodes, id);
  if (inode.kind === 'symlink') return refuse(state, ATTRIBUTES_UNSUPPORTED);
  const changed: Inode =
    acl === undefined
      ? { ...inode, acl: null, lower: -1 }
      : { ...inode, acl, lower: -1, mode: (inode.mode & ~0o070) | (acl.mask << 3) };
  return succeed(putInode(state, id, changed), 'file.acl-changed');
}

/** setxattr(2) or removexattr(2) of security.capability. */
export function setfcaps(context: Context, { path, fcaps }: OperationOf<'setfcaps'>): ExecStep {
  const { state } = context;
  const id = attributesOf(context, path, ATTRIBUTES_UNSUPPORTED);
  if (typeof id !== 'number') return refuse(state, id);
  const inode = at(state.inodes, id);
  if (inode.kind === 'symlink') return refuse(state, ATTRIBUTES_UNSUPPORTED);
  return succeed(
    putInode(state, id, { ...inode, fcaps: fcaps ?? null, lower: -1 }),
    'file.fcaps-changed',
  );
}

/** mount(2) of each kind. */
export function mount(context: Context, { mount: spec }: OperationOf<'mount'>): ExecStep {
  const { state } = context;
  const point = walkPath(context, spec.at, true);
  if (isRefusal(point)) return refuse(state, point);
  const source = mountSource(context, spec);
  if (isRefusal(source)) return refuse(state, source);
  const { state: made, root } = source;
  const isDirectory = inodeOf(made, root).kind === 'dir';
  if ((inodeOf(state, point.dentry).kind === 'dir') !== isDirectory)
    return refuse(state, MOUNT_KIND);
  if (isRoot(state, point)) return refuse(state, MOUNT_ROOT);
  return succeed(attachMount(made, point, root, spec.flags), 'mount.mounted');
}

function isRoot(state: State, { mount: id, dentry }: Located): boolean {
  return id === ROOT_MOUNT && dentry === at(state.mounts, ROOT_MOUNT).root;
}

function mountSource(
  context: Context,
  spec: OperationOf<'mount'>['mount'],
): { readonly state: State; readonly root: number } | Refusal {
  const { state } = context;
  switch (spec.kind) {
    case 'tmpfs': {
      const directory = newInode('dir', 0o755, 0, 0);
      const [made, , root] = addSuperblock(state, { type: 'tmpfs', noexec: false }, directory);
      return { state: made, root };
    }
    case 'proc': {
      const [made, root] = addProc(state);
      return { state: made, root };
    }
    case 'bind': {
      const from = walkPath(context, spec.from, true);
      return isRefusal(from) ? from : { state, root: from.dentry };
    }
    case 'overlay': {
      const lower = walkPath(context, spec.lower, true);
      if (isRefusal(lower)) return lower;
      if (inodeOf(state, lower.dentry).kind !== 'dir') return NOT_A_DIRECTORY;
      const [made, root] = addOverlay(state, lower.dentry);
      return { state: made, root };
    }
  }
}

function mountAt(context: Context, path: Path): number | Refusal {
  const located = walkPath(context, path, true);
  if (isRefusal(located)) return located;
  const { root } = at(context.state.mounts, located.mount);
  return located.dentry === root ? located.mount : NOT_MOUNTED;
}

/** mount(MS_REMOUNT|MS_BIND). Mirrors do_reconfigure_mnt(), fs/namespace.c. */
export function remount(context: Context, path: Path, flags: readonly MountFlag[]): ExecStep {
  const { state } = context;
  const id = mountAt(context, path);
  if (typeof id !== 'number') return refuse(state, id);
  const changed = { ...at(state.mounts, id), ...withFlags(flags) };
  return succeed({ ...state, mounts: state.mounts.with(id, changed) }, 'mount.remounted');
}

/** umount2(MNT_DETACH). Mirrors do_umount(), fs/namespace.c. */
export function umount(context: Context, { path }: OperationOf<'umount'>): ExecStep {
  const { state } = context;
  const id = mountAt(context, path);
  if (typeof id !== 'number') return refuse(state, id);
  if (at(state.mounts, id).parent < 0) return refuse(state, NOT_MOUNTED);
  return succeed(detachMount(state, id), 'mount.unmounted');
}

/** inotify_add_watch(2). */
export function watch(context: Context, operation: OperationOf<'watch'>): ExecStep {
  const { state } = context;
  const located = walkPath(context, operation.path, true);
  if (isRefusal(located)) return refuse(state, located);
  const { inode } = at(state.dentries, located.dentry);
  if (located.directory && at(state.inodes, inode).kind !== 'dir') {
    return refuse(state, NOT_A_DIRECTORY);
  }
  const watches = { ...state.watches, [operation.watch]: inode };
  return succeed({ ...state, watches }, 'inotify.watched');
}

/** fanotify_init(2). */
export function fanotifyInit({ state }: Context, operation: OperationOf<'fanotifyInit'>): ExecStep {
  const { group, class: groupClass, answer } = operation;
  const fanotify = { ...state.fanotify, [group]: { class: groupClass, answer, marks: [] } };
  return succeed({ ...state, fanotify }, 'fanotify.made');
}

/** fanotify_mark(2). Mirrors do_fanotify_mark(), fs/notify/fanotify/fanotify_user.c, Linux 6.14. */
export function fanotifyMark(context: Context, operation: OperationOf<'fanotifyMark'>): ExecStep {
  const { state, features } = context;
  const { scope, mask, path } = operation;
  const preContent = mask.includes('FAN_PRE_ACCESS');
  const knowsPreContent = features.writeDeny === 'unlessAccessPermMark';
  if (mask.length === 0 || (preContent && !knowsPreContent)) return refuse(state, MASK_INVALID);
  const group = state.fanotify[operation.group];
  if (group === undefined) return refuse(state, NO_GROUP);
  const asksPermission = mask.some((event) => event.endsWith('_PERM'));
  const mayAsk = group.class !== 'FAN_CLASS_NOTIF';
  if (asksPermission && !mayAsk) return refuse(state, MASK_INVALID);
  if (preContent && group.class !== 'FAN_CLASS_PRE_CONTENT') return refuse(state, MASK_INVALID);
  const located = walkPath(context, path, true);
  if (isRefusal(located)) return refuse(state, located);
  const { inode, superblock } = at(state.dentries, located.dentry);
  if (located.directory && at(state.inodes, inode).kind !== 'dir') {
    return refuse(state, NOT_A_DIRECTORY);
  }
  // tmpfs, overlayfs and procfs fetch nothing on access, so they have no pre-content events.
  if (preContent) return refuse(state, MASK_UNSUPPORTED);
  if (asksPermission && at(state.superblocks, superblock).type === 'proc') {
    return refuse(state, MASK_INVALID);
  }
  const objects = { inode, mount: located.mount, filesystem: superblock };
  const mark: FanotifyMark = { scope, object: objects[scope], mask };
  const marked = produce(state, ({ fanotify }) => {
    fanotify[operation.group]?.marks.push(castDraft(mark));
  });
  return succeed(marked, 'fanotify.marked');
}

/** Closes a group; its marks go with it. */
export function fanotifyClose(
  { state }: Context,
  { group }: OperationOf<'fanotifyClose'>,
): ExecStep {
  if (state.fanotify[group] === undefined) return refuse(state, NO_GROUP);
  return succeed({ ...state, fanotify: without(state.fanotify, group) }, 'fanotify.closed');
}

const NO_SYSCTL = refusal('ENOENT', 'memfd.no-sysctl');

/** A write to vm.memfd_noexec by the root of the machine, who may also lower it. */
export function sysctlMemfdNoexec(
  { state, features }: Context,
  { value }: OperationOf<'sysctlMemfdNoexec'>,
): ExecStep {
  if (!features.memfdNoexec) return refuse(state, NO_SYSCTL);
  if (state.memfdNoexec === value) return succeed(state, 'memfd.sysctl');
  return succeed({ ...state, memfdNoexec: value }, 'memfd.sysctl');
}

/** A new rule of the played security module. */
export function lsmRule({ state }: Context, { rule }: OperationOf<'lsmRule'>): ExecStep {
  const place = rule.path === undefined ? undefined : find(state, rule.path);
  const inode =
    rule.path === undefined
      ? -1
      : place === undefined
        ? -2
        : at(state.dentries, place.dentry).inode;
  return succeed({ ...state, lsm: [...state.lsm, { ...rule, inode }] }, 'lsm.rule-added');
}
