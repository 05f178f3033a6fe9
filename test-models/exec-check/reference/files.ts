// SPDX-License-Identifier: MIT
import {
  AT_FDCWD,
  contentBytes,
  SUCCESS,
  NAME_MAX,
  type Content,
  type Features,
  type FileOperation,
  type OperationOf,
  type Outcome,
} from '@kernel-models/exec-check';
import { setAcl } from './build.ts';
import { replaceContent } from './content.ts';
import { openFile } from './descriptors.ts';
import { getWriteAccess } from './opening.ts';
import { EXEC, mayAccess, maySetgid, ownsOrFowner, stickyForbids, WRITE } from './permission.ts';
import { copyPath, isBelow, walk, walkParent, type Found } from './walk.ts';
import {
  addDentry,
  addInode,
  fail,
  inodeAt,
  inodeNumber,
  nth,
  taskOf,
  type FileKind,
  type Inode,
  type Place,
  type Task,
  type World,
} from './world.ts';

type NodeOperation =
  FileOperation | OperationOf<'mkfifo' | 'mknod' | 'link' | 'chown' | 'setacl' | 'setfcaps'>;

/** The operations on names and attributes. */
export function fileOperation(world: World, op: NodeOperation, features: Features): Outcome {
  const task = taskOf(world, op.task);
  switch (op.op) {
    case 'mkdir':
      makeNode(world, op.task, task, op.path, 'dir', op.mode & 0o1777, true);
      return SUCCESS;
    case 'mkfifo':
      makeNode(world, op.task, task, op.path, 'fifo', op.mode, false);
      return SUCCESS;
    case 'mknod':
      makeNode(world, op.task, task, op.path, op.kind, op.mode, false);
      return SUCCESS;
    case 'symlink': {
      if (op.target === '') fail('ENOENT');
      if (op.target.length >= 4096) fail('ENAMETOOLONG');
      makeNode(world, op.task, task, op.path, 'symlink', 0o777, false, op.target);
      return SUCCESS;
    }
    case 'create':
      create(world, op.task, task, op.path, op.mode, op.content, features);
      return SUCCESS;
    case 'link':
      link(world, op.task, task, op.from, op.to);
      return SUCCESS;
    case 'unlink':
      unlink(world, op.task, task, op.path);
      return SUCCESS;
    case 'rename':
      rename(world, op.task, task, op.from, op.to);
      return SUCCESS;
    case 'chmod':
      chmod(world, task, lookUp(world, op.task, task, op.path), op.mode, features);
      return SUCCESS;
    case 'fchmod':
      chmod(world, task, ofDescriptor(world, task, op.fd), op.mode, features);
      return SUCCESS;
    case 'chown':
      chown(inodeAt(world, lookUp(world, op.task, task, op.path)), op.uid, op.gid);
      return SUCCESS;
    case 'setacl': {
      const inode = inodeAt(world, lookUp(world, op.task, task, op.path));
      inode.lower = undefined;
      if (op.acl === undefined) inode.acl = undefined;
      else setAcl(inode, op.acl);
      return SUCCESS;
    }
    case 'setfcaps': {
      const inode = inodeAt(world, lookUp(world, op.task, task, op.path));
      inode.lower = undefined;
      inode.fcaps = op.fcaps;
      return SUCCESS;
    }
    case 'write': {
      const flags = ['O_WRONLY', 'O_TRUNC'] as const;
      const file = nth(world.files, openFile(world, op.task, task, op.path, flags, 0));
      replaceContent(world, task, inodeAt(world, file), contentBytes(op.content));
      return SUCCESS;
    }
    case 'truncate':
      truncate(world, op.task, task, op.path, op.size);
      return SUCCESS;
  }
}

/** A path lookup that follows the last link, as most system calls do. */
export function lookUp(world: World, name: string, task: Task, path: string): Found {
  const text = copyPath({ kind: 'text', text: path }, false);
  const found = walk(world, name, task, AT_FDCWD, text, true);
  if (found.mustBeDir && !isDir(inodeAt(world, found))) fail('ENOTDIR');
  return found;
}

function isDir(inode: Inode): boolean {
  return inode.kind === 'dir' || inode.kind === 'procFd';
}

function ofDescriptor(world: World, task: Task, fd: number): Place {
  const descriptor = task.fds.get(fd);
  if (descriptor === undefined) return fail('EBADF');
  const file = nth(world.files, descriptor.file);
  return file.path ? fail('EBADF') : { mount: file.mount, dentry: file.dentry };
}

