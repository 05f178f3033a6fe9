// SPDX-License-Identifier: MIT
import {
  ALL_CAPABILITIES,
  AT_FDCWD,
  contentBytes,
  INIT,
  NO_CAPABILITIES,
  RLIM_INFINITY,
  STACK_LIMIT_DEFAULT,
  type Acl,
  type MountSpec,
  type NodeSpec,
  type Setup,
  type TaskSpec,
  type UsernsSpec,
} from '@kernel-models/exec-check';
import { walk } from './walk.ts';
import {
  addDentry,
  addInode,
  addRoot,
  Failure,
  inodeAt,
  inodeNumber,
  nth,
  taskOf,
  type Inode,
  type Place,
  type Task,
  type World,
} from './world.ts';

const EVERY_ID: UsernsSpec = {
  uidMap: [{ inside: 0, outside: 0, count: 0xffff_ffff }],
  gidMap: [{ inside: 0, outside: 0, count: 0xffff_ffff }],
};

const ROOT_DIR = { kind: 'dir', mode: 0o755, uid: 0, gid: 0 } as const;

/** Builds the first state of a setup from which nothing need be dropped. */
export function build(setup: Setup): World {
  const world: World = {
    inodes: [],
    dentries: [],
    supers: [],
    mounts: [],
    files: [],
    namespaces: [{ parent: undefined, ...EVERY_ID, owner: 0, nprocMax: RLIM_INFINITY }],
    tasks: new Map(),
    sleepers: (setup.processes ?? []).map(({ uid, count }) => ({ uid, count })),
    watches: new Map(),
    groups: new Map(),
    leases: [],
    lsm: [],
    binfmtMisc: [],
    ima: setup.ima,
    ipe: setup.ipe,
    memfdNoexec: setup.sysctls?.memfdNoexec ?? 0,
    protectedSymlinks: setup.sysctls?.protectedSymlinks ?? false,
    anonymous: undefined,
    seen: [],
    serial: 0,
  };
  addTree(world, 'tmpfs');
  world.mounts.push({ sb: 0, root: 0, flags: new Set(), at: undefined });
  world.tasks.set(INIT, newTask(world, initSpec()));

  const first = setup.mounts.filter(({ kind }) => kind === 'tmpfs' || kind === 'proc');
  const later = setup.mounts.filter(({ kind }) => kind === 'bind' || kind === 'overlay');
  const made: { readonly mount: number; readonly spec: MountSpec }[] = [];
  for (const spec of first) made.push({ mount: mountAt(world, spec, true), spec });
  for (const node of setup.nodes) addNode(world, node);
  for (const spec of later) made.push({ mount: mountAt(world, spec, true), spec });
  for (const { mount, spec } of made) {
    for (const flag of spec.flags) nth(world.mounts, mount).flags.add(flag);
  }
  for (const rule of setup.lsm ?? []) {
    world.lsm.push(rule);
    if (rule.path !== undefined) found(world, rule.path)?.lsmPaths.add(rule.path);
  }
  for (const path of setup.ima?.unsigned ?? []) mark(found(world, path), 'imaUnsigned');
  for (const path of setup.ipe?.untrusted ?? []) mark(found(world, path), 'ipeUntrusted');
  const misc = (setup.binfmtMisc ?? []).map((entry) => ({
    ...entry,
    opened: entry.flags.includes('F') ? placeOf(world, entry.interpreter) : undefined,
  }));
  world.binfmtMisc.push(...misc);
  for (const spec of setup.tasks) world.tasks.set(spec.name, newTask(world, spec));
  return world;
}

function mark(inode: Inode | undefined, field: 'imaUnsigned' | 'ipeUntrusted'): void {
  if (inode !== undefined) inode[field] = true;
}

function found(world: World, path: string): Inode | undefined {
  const place = placeOf(world, path);
  return place === undefined ? undefined : inodeAt(world, place);
}

/** Where a path of the setup leads, links followed. */
function placeOf(world: World, path: string): Place | undefined {
  try {
    const { mount, dentry } = walk(world, INIT, taskOf(world, INIT), AT_FDCWD, path, true);
    return { mount, dentry };
  } catch (failure) {
    if (failure instanceof Failure) return undefined;
    throw failure;
  }
}

