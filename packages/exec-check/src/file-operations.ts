// SPDX-License-Identifier: MIT
import { CAP_FOWNER, CAP_FSETID } from './capability.ts';
import { MAY_EXEC, MAY_WRITE, NAME_MAX, S_ISGID, S_ISUID, S_ISVTX } from './constants.ts';
import { toBase64 } from './base64.ts';
import { contentBytes } from './content.ts';
import type { Context } from './context.ts';
import { at } from './lists.ts';
import { openForWriting } from './open.ts';
import { copyUp, fileOf, inodeIdOf, putInode } from './open-files.ts';
import type { OperationOf } from './operation.ts';
import { inodeOf, isBelow, lookup, walkPath, walkToParent, type LocatedName } from './path-walk.ts';
import { inGroup, mayAccess } from './permission.ts';
import { isRefusal, refusal, type Refusal } from './refusal.ts';
import type { Content } from './setup.ts';
import type { Dentry, Inode, InodeId, PathRef, State } from './state.ts';
import { refuse, succeed, type ExecStep } from './step.ts';
import { addChild, list, newInode, unlist } from './tree.ts';
import { capableWrtInode, capableWrtOwner } from './user-namespace.ts';
import { TEXT_BUSY_DENIERS } from './write-access.ts';

/*
 * Making and changing files, fs/namei.c, fs/open.c and fs/attr.c, Linux 6.12, as far as
 * executability depends on them.
 */

const EXISTS = refusal('EEXIST', 'file.exists');
const MISSING = refusal('ENOENT', 'file.missing');
const MISSING_DIRECTORY = refusal('ENOENT', 'file.missing-directory');
const CREATE_IN_SLASH = refusal('EISDIR', 'file.create-with-slash');
const NAME_TOO_LONG = refusal('ENAMETOOLONG', 'walk.name-too-long');
const SEARCH_DENIED = refusal('EACCES', 'walk.search-permission');
const NOT_A_DIRECTORY = refusal('ENOTDIR', 'walk.not-a-directory');
const DIRECTORY_DENIED = refusal('EACCES', 'file.directory-permission');
const FIXED_TREE = refusal('EPERM', 'file.fixed-tree');
const STICKY = refusal('EPERM', 'file.sticky');
const IS_DIRECTORY = refusal('EISDIR', 'file.is-directory');
const IS_NOT_DIRECTORY = refusal('ENOTDIR', 'file.is-not-directory');
const MOUNT_POINT = refusal('EBUSY', 'file.mount-point');
const NO_NAME = refusal('EBUSY', 'file.no-name');
const OTHER_MOUNT = refusal('EXDEV', 'file.other-mount');
const LANDLOCK_REPARENT = refusal('EXDEV', 'landlock.reparent');
const INTO_ITSELF = refusal('EINVAL', 'file.into-itself');
const NOT_EMPTY = refusal('ENOTEMPTY', 'file.not-empty');
const NOT_OWNER = refusal('EPERM', 'file.not-owner');
const BAD_FD = refusal('EBADF', 'fd.bad');
const CHMOD_ANON = refusal('EOPNOTSUPP', 'file.chmod-anonymous');
const CHMOD_PIDFD = refusal('EPERM', 'file.chmod-pidfd');
const CHMOD_PROC = refusal('EPERM', 'file.chmod-proc');
const CHMOD_SYMLINK = refusal('EOPNOTSUPP', 'file.chmod-symlink');
const EXEC_SEALED = refusal('EPERM', 'file.exec-sealed');
const NOT_REGULAR = refusal('EINVAL', 'file.not-regular');
const WRITE_DENIED = refusal('EACCES', 'file.write-permission');

/** A name that does not exist yet, in a directory that the task may write. */
export interface FreeName extends PathRef {
  readonly name: string;
}

/**
 * Where a new file may be made. Mirrors filename_create() and may_create(), fs/namei.c.
 *
 * @param asDirectory whether a slash may stand behind the name
 */
export function freeName(context: Context, path: string, asDirectory: boolean): FreeName | Refusal {
  const located = walkToParent(context, path);
  if (isRefusal(located)) return located;
  if (located.name === '') return EXISTS;
  const found = entry(context, located);
  if (found !== undefined && isRefusal(found)) return found;
  if (found !== undefined) return EXISTS;
  // procfs decides at the look-up that there is no such name, and that there will be none.
  if (isProc(context, located)) return MISSING;
  if (located.slash && !asDirectory) return MISSING_DIRECTORY;
  return mayChange(context, located) ?? located;
}

