// SPDX-License-Identifier: MIT
import { S_ISGID } from './constants.ts';
import { contentBytes } from './content.ts';
import type { Context } from './context.ts';
import { ownInode, written } from './file-operations.ts';
import { at } from './lists.ts';
import { pathNoexec } from './noexec.ts';
import { openFile, tmpfileDirectory, type Opened } from './open.ts';
import {
  addFile,
  closeFd,
  fileOf,
  holdFile,
  inodeIdOf,
  installFd,
  putInode,
  putTask,
  unmap,
} from './open-files.ts';
import type { AnonymousKind, OperationOf } from './operation.ts';
import { inGroup } from './permission.ts';
import { isRefusal, refusal, type Refusal } from './refusal.ts';
import type { StatType } from './outcome.ts';
import {
  ANON_MOUNT,
  MEMFD_MOUNT,
  PIDFS_MOUNT,
  PIPE_MOUNT,
  SHARED_ANON_DENTRY,
  SOCKET_MOUNT,
  type Inode,
  type OpenFile,
  type State,
} from './state.ts';
import { answer, refuse, succeed, type ExecStep } from './step.ts';
import { addUnlisted, newInode } from './tree.ts';
import { CAP_FSETID } from './capability.ts';
import { capableWrtInode, fromKernelId } from './user-namespace.ts';

/* Descriptors and mappings: fs/open.c, fs/file.c, mm/memfd.c, mm/mmap.c and mm/mprotect.c, Linux 6.12. */

const BAD_FD = refusal('EBADF', 'fd.bad');
const SAME_FD = refusal('EINVAL', 'fd.dup-same');
const MEMFD_FLAGS = refusal('EINVAL', 'memfd.flags');
const MEMFD_NOEXEC = refusal('EACCES', 'memfd.noexec-enforced');
const NOT_WRITABLE = refusal('EINVAL', 'fd.not-writable');
const MAP_SHARED_READ_ONLY = refusal('EACCES', 'mmap.shared-read-only');
const MAP_UNREADABLE = refusal('EACCES', 'mmap.unreadable');
const MAP_NOEXEC = refusal('EPERM', 'mmap.noexec');
const PIDFD_WRITE = refusal('EOPNOTSUPP', 'fd.pidfd-write');
const MAP_NO_DEVICE = refusal('ENODEV', 'mmap.no-method');
const NOT_MAPPED = refusal('ENOMEM', 'mprotect.not-mapped');
const MPROTECT_DENIED = refusal('EACCES', 'mprotect.may-not');

function install(state: State, task: string, fd: number, opened: Opened, cloexec: boolean): State {
  const [added, file] = addFile(state, opened);
  return installFd(added, task, fd, { file, cloexec });
}

/** open(2). */
export function open(context: Context, operation: OperationOf<'open'>): ExecStep {
  const { state, task } = context;
  const { fd, path, flags } = operation;
  const cloexec = flags.includes('O_CLOEXEC');
  const pathOnly = flags.includes('O_PATH');
  if (flags.includes('O_TMPFILE') && !pathOnly) return openTmpfile(context, operation, cloexec);
  // O_TMPFILE contains O_DIRECTORY, which O_PATH keeps.
  const kept = flags.includes('O_TMPFILE') ? [...flags, 'O_DIRECTORY' as const] : flags;
  const opened = openFile(context, path, kept);
  if (isRefusal(opened)) return refuse(state, opened);
  const truncated = flags.includes('O_TRUNC') && !pathOnly ? truncate(context, opened) : state;
  return succeed(install(truncated, task.name, fd, opened, cloexec), 'fd.opened');
}

function truncate(context: Context, { dentry }: Opened): State {
  const { state } = context;
  const id = at(state.dentries, dentry).inode;
  const inode = at(state.inodes, id);
  if (inode.kind !== 'file') return state;
  return putInode(state, id, written(context, inode, { kind: 'empty' }));
}

function openTmpfile(
  context: Context,
  { fd, path, flags, mode = 0 }: OperationOf<'open'>,
  cloexec: boolean,
): ExecStep {
  const { state, task } = context;
  const directory = tmpfileDirectory(context, path, flags);
  if (isRefusal(directory)) return refuse(state, directory);
  const inode = ownInode(context, directory.dentry, 'file', mode);
  const [made, dentry] = addUnlisted(
    state,
    directory.dentry,
    '#tmpfile',
    stripSetgid(context, inode),
  );
  const opened: Opened = {
    mount: directory.mount,
    dentry,
    readable: flags.includes('O_RDWR'),
    writable: true,
    path: false,
    writer: true,
  };
  return succeed(install(made, task.name, fd, opened, cloexec), 'fd.opened');
}