/** A new, empty file system; its root dentry. */
function addTree(world: World, fs: 'tmpfs' | 'overlay'): number {
  const sb = world.supers.push({ fs, noexec: false }) - 1;
  return addRoot(world, addInode(world, sb, ROOT_DIR));
}

function addProc(world: World): number {
  const sb = world.supers.push({ fs: 'proc', noexec: true }) - 1;
  const dir = { kind: 'dir', mode: 0o555, uid: 0, gid: 0 } as const;
  const root = addRoot(world, addInode(world, sb, dir));
  const link = { kind: 'symlink', mode: 0o777, uid: 0, gid: 0, target: '1' } as const;
  addDentry(world, root, 'self', addInode(world, sb, link));
  const own = addDentry(world, root, '1', addInode(world, sb, dir));
  addDentry(world, own, 'fd', addInode(world, sb, { ...dir, kind: 'procFd', mode: 0o500 }));
  const status = { kind: 'file', mode: 0o444, uid: 0, gid: 0 } as const;
  addDentry(world, own, 'status', addInode(world, sb, status));
  return root;
}

/** Mounts without the flags; `making` makes the mount point where it is missing. The new mount. */
export function mountAt(world: World, spec: MountSpec, making: boolean): number {
  const source = spec.kind === 'bind' ? placeOf(world, spec.from) : undefined;
  if (spec.kind === 'bind' && source === undefined) throw new Failure('ENOENT');
  const isFile = source !== undefined && inodeAt(world, source).kind !== 'dir';
  const at = making ? makePoint(world, spec.at, isFile) : placeOf(world, spec.at);
  if (at === undefined) throw new Failure('ENOENT');
  if (spec.kind === 'bind' && source !== undefined) {
    const { sb } = nth(world.mounts, source.mount);
    return world.mounts.push({ sb, root: source.dentry, flags: new Set(), at }) - 1;
  }
  const root = newRoot(world, spec);
  const { sb } = inodeAt(world, { mount: 0, dentry: root });
  return world.mounts.push({ sb, root, flags: new Set(), at }) - 1;
}

function newRoot(world: World, spec: MountSpec): number {
  if (spec.kind === 'proc') return addProc(world);
  const root = addTree(world, spec.kind === 'overlay' ? 'overlay' : 'tmpfs');
  if (spec.kind === 'overlay') {
    const lower = placeOf(world, spec.lower);
    if (lower === undefined) throw new Failure('ENOENT');
    copyTree(world, lower.dentry, root);
  }
  return root;
}

/** Copies what is below `from`, and the directory's own attributes, name by name. */
function copyTree(world: World, from: number, to: number): void {
  const source = nth(world.inodes, nth(world.dentries, from).inode);
  const target = nth(world.inodes, nth(world.dentries, to).inode);
  target.mode = source.mode;
  target.uid = source.uid;
  target.gid = source.gid;
  target.acl = source.acl;
  target.fcaps = source.fcaps;
  for (const [name, dentry] of source.entries) {
    const {
      kind,
      mode,
      uid,
      gid,
      bytes,
      target: text,
    } = nth(world.inodes, nth(world.dentries, dentry).inode);
    const inode = addInode(world, target.sb, { kind, mode, uid, gid, bytes, target: text });
    nth(world.inodes, inode).lower = nth(world.dentries, dentry).inode;
    copyTree(world, dentry, addDentry(world, to, name, inode));
  }
}

function makePoint(world: World, path: string, isFile: boolean): Place {
  const there = placeOf(world, path);
  if (there !== undefined) return there;
  const { dir, name } = parentFor(world, path);
  const sb = inodeAt(world, dir).sb;
  const kind = isFile ? 'file' : 'dir';
  const mode = isFile ? 0o644 : 0o755;
  const inode = addInode(world, sb, { kind, mode, uid: 0, gid: 0 });
  return { mount: dir.mount, dentry: addDentry(world, dir.dentry, name, inode) };
}