/** The entry of that name, undefined without one. Search permission was checked on the way. */
function entry(
  context: Context,
  { dentry, name }: LocatedName,
): { readonly id: number } | Refusal | undefined {
  const directory = at(context.state.dentries, dentry);
  if (at(context.state.inodes, directory.inode).kind !== 'dir') return NOT_A_DIRECTORY;
  if (!mayAccess(context, at(context.state.inodes, directory.inode), MAY_EXEC))
    return SEARCH_DENIED;
  if (name.length > NAME_MAX) return NAME_TOO_LONG;
  const id = lookup(context, directory, name);
  return id === undefined ? undefined : { id };
}

function mayChange(context: Context, place: PathRef): Refusal | undefined {
  const { state } = context;
  const inode = inodeOf(state, place.dentry);
  // The directory of a task is immutable: nobody writes it, whatever the mode.
  if (inode.proc === 'task-directory') return FIXED_TREE;
  if (!mayAccess(context, inode, MAY_WRITE | MAY_EXEC)) return DIRECTORY_DENIED;
  return isProc(context, place) ? FIXED_TREE : undefined;
}

function isProc({ state }: Context, { dentry }: PathRef): boolean {
  return at(state.superblocks, at(state.dentries, dentry).superblock).type === 'proc';
}

/** A new inode of the task: its owner is fsuid, its group fsgid or that of a setgid directory. */
export function ownInode(
  { state, task }: Context,
  parent: number,
  kind: Inode['kind'],
  mode: number,
): Inode {
  const directory = inodeOf(state, parent);
  const inherits = (directory.mode & S_ISGID) !== 0;
  const { fsuid, fsgid } = task.credentials;
  const inode = newInode(kind, mode, fsuid, inherits ? directory.gid : fsgid);
  return inherits && kind === 'dir' ? { ...inode, mode: mode | S_ISGID } : inode;
}

/** mkdir(2). */
export function mkdir(context: Context, { path, mode }: OperationOf<'mkdir'>): ExecStep {
  const { state } = context;
  const place = freeName(context, path, true);
  if (isRefusal(place)) return refuse(state, place);
  // Of the special bits, mkdir takes only the sticky one.
  const inode = ownInode(context, place.dentry, 'dir', mode & 0o1777);
  return succeed(addChild(state, place.dentry, place.name, inode)[0], 'file.made');
}

/** open(O_CREAT|O_EXCL|O_WRONLY, 0600), write, fchmod, close. */
export function create(context: Context, { path, mode, content }: OperationOf<'create'>): ExecStep {
  const { state } = context;
  const located = walkToParent(context, path);
  if (isRefusal(located)) return refuse(state, located);
  if (located.name === '') return refuse(state, EXISTS);
  if (located.slash) return refuse(state, CREATE_IN_SLASH);
  const place = freeName(context, path, false);
  if (isRefusal(place)) return refuse(state, place);
  const inode = ownInode(context, place.dentry, 'file', 0o600);
  const filled = { ...inode, content, mode: chmodMode(context, inode, mode) };
  return succeed(addChild(state, place.dentry, place.name, filled)[0], 'file.made');
}

/** symlink(2). */
export function symlink(context: Context, { path, target }: OperationOf<'symlink'>): ExecStep {
  const { state } = context;
  const place = freeName(context, path, false);
  if (isRefusal(place)) return refuse(state, place);
  const inode = { ...ownInode(context, place.dentry, 'symlink', 0o777), target };
  return succeed(addChild(state, place.dentry, place.name, inode)[0], 'file.made');
}

/** Whether a name may be taken out of its directory. Mirrors may_delete(), fs/namei.c. */
function mayDelete(context: Context, place: PathRef, victim: Inode): Refusal | undefined {
  const refused = mayChange(context, place);
  if (refused !== undefined) return refused;
  const { state, task } = context;
  const directory = inodeOf(state, place.dentry);
  const { credentials } = task;
  const sticky =
    (directory.mode & S_ISVTX) !== 0 &&
    victim.uid !== credentials.fsuid &&
    directory.uid !== credentials.fsuid &&
    !capableWrtInode(state, credentials, victim, CAP_FOWNER);
  return sticky ? STICKY : undefined;
}

function isMountPoint(state: State, dentry: number): boolean {
  return state.mounts.some(({ children }) => children[dentry] !== undefined);
}

