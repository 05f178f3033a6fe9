// SPDX-License-Identifier: MIT
import { AT_FDCWD, MAXSYMLINKS, MAY_EXEC, NAME_MAX, PATH_MAX, S_ISVTX } from './constants.ts';
import type { Context } from './context.ts';
import { at } from './lists.ts';
import { mayAccess } from './permission.ts';
import { isRefusal, refusal, type Refusal } from './refusal.ts';
import { ROOT_MOUNT } from './state.ts';
import type { Dentry, DentryId, Inode, PathRef, State } from './state.ts';

const BAD_DIRFD = refusal('EBADF', 'walk.bad-dirfd');
const DIRFD_NOT_A_DIRECTORY = refusal('ENOTDIR', 'walk.dirfd-not-a-directory');
const SEARCH_DENIED = refusal('EACCES', 'walk.search-permission');
const NOT_A_DIRECTORY = refusal('ENOTDIR', 'walk.not-a-directory');
const NAME_TOO_LONG = refusal('ENAMETOOLONG', 'walk.name-too-long');
const MISSING = refusal('ENOENT', 'walk.missing');
const EMPTY_PATH = refusal('ENOENT', 'walk.empty-path');
const PATH_TOO_LONG = refusal('ENAMETOOLONG', 'walk.path-too-long');
const TOO_MANY_LINKS = refusal('ELOOP', 'walk.too-many-links');
const NOSYMFOLLOW = refusal('ELOOP', 'walk.nosymfollow');
const PROTECTED_LINK = refusal('EACCES', 'walk.protected-symlink');
const DISCONNECTED = refusal('ENOENT', 'walk.disconnected-parent');

/** Where a path leads. */
export interface Located extends PathRef {
  /** Whether the path said that it must be a directory: a slash stood behind the last name. */
  readonly directory: boolean;
}

/** Where the last name of a path stands, or would stand. */
export interface LocatedName extends PathRef {
  /** The last name; empty where the path has none (`/`, `..` and the like). */
  readonly name: string;
  readonly slash: boolean;
}

const SLASH = 0x2f;

/**
 * Walks a path to the object that it names.
 *
 * Mirrors path_openat() without the open: path_init(), link_path_walk(), open_last_lookups() and
 * step_into(), fs/namei.c, Linux 6.18.
 *
 * @param dirfd where a relative path begins: AT_FDCWD or a descriptor
 * @param path may be empty: then the object is what `dirfd` refers to
 * @param follow whether a symbolic link in the last place is followed; a slash behind it makes it
 * so
 */
export function walk(
  context: Context,
  dirfd: number,
  path: string,
  follow: boolean,
): Located | Refusal {
  const walker = startWalk(context, dirfd, path);
  if (isRefusal(walker)) return walker;
  walker.follow = follow;
  while (walker.position < walker.rest.length) {
    const refused = component(walker, false);
    if (refused !== undefined) return refused;
  }
  return { mount: walker.mount, dentry: walker.dentry, directory: walker.directory };
}

/**
 * Walks a path to the directory in which its last name stands. Mirrors filename_parentat(),
 * fs/namei.c.
 */
export function walkToParent(context: Context, path: string): LocatedName | Refusal {
  const refused = userPath(path);
  if (refused !== undefined) return refused;
  const walker = startWalk(context, AT_FDCWD, path);
  if (isRefusal(walker)) return walker;
  while (walker.position < walker.rest.length && walker.lastName === undefined) {
    const failed = component(walker, true);
    if (failed !== undefined) return failed;
  }
  const { mount, dentry, lastName = '', directory } = walker;
  return { mount, dentry, name: lastName, slash: directory };
}

/** A path as most calls take it: not empty, at most 4095 bytes. Mirrors getname(), fs/namei.c. */
function userPath(path: string): Refusal | undefined {
  if (path === '') return EMPTY_PATH;
  return path.length >= PATH_MAX ? PATH_TOO_LONG : undefined;
}

