// SPDX-License-Identifier: MIT
import { at, without } from './lists.ts';
import { inodeOf } from './path-walk.ts';
import type { Dentry, DentryId, Inode, Mount, MountId, State, Superblock } from './state.ts';
import type { Content, MountFlag } from './setup.ts';

const EMPTY: Content = { kind: 'empty' };

/** An inode of this kind, empty, without anything unusual. */
export function newInode(kind: Inode['kind'], mode: number, uid: number, gid: number): Inode {
  return {
    kind,
    mode,
    uid,
    gid,
    acl: null,
    fcaps: null,
    content: EMPTY,
    target: '',
    writeCount: 0,
    execSealed: false,
    signed: true,
    trusted: true,
    leases: {},
    proc: 'none',
    lower: -1,
  };
}

/** Adds an inode and a dentry for it that no directory lists. */
export function addUnlisted(
  state: State,
  parent: DentryId,
  name: string,
  inode: Inode,
): [State, DentryId] {
  const superblock = at(state.dentries, parent).superblock;
  const id = state.dentries.length;
  const dentry: Dentry = { name, parent, superblock, inode: state.inodes.length, children: {} };
  return [
    { ...state, inodes: [...state.inodes, inode], dentries: [...state.dentries, dentry] },
    id,
  ];
}

/** Adds a new file to a directory. */
export function addChild(
  state: State,
  parent: DentryId,
  name: string,
  inode: Inode,
): [State, DentryId] {
  const [added, id] = addUnlisted(state, parent, name, inode);
  return [list(added, parent, name, id), id];
}

/** Adds a further name of an inode to a directory. */
export function addLink(state: State, parent: DentryId, name: string, inode: number): State {
  const superblock = at(state.dentries, parent).superblock;
  const dentry: Dentry = { name, parent, superblock, inode, children: {} };
  const added = { ...state, dentries: [...state.dentries, dentry] };
  return list(added, parent, name, state.dentries.length);
}

/** Lets a directory list a dentry under a name. */
export function list(state: State, parent: DentryId, name: string, id: DentryId): State {
  const directory = at(state.dentries, parent);
  // The computed key makes an own property of any name, `__proto__` too.
  const children = { ...directory.children, [name]: id };
  return { ...state, dentries: state.dentries.with(parent, { ...directory, children }) };
}

/** Takes a name out of a directory; the dentry stays for those who hold it. */
export function unlist(state: State, parent: DentryId, name: string): State {
  const directory = at(state.dentries, parent);
  const children = without(directory.children, name);
  return { ...state, dentries: state.dentries.with(parent, { ...directory, children }) };
}

/** Adds a superblock whose root directory has this inode. */
export function addSuperblock(
  state: State,
  superblock: Superblock,
  root: Inode,
): [State, number, DentryId] {
  const id = state.superblocks.length;
  const dentry = state.dentries.length;
  const entry: Dentry = {
    name: '',
    parent: dentry,
    superblock: id,
    inode: state.inodes.length,
    children: {},
  };
  return [
    {
      ...state,
      superblocks: [...state.superblocks, superblock],
      dentries: [...state.dentries, entry],
      inodes: [...state.inodes, root],
    },
    id,
    dentry,
  ];
}

/** Mounts what has this root on a dentry of a mount. */
export function attachMount(
  state: State,
  where: { readonly mount: MountId; readonly dentry: DentryId },
  root: DentryId,
  flags: readonly MountFlag[],
): State {
  const id = state.mounts.length;
  const parent = at(state.mounts, where.mount);
  const mount: Mount = {
    superblock: at(state.dentries, root).superblock,
    root,
    parent: where.mount,
    mountpoint: where.dentry,
    children: {},
    ...withFlags(flags),
  };
  const mounts = [
    ...state.mounts.with(where.mount, {
      ...parent,
      children: { ...parent.children, [where.dentry]: id },
    }),
    mount,
  ];
  return { ...state, mounts };
}

/** The flags of a mount, with those that the walk asks for apart. */
export function withFlags(
  flags: readonly MountFlag[],
): Pick<Mount, 'flags' | 'noexec' | 'nosymfollow'> {
  return { flags, noexec: flags.includes('noexec'), nosymfollow: flags.includes('nosymfollow') };
}

/** Takes a mount and all that is mounted below it out of the tree (MNT_DETACH). */
export function detachMount(state: State, id: MountId): State {
  const mount = at(state.mounts, id);
  let next = state;
  for (const child of Object.values(mount.children)) next = detachMount(next, child);
  const parent = at(next.mounts, mount.parent);
  const mounts = next.mounts
    .with(mount.parent, { ...parent, children: without(parent.children, mount.mountpoint) })
    .with(id, { ...mount, parent: -1, children: {} });
  return { ...next, mounts };
}

/**
 * Makes an overlay of a directory: a superblock of its own with a copy of every file below. Mounts
 * in the directory are not looked into, as overlayfs does not.
 */
export function addOverlay(state: State, lower: DentryId): [State, DentryId] {
  const source = inodeOf(state, lower);
  const [made, , root] = addSuperblock(
    state,
    { type: 'overlay', noexec: false },
    { ...source, writeCount: 0, leases: {} },
  );
  return [copyChildren(made, lower, root), root];
}

function copyChildren(state: State, from: DentryId, to: DentryId): State {
  let next = state;
  for (const [name, child] of Object.entries(at(state.dentries, from).children)) {
    const lower = at(state.dentries, child).inode;
    const inode = { ...at(state.inodes, lower), writeCount: 0, leases: {}, lower };
    const [added, id] = addChild(next, to, name, inode);
    next = copyChildren(added, child, id);
  }
  return next;
}

/**
 * Makes what the model knows of procfs: `self/fd` and `self/status`. Every proc mount shows the
 * same.
 */
export function addProc(state: State): [State, DentryId] {
  const existing = state.superblocks.findIndex(({ type }) => type === 'proc');
  const root = state.dentries.findIndex((dentry) => dentry.superblock === existing);
  if (existing >= 0) return [state, root];

  const directory = newInode('dir', 0o555, 0, 0);
  const [made, , procRoot] = addSuperblock(state, { type: 'proc', noexec: true }, directory);
  // The directory of the task has no name here: `self` leads to it, whoever asks.
  const [withTask, task] = addUnlisted(made, procRoot, 'task', {
    ...directory,
    proc: 'task-directory',
  });
  const [withSelf, self] = addChild(withTask, procRoot, 'self', {
    ...newInode('symlink', 0o777, 0, 0),
    target: 'task',
    proc: 'self',
  });
  const [withStatus] = addChild(withSelf, task, 'status', {
    ...newInode('file', 0o444, 0, 0),
    proc: 'task-file',
  });
  const [withFds, fds] = addChild(withStatus, task, 'fd', {
    ...newInode('dir', 0o500, 0, 0),
    proc: 'fd-directory',
  });
  // One link stands for all of them: which one it is, the looked-up name says.
  const [withLink] = addChild(withFds, fds, 'fd', {
    ...newInode('symlink', 0o777, 0, 0),
    proc: 'magic-link',
  });
  return [list(withLink, self, 'task', task), procRoot];
}
