// SPDX-License-Identifier: MIT
import { AT_FDCWD, MAXSYMLINKS, NAME_MAX, PATH_MAX } from '@kernel-models/exec-check';
import type { PathArgument } from '@kernel-models/exec-check';
import { lsmRefuses } from './lsm.ts';
import { EXEC, mayAccess } from './permission.ts';
import {
  addInode,
  addRoot,
  fail,
  inodeAt,
  inodeNumber,
  nth,
  type Inode,
  type Place,
  type Task,
  type World,
} from './world.ts';

/** Who walks, and what one walk has met so far. */
interface Walk {
  readonly world: World;
  readonly name: string;
  readonly task: Task;
  followLast: boolean;
  mustBeDir: boolean;
  links: number;
}

/** Where a walk ended. */
export interface Found extends Place {
  /** A trailing slash asks for a directory. */
  readonly mustBeDir: boolean;
}

/** Copies a path from user space; `empty` lets an empty one pass. */
export function copyPath(path: PathArgument, empty: boolean): string {
  if (path.kind !== 'text') return fail('EFAULT');
  if (path.text.length >= PATH_MAX) return fail('ENAMETOOLONG');
  if (path.text === '' && !empty) return fail('ENOENT');
  return path.text;
}

/** The object that a path leads to. An empty path is the start itself. */
export function walk(
  world: World,
  name: string,
  task: Task,
  dirfd: number,
  path: string,
  followLast: boolean,
): Found {
  const state: Walk = { world, name, task, followLast, mustBeDir: false, links: 0 };
  const place = walkNames(state, startOf(state, dirfd, path), path, true);
  return { ...place, mustBeDir: state.mustBeDir };
}

/**
 * The directory in which the last name of a path stands, and that name; '' where there is none.
 * The last name itself is not looked up.
 */
export function walkParent(
  world: World,
  name: string,
  task: Task,
  path: string,
): { readonly dir: Place; readonly last: string; readonly slash: boolean } {
  if (path === '') fail('ENOENT');
  if (path.length >= PATH_MAX) fail('ENAMETOOLONG');
  const names = path.split('/').filter((part) => part !== '');
  const last = names.pop() ?? '';
  const state: Walk = { world, name, task, followLast: true, mustBeDir: false, links: 0 };
  const start = path.startsWith('/') ? rootPlace() : task.cwd;
  const dir = walkNames(state, start, names.join('/'), false);
  if (last !== '') {
    if (!isDir(inodeAt(world, dir))) fail('ENOTDIR');
    search(state, dir);
  }
  return { dir, last, slash: path.endsWith('/') };
}

/** The root of every task. */
function rootPlace(): Place {
  return { mount: 0, dentry: 0 };
}

function startOf(state: Walk, dirfd: number, path: string): Place {
  if (path.startsWith('/')) return rootPlace();
  if (dirfd === AT_FDCWD) return state.task.cwd;
  const descriptor = state.task.fds.get(dirfd);
  if (descriptor === undefined) return fail('EBADF');
  const { mount, dentry } = nth(state.world.files, descriptor.file);
  return { mount, dentry };
}

/** `trailing`: the last name of `path` is the last one of the whole walk. */
function walkNames(state: Walk, start: Place, path: string, trailing: boolean): Place {
  const names = path.split('/').filter((part) => part !== '');
  let at = start;
  names.forEach((name, index) => {
    const isLast = trailing && index === names.length - 1;
    if (!isDir(inodeAt(state.world, at))) fail('ENOTDIR');
    search(state, at);
    if (name === '.') return;
    if (name === '..') {
      at = parentOf(state.world, at);
      return;
    }
    if (isLast && path.endsWith('/')) {
      state.followLast = true;
      state.mustBeDir = true;
    }
    const child = crossMounts(state.world, { mount: at.mount, dentry: lookUp(state, at, name) });
    const isLink = inodeAt(state.world, child).kind === 'symlink';
    at = isLink && (!isLast || state.followLast) ? follow(state, at, child, name, isLast) : child;
  });
  return at;
}