/** Walks a path of the caller from its working directory. Mirrors user_path_at(), fs/namei.c. */
export function walkPath(context: Context, path: string, follow: boolean): Located | Refusal {
  return userPath(path) ?? walk(context, AT_FDCWD, path, follow);
}

/** A walk under way (struct nameidata); private to one call. */
interface Walker {
  readonly context: Context;
  mount: number;
  dentry: DentryId;
  /** What is still to be walked: `rest` from `position` on. */
  rest: string;
  position: number;
  follow: boolean;
  directory: boolean;
  links: number;
  lastName: string | undefined;
}

/** Where the walk begins. Mirrors path_init(), fs/namei.c. */
function startWalk(context: Context, dirfd: number, path: string): Walker | Refusal {
  const { state, task } = context;
  let mount = ROOT_MOUNT;
  let dentry = at(state.mounts, ROOT_MOUNT).root;
  if (path.charCodeAt(0) !== SLASH) {
    if (dirfd === AT_FDCWD) {
      ({ mount, dentry } = task.cwd);
    } else {
      const descriptor = task.fds[dirfd];
      const file = descriptor === undefined ? null : at(state.files, descriptor.file);
      if (file === null) return BAD_DIRFD;
      ({ mount, dentry } = file);
      if (path !== '' && inodeOf(state, dentry).kind !== 'dir') return DIRFD_NOT_A_DIRECTORY;
    }
  }
  return {
    context,
    mount,
    dentry,
    rest: path,
    position: skipSlashes(path, 0),
    follow: false,
    directory: false,
    links: 0,
    lastName: undefined,
  };
}

/** One name of the path: search permission first, then the look-up. Mirrors link_path_walk(). */
function component(walker: Walker, stopAtLast: boolean): Refusal | undefined {
  const { context, rest, position } = walker;
  if (!mayAccess(context, inodeOf(context.state, walker.dentry), MAY_EXEC)) return SEARCH_DENIED;
  const slash = rest.indexOf('/', position);
  const end = slash < 0 ? rest.length : slash;
  const next = slash < 0 ? end : skipSlashes(rest, slash);
  const last = next === rest.length;
  if (last && next > end) {
    walker.follow = true;
    walker.directory = true;
  }
  const name = rest.slice(position, end);
  walker.position = next;

  if (name === '..') {
    const refused = climb(walker);
    if (refused !== undefined) return refused;
  } else if (name !== '.') {
    if (last && stopAtLast) {
      walker.lastName = name;
      return undefined;
    }
    const refused = stepInto(walker, name, last);
    if (refused !== undefined) return refused;
  }
  if (walker.position < walker.rest.length) {
    if (inodeOf(context.state, walker.dentry).kind !== 'dir') return NOT_A_DIRECTORY;
  }
  return undefined;
}

/** Looks a name up, crosses into what is mounted there, follows a link. Mirrors step_into(). */
function stepInto(walker: Walker, name: string, last: boolean): Refusal | undefined {
  const { state, task } = walker.context;
  if (name.length > NAME_MAX) return NAME_TOO_LONG;
  const parent = at(state.dentries, walker.dentry);
  const child = lookup(walker.context, parent, name);
  if (child === undefined) return MISSING;
  const inode = inodeOf(state, child);
  if (inode.kind === 'symlink' && (!last || walker.follow)) {
    const refused = mayFollow(walker, inode, last);
    if (refused !== undefined) return refused;
    if (inode.proc === 'magic-link') {
      const descriptor = task.fds[Number(name)];
      const file = descriptor === undefined ? null : at(state.files, descriptor.file);
      if (file === null) return MISSING;
      walker.mount = file.mount;
      walker.dentry = file.dentry;
      return undefined;
    }
    if (inode.proc === 'self') {
      // A relative link to the task's own directory, which has no name that the model knows.
      walker.dentry = at(state.dentries, child).children['task'] ?? child;
      return undefined;
    }
    followLink(walker, inode.target);
    return undefined;
  }
  walker.dentry = child;
  crossMounts(walker);
  return undefined;
}