/** The directory of a path of the setup, made where it is missing. */
function parentFor(world: World, path: string): { readonly dir: Place; readonly name: string } {
  const names = path.split('/').filter((part) => part !== '');
  const name = names.pop();
  if (name === undefined) throw new Error(`setup: expected a path below /, got ${path}`);
  return { dir: makePoint(world, `/${names.join('/')}`, false), name };
}

function addNode(world: World, node: NodeSpec): void {
  if (node.kind === 'dir') {
    const there = placeOf(world, node.path) ?? makePoint(world, node.path, false);
    own(inodeAt(world, there), node);
    return;
  }
  const { dir, name } = parentFor(world, node.path);
  const sb = inodeAt(world, dir).sb;
  if (node.kind === 'link') {
    const target = walk(world, INIT, taskOf(world, INIT), AT_FDCWD, node.target, false);
    addDentry(world, dir.dentry, name, inodeNumber(world, target));
    return;
  }
  if (node.kind === 'symlink') {
    const link = { kind: 'symlink', mode: 0o777, uid: 0, gid: 0, target: node.target } as const;
    addDentry(world, dir.dentry, name, addInode(world, sb, link));
    return;
  }
  const { kind, mode, uid, gid } = node;
  const bytes = node.kind === 'file' ? contentBytes(node.content) : new Uint8Array(0);
  const number = addInode(world, sb, { kind, mode, uid, gid, bytes });
  addDentry(world, dir.dentry, name, number);
  if (node.kind === 'file') own(nth(world.inodes, number), node);
}

function own(inode: Inode, node: Extract<NodeSpec, { kind: 'file' | 'dir' }>): void {
  inode.mode = node.mode;
  inode.uid = node.uid;
  inode.gid = node.gid;
  if (node.acl !== undefined) setAcl(inode, node.acl);
  if (node.kind === 'file') inode.fcaps = node.fcaps;
}

/** The mask goes into the group bits of the mode. */
export function setAcl(inode: Inode, acl: Acl): void {
  inode.acl = { users: acl.users, groups: acl.groups, groupObj: acl.groupObj };
  inode.mode = (inode.mode & ~0o070) | (acl.mask << 3);
}

function initSpec(): TaskSpec {
  const all = ALL_CAPABILITIES;
  return {
    name: INIT,
    ...{ ruid: 0, euid: 0, suid: 0, fsuid: 0, rgid: 0, egid: 0, sgid: 0, fsgid: 0, groups: [] },
    caps: {
      effective: all,
      permitted: all,
      inheritable: NO_CAPABILITIES,
      bounding: all,
      ambient: NO_CAPABILITIES,
    },
    securebits: 0,
    noNewPrivs: false,
    cwd: '/',
  };
}

function newTask(world: World, spec: TaskSpec): Task {
  const { ruid, euid, suid, fsuid, rgid, egid, sgid, fsgid, groups, caps, securebits } = spec;
  const userns =
    spec.userns === undefined
      ? 0
      : world.namespaces.push({
          parent: 0,
          ...spec.userns,
          owner: euid,
          nprocMax: RLIM_INFINITY,
        }) - 1;
  const cwd = spec.cwd === '/' ? undefined : placeOf(world, spec.cwd);
  const isDir = cwd !== undefined && inodeAt(world, cwd).kind === 'dir';
  world.serial += 1;
  const landlock = (spec.landlock ?? []).map((paths) => {
    world.serial += 1;
    const places = paths.flatMap((path) => placeOf(world, path) ?? []);
    return { id: world.serial, allowed: places.map((place) => inodeNumber(world, place)) };
  });
  return {
    ...{ ruid, euid, suid, fsuid, rgid, egid, sgid, fsgid, groups, ...caps, securebits },
    noNewPrivs: spec.noNewPrivs,
    userns,
    landlock,
    alive: true,
    cwd: isDir ? { mount: cwd.mount, dentry: cwd.dentry } : { mount: 0, dentry: 0 },
    fds: new Map(),
    maps: new Map(),
    stackLimit: spec.stackLimit ?? STACK_LIMIT_DEFAULT,
    nprocLimit: spec.nprocLimit ?? RLIM_INFINITY,
    nprocExceeded: false,
    dumpable: true,
    fs: world.serial,
    call: undefined,
  };
}