function isDir(inode: Inode): boolean {
  return inode.kind === 'dir' || inode.kind === 'procFd';
}

function search(state: Walk, at: Place): void {
  const inode = inodeAt(state.world, at);
  if (!mayAccess(state.world, state.task, inode, EXEC)) fail('EACCES');
  lsmRefuses(state.world, 'inodePermission', state.name, inodeNumber(state.world, at), undefined);
}

function lookUp(state: Walk, at: Place, name: string): number {
  if (name.length > NAME_MAX) fail('ENAMETOOLONG');
  const inode = inodeAt(state.world, at);
  if (inode.kind === 'procFd') return magicLink(state, name);
  const child = inode.entries.get(name);
  if (child === undefined) return fail('ENOENT');
  return child;
}

/** A name in /proc/self/fd: a symbolic link whose inode is made for this one look. */
function magicLink(state: Walk, name: string): number {
  const file = descriptorNamed(state, name);
  if (file === undefined) return fail('ENOENT');
  const { read, write } = nth(state.world.files, file);
  const mode = (read ? 0o500 : 0) | (write ? 0o300 : 0);
  const { euid, egid } = state.task;
  const sb = state.world.supers.findIndex((each) => each.fs === 'proc');
  const link = { kind: 'symlink', mode, uid: euid, gid: egid } as const;
  return addRoot(state.world, addInode(state.world, sb, link));
}

function descriptorNamed(state: Walk, name: string): number | undefined {
  return /^(0|[1-9][0-9]*)$/.test(name) ? state.task.fds.get(Number(name))?.file : undefined;
}

/** Goes where the symbolic link `link`, a name in `dir`, points. */
function follow(state: Walk, dir: Place, link: Place, name: string, isLast: boolean): Place {
  if (state.links >= MAXSYMLINKS) fail('ELOOP');
  state.links += 1;
  const { world, task } = state;
  const inode = inodeAt(world, link);
  if (isLast && world.protectedSymlinks) {
    const parent = inodeAt(world, dir);
    const shared = (parent.mode & 0o1002) === 0o1002;
    if (shared && task.fsuid !== inode.uid && parent.uid !== inode.uid) fail('EACCES');
  }
  if (nth(world.mounts, link.mount).flags.has('nosymfollow')) fail('ELOOP');
  if (inodeAt(world, dir).kind === 'procFd') {
    const file = descriptorNamed(state, name);
    if (file === undefined) return fail('ENOENT');
    const { mount, dentry } = nth(world.files, file);
    return { mount, dentry };
  }
  const start = inode.target.startsWith('/') ? rootPlace() : dir;
  return walkNames(state, start, inode.target, isLast);
}

/** Goes down into whatever is mounted here. */
function crossMounts(world: World, place: Place): Place {
  const mount = world.mounts.findIndex(
    ({ at }) => at !== undefined && at.mount === place.mount && at.dentry === place.dentry,
  );
  if (mount === -1) return place;
  return crossMounts(world, { mount, dentry: nth(world.mounts, mount).root });
}

function parentOf(world: World, place: Place): Place {
  if (place.mount === 0 && place.dentry === nth(world.mounts, 0).root) return place;
  const { root, at } = nth(world.mounts, place.mount);
  if (place.dentry === root) return at === undefined ? place : parentOf(world, at);
  const parent = { mount: place.mount, dentry: nth(world.dentries, place.dentry).parent };
  if (!isBelow(world, parent.dentry, root)) fail('ENOENT');
  return crossMounts(world, parent);
}

/** Whether a dentry is `top` or has it among its parents. */
export function isBelow(world: World, dentry: number, top: number): boolean {
  if (dentry === top) return true;
  const { parent } = nth(world.dentries, dentry);
  return parent !== dentry && isBelow(world, parent, top);
}