/**
 * Whether a symbolic link may be followed here. Mirrors pick_link() and may_follow_link(),
 * fs/namei.c.
 */
function mayFollow(walker: Walker, link: Inode, last: boolean): Refusal | undefined {
  const { state, task } = walker.context;
  if (walker.links >= MAXSYMLINKS) return TOO_MANY_LINKS;
  walker.links += 1;
  if (last && state.protectedSymlinks && link.uid !== task.credentials.fsuid) {
    const directory = inodeOf(state, walker.dentry);
    const shared = (directory.mode & S_ISVTX) !== 0 && (directory.mode & 0o002) !== 0;
    if (shared && directory.uid !== link.uid) return PROTECTED_LINK;
  }
  // The link lives on the mount through which its directory was reached.
  if (at(state.mounts, walker.mount).nosymfollow) return NOSYMFOLLOW;
  return undefined;
}

function followLink(walker: Walker, target: string): void {
  const remaining = walker.rest.slice(walker.position);
  walker.rest = remaining === '' ? target : `${target}/${remaining}`;
  walker.position = skipSlashes(walker.rest, 0);
  if (target.charCodeAt(0) === SLASH) {
    walker.mount = ROOT_MOUNT;
    walker.dentry = at(walker.context.state.mounts, ROOT_MOUNT).root;
  }
}

/**
 * `..`: stays at the root, leaves a mount by its mount point. Mirrors follow_dotdot(), fs/namei.c.
 */
function climb(walker: Walker): Refusal | undefined {
  const { state } = walker.context;
  for (;;) {
    const mount = at(state.mounts, walker.mount);
    if (walker.dentry !== mount.root) {
      const { parent } = at(state.dentries, walker.dentry);
      if (!isBelow(state, parent, mount.root)) return DISCONNECTED;
      walker.dentry = parent;
      break;
    }
    if (walker.mount === ROOT_MOUNT || mount.parent < 0) break;
    walker.mount = mount.parent;
    walker.dentry = mount.mountpoint;
  }
  crossMounts(walker);
  return undefined;
}

/** Goes to the root of what is mounted here. Mirrors traverse_mounts(), fs/namei.c. */
function crossMounts(walker: Walker): void {
  const { mounts } = walker.context.state;
  for (;;) {
    const covering = at(mounts, walker.mount).children[walker.dentry];
    if (covering === undefined) return;
    walker.mount = covering;
    walker.dentry = at(mounts, covering).root;
  }
}

/** The entry of a directory, or undefined. procfs makes the entries of its fd directory up. */
export function lookup(
  { state, task }: Context,
  parent: Dentry,
  name: string,
): DentryId | undefined {
  if (at(state.inodes, parent.inode).proc === 'fd-directory') {
    const open = /^(?:0|[1-9]\d*)$/.test(name) && task.fds[Number(name)] !== undefined;
    return open ? parent.children['fd'] : undefined;
  }
  return Object.hasOwn(parent.children, name) ? parent.children[name] : undefined;
}

/** Whether a dentry is `ancestor` or stands below it. Mirrors is_subdir(), fs/dcache.c. */
export function isBelow(state: State, dentry: DentryId, ancestor: DentryId): boolean {
  for (let id = dentry; ;) {
    if (id === ancestor) return true;
    const { parent } = at(state.dentries, id);
    if (parent === id) return false;
    id = parent;
  }
}

/** The inode of a dentry. */
export function inodeOf(state: State, dentry: DentryId): Inode {
  return at(state.inodes, at(state.dentries, dentry).inode);
}

function skipSlashes(path: string, position: number): number {
  let next = position;
  while (path.charCodeAt(next) === SLASH) next += 1;
  return next;
}