/** unlink(2). */
export function unlink(context: Context, { path }: OperationOf<'unlink'>): ExecStep {
  const { state } = context;
  const located = walkToParent(context, path);
  if (isRefusal(located)) return refuse(state, located);
  if (located.name === '') return refuse(state, IS_DIRECTORY);
  const found = entry(context, located);
  if (found === undefined) return refuse(state, MISSING);
  if (isRefusal(found)) return refuse(state, found);
  const victim = inodeOf(state, found.id);
  if (located.slash) return refuse(state, victim.kind === 'dir' ? IS_DIRECTORY : IS_NOT_DIRECTORY);
  const refused = mayDelete(context, located, victim);
  if (refused !== undefined) return refuse(state, refused);
  if (victim.kind === 'dir') return refuse(state, IS_DIRECTORY);
  if (isMountPoint(state, found.id)) return refuse(state, MOUNT_POINT);
  return succeed(unlist(state, located.dentry, located.name), 'file.unlinked');
}

/** rename(2). Mirrors do_renameat2() and vfs_rename(), fs/namei.c. */
export function rename(context: Context, operation: OperationOf<'rename'>): ExecStep {
  const { state } = context;
  const from = walkToParent(context, operation.from);
  if (isRefusal(from)) return refuse(state, from);
  const to = walkToParent(context, operation.to);
  if (isRefusal(to)) return refuse(state, to);
  if (from.mount !== to.mount) return refuse(state, OTHER_MOUNT);
  if (from.name === '' || to.name === '') return refuse(state, NO_NAME);
  const source = entry(context, from);
  if (source === undefined) return refuse(state, MISSING);
  if (isRefusal(source)) return refuse(state, source);
  const target = entry(context, to);
  if (target !== undefined && isRefusal(target)) return refuse(state, target);

  const refused = mayRename(context, from, to, source.id, target?.id);
  if (refused !== undefined) return refuse(state, refused);
  const moved = at(state.dentries, source.id);
  if (target !== undefined && at(state.dentries, target.id).inode === moved.inode) {
    return succeed(state, 'file.renamed');
  }
  const taken = unlist(state, from.dentry, from.name);
  const renamed: Dentry = { ...at(taken.dentries, source.id), parent: to.dentry, name: to.name };
  const placed = { ...taken, dentries: taken.dentries.with(source.id, renamed) };
  // overlayfs copies up what it renames.
  const next = copyUp(placed, moved.inode);
  return succeed(list(next, to.dentry, to.name, source.id), 'file.renamed');
}

function mayRename(
  context: Context,
  from: LocatedName,
  to: LocatedName,
  source: number,
  target: number | undefined,
): Refusal | undefined {
  const { state, task } = context;
  const moved = inodeOf(state, source);
  const isDirectory = moved.kind === 'dir';
  if (!isDirectory && (from.slash || (to.slash && target === undefined))) return IS_NOT_DIRECTORY;
  if (!isDirectory && to.slash) return IS_NOT_DIRECTORY;
  if (isBelow(state, to.dentry, source)) return INTO_ITSELF;
  if (target !== undefined && isBelow(state, from.dentry, target)) return NOT_EMPTY;
  if (task.credentials.landlock.length > 0 && from.dentry !== to.dentry) return LANDLOCK_REPARENT;
  if (
    target !== undefined &&
    at(state.dentries, target).inode === at(state.dentries, source).inode
  ) {
    return undefined;
  }
  const leaving = mayDelete(context, from, moved);
  if (leaving !== undefined) return leaving;
  if (target === undefined) {
    const arriving = mayChange(context, to);
    if (arriving !== undefined) return arriving;
  } else {
    const replacing = mayReplace(context, to, target, isDirectory);
    if (replacing !== undefined) return replacing;
  }
  if (isDirectory && from.dentry !== to.dentry && !mayAccess(context, moved, MAY_WRITE)) {
    return DIRECTORY_DENIED;
  }
  const busy = isMountPoint(state, source) || (target !== undefined && isMountPoint(state, target));
  if (busy) return MOUNT_POINT;
  const full = target !== undefined && Object.keys(at(state.dentries, target).children).length > 0;
  return full ? NOT_EMPTY : undefined;
}

function mayReplace(
  context: Context,
  to: LocatedName,
  target: number,
  byDirectory: boolean,
): Refusal | undefined {
  const victim = inodeOf(context.state, target);
  const refused = mayDelete(context, to, victim);
  if (refused !== undefined) return refused;
  if (byDirectory && victim.kind !== 'dir') return IS_NOT_DIRECTORY;
  return !byDirectory && victim.kind === 'dir' ? IS_DIRECTORY : undefined;
}

/** chmod(2). */
export function chmod(context: Context, { path, mode }: OperationOf<'chmod'>): ExecStep {
  const { state } = context;
  const located = walkPath(context, path, true);
  if (isRefusal(located)) return refuse(state, located);
  if (located.directory && inodeOf(state, located.dentry).kind !== 'dir') {
    return refuse(state, NOT_A_DIRECTORY);
  }
  return changeMode(context, at(state.dentries, located.dentry).inode, located.dentry, mode);
}