/**
 * A new group-executable file does not inherit setgid from who is not in the group. Mirrors
 * mode_strip_sgid().
 */
function stripSetgid({ state, task }: Context, inode: Inode): Inode {
  const both = S_ISGID | 0o010;
  const keeps =
    (inode.mode & both) !== both ||
    inGroup(task.credentials, inode.gid) ||
    capableWrtInode(state, task.credentials, inode, CAP_FSETID);
  return keeps ? inode : { ...inode, mode: inode.mode & ~S_ISGID };
}

/** close(2). */
export function close({ state, task }: Context, { fd }: OperationOf<'close'>): ExecStep {
  if (task.fds[fd] === undefined) return refuse(state, BAD_FD);
  return succeed(closeFd(state, task.name, fd), 'fd.closed');
}

/** dup3(2). */
export function dup({ state, task }: Context, { from, to, cloexec }: OperationOf<'dup'>): ExecStep {
  if (from === to) return refuse(state, SAME_FD);
  const descriptor = task.fds[from];
  if (descriptor === undefined) return refuse(state, BAD_FD);
  const { file } = descriptor;
  return succeed(installFd(state, task.name, to, { file, cloexec }), 'fd.duplicated');
}

/**
 * memfd_create(2). Mirrors check_sysctl_memfd_noexec() and memfd_create(), mm/memfd.c, Linux 6.12.
 */
export function memfdCreate(
  { state, task, features }: Context,
  { fd, flags }: OperationOf<'memfdCreate'>,
): ExecStep {
  const sealed = flags.includes('MFD_NOEXEC_SEAL');
  const exec = flags.includes('MFD_EXEC');
  if ((sealed || exec) && !features.memfdNoexec) return refuse(state, MEMFD_FLAGS);
  if (sealed && exec) return refuse(state, MEMFD_FLAGS);
  const sysctl = features.memfdNoexec ? state.memfdNoexec : 0;
  if (sysctl === 2 && exec) return refuse(state, MEMFD_NOEXEC);
  const execSealed = sealed || (!exec && sysctl > 0);
  const { fsuid, fsgid } = task.credentials;
  const inode = { ...newInode('file', execSealed ? 0o666 : 0o777, fsuid, fsgid), execSealed };
  const [made, dentry] = addUnlisted(state, MEMFD_MOUNT, 'memfd', inode);
  // The descriptor can write and yet does not count as a writer: it never went through an open.
  const opened: Opened = {
    mount: MEMFD_MOUNT,
    dentry,
    readable: true,
    writable: true,
    path: false,
    writer: false,
  };
  return succeed(install(made, task.name, fd, opened, flags.includes('MFD_CLOEXEC')), 'memfd.made');
}

/** ftruncate(fd, 0), then the content from offset 0. */
export function fwrite(context: Context, { fd, content }: OperationOf<'fwrite'>): ExecStep {
  const { state, task } = context;
  const file = fileOf(state, task, fd);
  if (file === undefined || file.path) return refuse(state, BAD_FD);
  const id = inodeIdOf(state, file);
  const inode = at(state.inodes, id);
  if (file.mount === PIDFS_MOUNT) return refuse(state, PIDFD_WRITE);
  if (inode.kind !== 'file' || !file.writable) return refuse(state, NOT_WRITABLE);
  return succeed(putInode(state, id, written(context, inode, content)), 'file.written');
}

/** eventfd(2) and its like. */
export function anonymous(context: Context, { fd, kind }: OperationOf<'anonymous'>): ExecStep {
  const { state, task } = context;
  const [made, place] = anonymousInode(context, kind);
  const opened: Opened = {
    ...place,
    readable: true,
    writable: kind !== 'pipe',
    path: false,
    writer: false,
  };
  const next = made === state ? state : made;
  return succeed(install(next, task.name, fd, opened, false), 'fd.opened');
}

function anonymousInode(
  { state, task, features }: Context,
  kind: AnonymousKind,
): [State, { readonly mount: number; readonly dentry: number }] {
  const { fsuid, fsgid } = task.credentials;
  const add = (mount: number, inode: Inode): [State, { mount: number; dentry: number }] => {
    const [made, dentry] = addUnlisted(state, mount, kind, inode);
    return [made, { mount, dentry }];
  };
  switch (kind) {
    case 'pipe':
      return add(PIPE_MOUNT, newInode('fifo', 0o600, fsuid, fsgid));
    case 'socket':
      return add(SOCKET_MOUNT, newInode('socket', 0o777, fsuid, fsgid));
    case 'pidfd':
      if (features.pidfd !== 'anonymous') return add(PIDFS_MOUNT, newInode('file', 0o700, 0, 0));
      return [state, { mount: ANON_MOUNT, dentry: SHARED_ANON_DENTRY }];
    case 'eventfd':
    case 'timerfd':
    case 'signalfd':
    case 'epoll':
    case 'inotify':
      return [state, { mount: ANON_MOUNT, dentry: SHARED_ANON_DENTRY }];
  }
}

