// SPDX-License-Identifier: MIT
import { MAY_EXEC, MAY_READ, MAY_WRITE } from './constants.ts';
import type { Context } from './context.ts';
import { listenerDenies } from './fanotify.ts';
import { at } from './lists.ts';
import type { OpenFlag } from './operation.ts';
import { inodeOf, walkPath, type Located } from './path-walk.ts';
import { mayAccess } from './permission.ts';
import { isRefusal, refusal, type Refusal } from './refusal.ts';
import type { Inode, OpenFile } from './state.ts';
import { TEXT_BUSY_DENIERS } from './write-access.ts';

const MUST_BE_DIRECTORY = refusal('ENOTDIR', 'open.must-be-directory');
const IS_SYMLINK = refusal('ELOOP', 'open.is-symlink');
const IS_DIRECTORY = refusal('EISDIR', 'open.is-directory');
const NODEV = refusal('EACCES', 'open.nodev');
const DENIED = refusal('EACCES', 'open.permission');
const LISTENER_DENIES = refusal('EPERM', 'fanotify.open-permission');
const NO_DRIVER = refusal('ENXIO', 'open.no-driver');
const TMPFILE_READ_ONLY = refusal('EINVAL', 'open.tmpfile-read-only');
const TMPFILE_IMMUTABLE = refusal('EPERM', 'open.tmpfile-immutable');
const TMPFILE_UNSUPPORTED = refusal('EOPNOTSUPP', 'open.tmpfile-unsupported');
const DIRECTORY_DENIED = refusal('EACCES', 'file.directory-permission');

/** What an open file will be, before it has a number. */
export type Opened = Omit<OpenFile, 'references'>;

/**
 * open(2) of what exists, with O_NONBLOCK. Mirrors do_open() and do_dentry_open(), fs/namei.c and
 * fs/open.c, Linux 6.12. Truncation is left to the caller.
 */
export function openFile(
  context: Context,
  path: string,
  flags: readonly OpenFlag[],
): Opened | Refusal {
  const located = walkPath(context, path, !flags.includes('O_NOFOLLOW'));
  if (isRefusal(located)) return located;
  const inode = inodeOf(context.state, located.dentry);
  const wantsDirectory = located.directory || flags.includes('O_DIRECTORY');
  if (wantsDirectory && inode.kind !== 'dir') return MUST_BE_DIRECTORY;
  const { mount, dentry } = located;
  if (flags.includes('O_PATH')) {
    return { mount, dentry, readable: false, writable: false, path: true, writer: false };
  }
  return openLocated(context, located, inode, flags);
}

function openLocated(
  context: Context,
  located: Located,
  inode: Inode,
  flags: readonly OpenFlag[],
): Opened | Refusal {
  const readWrite = flags.includes('O_RDWR');
  const writable = readWrite || flags.includes('O_WRONLY');
  const readable = readWrite || !writable;
  const mask = (readable ? MAY_READ : 0) | (writable || flags.includes('O_TRUNC') ? MAY_WRITE : 0);

  const refused = mayOpen(context, located, inode, mask);
  if (refused !== undefined) return refused;
  if (writable && inode.writeCount < 0) return TEXT_BUSY_DENIERS;
  if (listenerDenies(context, located, ['FAN_OPEN_PERM'])) return LISTENER_DENIES;
  const nobodyThere = inode.kind === 'fifo' && writable && !readable;
  if (nobodyThere || hasNoOpen(inode)) return NO_DRIVER;
  // Truncating takes write access for a moment, whatever the access mode.
  const truncates = flags.includes('O_TRUNC') && inode.kind === 'file';
  if (truncates && inode.writeCount < 0) return TEXT_BUSY_DENIERS;
  const writer = writable && inode.kind !== 'dir';
  return {
    mount: located.mount,
    dentry: located.dentry,
    readable,
    writable,
    path: false,
    writer,
  };
}

/** Sockets, the block device of setups and anonymous inodes have no open. */
function hasNoOpen({ kind }: Inode): boolean {
  return kind === 'socket' || kind === 'block' || kind === 'anon';
}

/** Mirrors may_open(), fs/namei.c. */
function mayOpen(
  context: Context,
  located: Located,
  inode: Inode,
  mask: number,
): Refusal | undefined {
  if (inode.kind === 'symlink') return IS_SYMLINK;
  if (inode.kind === 'dir' && (mask & MAY_WRITE) !== 0) return IS_DIRECTORY;
  const isDevice = inode.kind === 'char' || inode.kind === 'block';
  if (isDevice && at(context.state.mounts, located.mount).flags.includes('nodev')) return NODEV;
  return mayAccess(context, inode, mask) ? undefined : DENIED;
}

/** open(O_WRONLY|O_TRUNC): what `write` does. */
export function openForWriting(context: Context, path: string): Opened | Refusal {
  return openFile(context, path, ['O_WRONLY', 'O_TRUNC']);
}

/**
 * The directory in which O_TMPFILE makes a file without a name. Mirrors do_tmpfile(), fs/namei.c.
 */
export function tmpfileDirectory(
  context: Context,
  path: string,
  flags: readonly OpenFlag[],
): Located | Refusal {
  const writable = flags.includes('O_WRONLY') || flags.includes('O_RDWR');
  if (!writable) return TMPFILE_READ_ONLY;
  const located = walkPath(context, path, !flags.includes('O_NOFOLLOW'));
  if (isRefusal(located)) return located;
  const inode = inodeOf(context.state, located.dentry);
  if (inode.kind !== 'dir') return MUST_BE_DIRECTORY;
  if (inode.proc === 'task-directory') return TMPFILE_IMMUTABLE;
  if (!mayAccess(context, inode, MAY_WRITE | MAY_EXEC)) return DIRECTORY_DENIED;
  const { superblock } = at(context.state.dentries, located.dentry);
  const { type } = at(context.state.superblocks, superblock);
  return type === 'proc' ? TMPFILE_UNSUPPORTED : located;
}