/** fchmod(2). */
export function fchmod(context: Context, { fd, mode }: OperationOf<'fchmod'>): ExecStep {
  const { state, task } = context;
  const file = fileOf(state, task, fd);
  if (file === undefined || file.path) return refuse(state, BAD_FD);
  return changeMode(context, inodeIdOf(state, file), file.dentry, mode);
}

/** Mirrors chmod_common(), fs/open.c, and the setattr methods of the file systems. */
function changeMode(context: Context, id: InodeId, dentry: number, mode: number): ExecStep {
  const { state, task, features } = context;
  const inode = at(state.inodes, id);
  const { type } = at(state.superblocks, at(state.dentries, dentry).superblock);
  if (type === 'anon' && !features.anonChmod) return refuse(state, CHMOD_ANON);
  if (type === 'pidfs') {
    return refuse(state, features.pidfd === 'pidfs-eopnotsupp' ? CHMOD_ANON : CHMOD_PIDFD);
  }
  if (inode.kind === 'symlink') return refuse(state, CHMOD_SYMLINK);
  if (type === 'proc') return refuse(state, CHMOD_PROC);
  const { credentials } = task;
  const owns =
    credentials.fsuid === inode.uid || capableWrtOwner(state, credentials, inode, CAP_FOWNER);
  if (!owns) return refuse(state, NOT_OWNER);
  if (inode.execSealed && ((inode.mode ^ mode) & 0o111) !== 0) return refuse(state, EXEC_SEALED);
  const changed = chmodMode(context, inode, mode);
  if (changed === inode.mode) return succeed(state, 'file.mode-changed');
  return succeed(putInode(state, id, { ...inode, mode: changed, lower: -1 }), 'file.mode-changed');
}

/** The setgid bit is lost to who is not in the group. Mirrors setattr_copy(), fs/attr.c. */
function chmodMode({ state, task }: Context, inode: Inode, mode: number): number {
  const { credentials } = task;
  const keeps =
    inGroup(credentials, inode.gid) || capableWrtInode(state, credentials, inode, CAP_FSETID);
  return keeps ? mode : mode & ~S_ISGID;
}

/** open(O_WRONLY|O_TRUNC), write, close. */
export function write(context: Context, { path, content }: OperationOf<'write'>): ExecStep {
  const { state } = context;
  const opened = openForWriting(context, path);
  if (isRefusal(opened)) return refuse(state, opened);
  const id = at(state.dentries, opened.dentry).inode;
  const inode = at(state.inodes, id);
  if (inode.kind !== 'file') return succeed(state, 'file.written');
  return succeed(putInode(state, id, written(context, inode, content)), 'file.written');
}

/**
 * A file with other content: whoever writes takes setuid, setgid and file capabilities away, unless
 * CAP_FSETID keeps the first two. Mirrors file_remove_privs(), fs/inode.c. The signature is lost
 * too.
 */
export function written({ state, task }: Context, inode: Inode, content: Content): Inode {
  const keeps = capableWrtInode(state, task.credentials, inode, CAP_FSETID);
  const setgid = (inode.mode & 0o010) !== 0 || !inGroup(task.credentials, inode.gid) ? S_ISGID : 0;
  const mode = keeps ? inode.mode : inode.mode & ~(S_ISUID | setgid);
  return { ...inode, content, mode, fcaps: null, signed: false, lower: -1 };
}

/** truncate(2). Mirrors vfs_truncate(), fs/open.c. */
export function truncate(context: Context, { path, size }: OperationOf<'truncate'>): ExecStep {
  const { state } = context;
  const located = walkPath(context, path, true);
  if (isRefusal(located)) return refuse(state, located);
  const id = at(state.dentries, located.dentry).inode;
  const inode = at(state.inodes, id);
  if (located.directory && inode.kind !== 'dir') return refuse(state, NOT_A_DIRECTORY);
  if (inode.kind === 'dir') return refuse(state, IS_DIRECTORY);
  if (inode.kind !== 'file') return refuse(state, NOT_REGULAR);
  if (!mayAccess(context, inode, MAY_WRITE)) return refuse(state, WRITE_DENIED);
  if (inode.writeCount < 0) return refuse(state, TEXT_BUSY_DENIERS);
  const bytes = new Uint8Array(size);
  bytes.set(contentBytes(inode.content).subarray(0, size));
  const content: Content = { kind: 'bytes', base64: toBase64(bytes) };
  return succeed(putInode(state, id, written(context, inode, content)), 'file.truncated');
}