/** Whether a name may be added to, or taken from, a directory. */
function mayChange(world: World, task: Task, dir: Inode): void {
  if (!mayAccess(world, task, dir, WRITE | EXEC)) fail('EACCES');
}

/** Looks up the last name of a path: only now its length counts. */
function childOf(world: World, dir: Place, name: string): Place | undefined {
  if (name.length > NAME_MAX) fail('ENAMETOOLONG');
  const dentry = inodeAt(world, dir).entries.get(name);
  return dentry === undefined ? undefined : { mount: dir.mount, dentry };
}

/** The directory and name of something that is to be made. */
function parentForNew(
  world: World,
  name: string,
  task: Task,
  path: string,
  isDirectory: boolean,
): { readonly dir: Place; readonly last: string } {
  const { dir, last, slash } = walkParent(world, name, task, path);
  if (last === '' || last === '.' || last === '..') fail('EEXIST');
  if (childOf(world, dir, last) !== undefined) fail('EEXIST');
  if (slash && !isDirectory) fail('ENOENT');
  return { dir, last };
}

/** An inode in a directory: its owner, and its group or that of a setgid directory. */
function place(
  world: World,
  task: Task,
  dir: Place,
  last: string,
  fresh: { readonly kind: FileKind; readonly mode: number; readonly target?: string },
): Inode {
  const parent = inodeAt(world, dir);
  const inherits = (parent.mode & 0o2000) !== 0;
  let mode = fresh.mode;
  if (inherits && fresh.kind === 'dir') mode |= 0o2000;
  if (inherits && fresh.kind !== 'dir' && (mode & 0o2010) === 0o2010) {
    if (!maySetgid(world, task, parent)) mode &= ~0o2000;
  }
  const owner = { uid: task.fsuid, gid: inherits ? parent.gid : task.fsgid };
  const number = addInode(world, parent.sb, { ...fresh, ...owner, mode });
  addDentry(world, dir.dentry, last, number);
  return nth(world.inodes, number);
}

function makeNode(
  world: World,
  name: string,
  task: Task,
  path: string,
  kind: FileKind,
  mode: number,
  isDirectory: boolean,
  target = '',
): Inode {
  const { dir, last } = parentForNew(world, name, task, path, isDirectory);
  mayChange(world, task, inodeAt(world, dir));
  return place(world, task, dir, last, { kind, mode, target });
}

function create(
  world: World,
  name: string,
  task: Task,
  path: string,
  mode: number,
  content: Content,
  features: Features,
): void {
  const { dir, last, slash } = walkParent(world, name, task, path);
  if (last === '' || last === '.' || last === '..') fail('EEXIST');
  if (slash) fail('EISDIR');
  if (childOf(world, dir, last) !== undefined) fail('EEXIST');
  mayChange(world, task, inodeAt(world, dir));
  const inode = place(world, task, dir, last, { kind: 'file', mode: 0o600 });
  inode.bytes = contentBytes(content);
  const there = childOf(world, dir, last);
  if (there !== undefined) chmod(world, task, there, mode, features);
}

function link(world: World, name: string, task: Task, from: string, to: string): void {
  const text = copyPath({ kind: 'text', text: from }, false);
  const source = walk(world, name, task, AT_FDCWD, text, false);
  const inode = inodeAt(world, source);
  if (source.mustBeDir && !isDir(inode)) fail('ENOTDIR');
  const { dir, last } = parentForNew(world, name, task, to, false);
  if (dir.mount !== source.mount) fail('EXDEV');
  mayChange(world, task, inodeAt(world, dir));
  if (isDir(inode)) fail('EPERM');
  inode.lower = undefined;
  addDentry(world, dir.dentry, last, inodeNumber(world, source));
}

/** Whether a name may be removed: the directory, its sticky bit. */
function mayDelete(world: World, task: Task, dir: Inode, inode: Inode): void {
  mayChange(world, task, dir);
  if (stickyForbids(world, task, dir, inode)) fail('EPERM');
}

function isMountPoint(world: World, dentry: number): boolean {
  return world.mounts.some(({ at }) => at?.dentry === dentry);
}

function unlink(world: World, name: string, task: Task, path: string): void {
  const { dir, last, slash } = walkParent(world, name, task, path);
  if (last === '' || last === '.' || last === '..') fail('EISDIR');
  const victim = childOf(world, dir, last);
  if (victim === undefined) return fail('ENOENT');
  const inode = inodeAt(world, victim);
  if (slash) fail(isDir(inode) ? 'EISDIR' : 'ENOTDIR');
  mayDelete(world, task, inodeAt(world, dir), inode);
  if (isDir(inode)) fail('EISDIR');
  if (isMountPoint(world, victim.dentry)) fail('EBUSY');
  inodeAt(world, dir).entries.delete(last);
  nth(world.dentries, victim.dentry).unlinked = true;
}