/** mmap(2) of one page. Mirrors do_mmap(), mm/mmap.c. */
export function mmap(context: Context, operation: OperationOf<'mmap'>): ExecStep {
  const { state, task } = context;
  const { map, fd, sharing, prot } = operation;
  const unmapped = unmap(state, task.name, map);
  if (fd === undefined) {
    return succeed(withMapping(unmapped, context, map, -1, true, true), 'mmap.mapped');
  }
  const file = fileOf(state, task, fd);
  const descriptor = task.fds[fd];
  if (file === undefined || descriptor === undefined || file.path) return refuse(unmapped, BAD_FD);
  const refused = mayMap(
    context,
    file,
    sharing,
    prot.includes('PROT_WRITE'),
    prot.includes('PROT_EXEC'),
  );
  if (refused !== undefined) return refuse(unmapped, refused);
  const mayWrite = sharing === 'MAP_PRIVATE' || file.writable;
  const mayExec = !pathNoexec(context, file);
  // overlayfs maps the real file, so the mapping does not keep its own one open.
  const { type } = at(state.superblocks, at(state.dentries, file.dentry).superblock);
  if (type === 'overlay') {
    return succeed(withMapping(unmapped, context, map, -1, mayExec, mayWrite), 'mmap.mapped');
  }
  const held = holdFile(unmapped, descriptor.file);
  return succeed(
    withMapping(held, context, map, descriptor.file, mayExec, mayWrite),
    'mmap.mapped',
  );
}

function mayMap(
  context: Context,
  file: OpenFile,
  sharing: 'MAP_SHARED' | 'MAP_PRIVATE',
  write: boolean,
  exec: boolean,
): Refusal | undefined {
  if (sharing === 'MAP_SHARED' && write && !file.writable) return MAP_SHARED_READ_ONLY;
  if (!file.readable) return MAP_UNREADABLE;
  if (exec && pathNoexec(context, file)) return MAP_NOEXEC;
  const inode = at(context.state.inodes, inodeIdOf(context.state, file));
  const hasMethod = inode.kind === 'file' && inode.proc === 'none' && file.mount !== PIDFS_MOUNT;
  return hasMethod ? undefined : MAP_NO_DEVICE;
}

function withMapping(
  state: State,
  { task }: Context,
  map: number,
  file: number,
  mayExec: boolean,
  mayWrite: boolean,
): State {
  const current = state.tasks[task.name] ?? task;
  return putTask(state, {
    ...current,
    maps: { ...current.maps, [map]: { file, mayExec, mayWrite } },
  });
}

/** mprotect(2). Mirrors do_mprotect_pkey(), mm/mprotect.c. */
export function mprotect(
  { state, task }: Context,
  { map, prot }: OperationOf<'mprotect'>,
): ExecStep {
  const mapping = task.maps[map];
  if (mapping === undefined) return refuse(state, NOT_MAPPED);
  const denied =
    (prot.includes('PROT_EXEC') && !mapping.mayExec) ||
    (prot.includes('PROT_WRITE') && !mapping.mayWrite);
  return denied ? refuse(state, MPROTECT_DENIED) : succeed(state, 'mprotect.changed');
}

/** munmap(2); an empty slot is unmapped already. */
export function munmap({ state, task }: Context, { map }: OperationOf<'munmap'>): ExecStep {
  return succeed(unmap(state, task.name, map), 'mmap.unmapped');
}

/** fstat(2). */
export function fstat({ state, task, features }: Context, { fd }: OperationOf<'fstat'>): ExecStep {
  const file = fileOf(state, task, fd);
  if (file === undefined) return refuse(state, BAD_FD);
  const inode = at(state.inodes, inodeIdOf(state, file));
  const { userns } = task.credentials;
  const pidfs = file.mount === PIDFS_MOUNT;
  return answer(
    state,
    {
      kind: 'stat',
      type: pidfs && features.pidfd === 'pidfs-eopnotsupp' ? 'none' : statType(inode),
      mode: inode.mode,
      uid: fromKernelId(state, userns, 'uidMap', inode.uid),
      gid: fromKernelId(state, userns, 'gidMap', inode.gid),
      size: inode.kind === 'file' ? contentBytes(inode.content).length : 0,
    },
    'fd.stat',
  );
}

function statType({ kind }: Inode): StatType {
  return kind === 'anon' ? 'none' : kind;
}