function rename(world: World, name: string, task: Task, from: string, to: string): void {
  const old = walkParent(world, name, task, from);
  const fresh = walkParent(world, name, task, to);
  if (old.dir.mount !== fresh.dir.mount) fail('EXDEV');
  for (const { last } of [old, fresh]) {
    if (last === '' || last === '.' || last === '..') fail('EBUSY');
  }
  const source = childOf(world, old.dir, old.last);
  if (source === undefined) return fail('ENOENT');
  const target = childOf(world, fresh.dir, fresh.last);
  const moved = inodeAt(world, source);
  if (!isDir(moved) && (old.slash || fresh.slash)) fail('ENOTDIR');
  if (source.dentry !== target?.dentry && isBelow(world, fresh.dir.dentry, source.dentry)) {
    fail('EINVAL');
  }
  if (target !== undefined && target.dentry !== source.dentry) {
    if (isBelow(world, old.dir.dentry, target.dentry)) fail('ENOTEMPTY');
  }
  const oldDir = inodeAt(world, old.dir);
  const newDir = inodeAt(world, fresh.dir);
  if (task.landlock.length > 0 && oldDir !== newDir) fail('EXDEV');
  if (target !== undefined && inodeNumber(world, target) === inodeNumber(world, source)) return;
  mayDelete(world, task, oldDir, moved);
  if (target === undefined) {
    mayChange(world, task, newDir);
  } else {
    const replaced = inodeAt(world, target);
    mayDelete(world, task, newDir, replaced);
    if (isDir(moved) && !isDir(replaced)) fail('ENOTDIR');
    if (!isDir(moved) && isDir(replaced)) fail('EISDIR');
  }
  if (isDir(moved) && oldDir !== newDir && !mayAccess(world, task, moved, WRITE)) fail('EACCES');
  if (isMountPoint(world, source.dentry)) fail('EBUSY');
  if (target !== undefined && isMountPoint(world, target.dentry)) fail('EBUSY');
  if (target !== undefined && inodeAt(world, target).entries.size > 0) fail('ENOTEMPTY');
  if (target !== undefined) nth(world.dentries, target.dentry).unlinked = true;
  moved.lower = undefined;
  oldDir.entries.delete(old.last);
  newDir.entries.set(fresh.last, source.dentry);
  const dentry = nth(world.dentries, source.dentry);
  dentry.name = fresh.last;
  dentry.parent = fresh.dir.dentry;
}

function chmod(world: World, task: Task, at: Place, mode: number, features: Features): void {
  const inode = inodeAt(world, at);
  const isPidfd = inode.kind === 'pidfd' && features.pidfd !== 'anonymous';
  if (isPidfd) fail(features.pidfd === 'pidfs-eperm' ? 'EPERM' : 'EOPNOTSUPP');
  const isAnonymous = inode.kind === 'anonymous' || inode.kind === 'pidfd';
  if (isAnonymous && !features.anonChmod) fail('EOPNOTSUPP');
  if (nth(world.supers, inode.sb).fs === 'proc') fail('EPERM');
  if (!ownsOrFowner(world, task, inode)) fail('EPERM');
  let bits = mode & 0o7777;
  if (!maySetgid(world, task, inode)) bits &= ~0o2000;
  if (inode.sealExec && ((inode.mode ^ bits) & 0o111) !== 0) fail('EPERM');
  inode.lower = undefined;
  inode.mode = bits;
}

function chown(inode: Inode, uid: number, gid: number): void {
  if (!isDir(inode)) {
    inode.mode &= ~0o4000;
    if ((inode.mode & 0o0010) !== 0) inode.mode &= ~0o2000;
    inode.fcaps = undefined;
  }
  inode.lower = undefined;
  inode.uid = uid;
  inode.gid = gid;
}

function truncate(world: World, name: string, task: Task, path: string, size: number): void {
  if (size < 0) fail('EINVAL');
  const found = lookUp(world, name, task, path);
  const inode = inodeAt(world, found);
  if (isDir(inode)) fail('EISDIR');
  if (inode.kind !== 'file') fail('EINVAL');
  if (!mayAccess(world, task, inode, WRITE)) fail('EACCES');
  getWriteAccess(world, inodeNumber(world, found));
  const bytes = new Uint8Array(size);
  bytes.set(inode.bytes.slice(0, size));
  replaceContent(world, task, inode, bytes);
}
