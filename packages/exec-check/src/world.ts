// SPDX-License-Identifier: MIT
import { ALL_CAPABILITIES } from './capability.ts';
import { RLIM_INFINITY, STACK_LIMIT_DEFAULT } from './constants.ts';
import { putInode, putTask } from './open-files.ts';
import { at } from './lists.ts';
import { inodeOf } from './path-walk.ts';
import { plainTask } from './plain-task.ts';
import {
  INIT,
  type MountSpec,
  type NodeSpec,
  type Path,
  type Setup,
  type TaskSpec,
} from './setup.ts';
import {
  FIXED_SUPERBLOCKS,
  INITIAL_USERNS,
  ROOT_MOUNT,
  type Credentials,
  type Inode,
  type InodeId,
  type PathRef,
  type State,
  type Task,
} from './state.ts';
import {
  addChild,
  addLink,
  addOverlay,
  addProc,
  addSuperblock,
  attachMount,
  newInode,
  withFlags,
} from './tree.ts';
import { INITIAL_USER_NAMESPACE } from './user-namespace.ts';

/** A world and the setup without what could not be built. */
interface Built {
  readonly state: State;
  readonly setup: Setup;
}

/** The world before the first operation. */
export function initial(setup: Setup): State {
  return build(setup).state;
}

/**
 * The setup as it is built: elements that lost what they need are left out (a bind without its
 * source, a node on a name in use or below a file, a second task of a name), capability sets are
 * cut down to ones that the kernel lets a task have, and a user namespace in which an id of its
 * task does not exist is left out. Normalising twice changes nothing more.
 */
export function normaliseSetup(setup: Setup): Setup {
  return build(setup).setup;
}

function build(setup: Setup): Built {
  let state = emptyWorld(setup);
  const keep = <Item>(items: readonly Item[], add: (item: Item) => State | undefined): Item[] =>
    items.filter((item) => {
      const next = add(item);
      if (next !== undefined) state = next;
      return next !== undefined;
    });

  const flags: [number, MountSpec][] = [];
  const mount = (spec: MountSpec): State | undefined => {
    const mounted = addMount(state, spec);
    if (mounted !== undefined) flags.push([state.mounts.length, spec]);
    return mounted;
  };
  const isEarly = ({ kind }: MountSpec): boolean => kind === 'tmpfs' || kind === 'proc';
  const early = new Set(keep(setup.mounts.filter(isEarly), mount));
  const nodes = keep(setup.nodes, (node) => addNode(state, node));
  const late = new Set(
    keep(
      setup.mounts.filter((spec) => !isEarly(spec)),
      mount,
    ),
  );
  const mounts = setup.mounts.filter((spec) => early.has(spec) || late.has(spec));
  for (const [id, spec] of flags) {
    const mounted = at(state.mounts, id);
    state = { ...state, mounts: state.mounts.with(id, { ...mounted, ...withFlags(spec.flags) }) };
  }
  state = markFiles(state, setup);
  const normalised = setup.tasks.map((task) => normaliseTask(state, task));
  const tasks = keep(normalised, (task) => addTask(state, task));
  return { state, setup: { ...setup, mounts, nodes, tasks } };
}

function emptyWorld(setup: Setup): State {
  const directory = newInode('dir', 0o755, 0, 0);
  const anonymous = newInode('anon', 0o600, 0, 0);
  const inodes = FIXED_SUPERBLOCKS.map(({ type }) => (type === 'anon' ? anonymous : directory));
  const init: Task = {
    ...taskOf(initSpec(), 0),
    cwd: { mount: ROOT_MOUNT, dentry: 0 },
  };
  const sleepers: Record<number, number> = {};
  for (const { uid, count } of setup.processes ?? []) sleepers[uid] = (sleepers[uid] ?? 0) + count;
  return {
    superblocks: FIXED_SUPERBLOCKS,
    mounts: FIXED_SUPERBLOCKS.map((_, id) => ({
      superblock: id,
      root: id,
      parent: -1,
      mountpoint: 0,
      children: {},
      ...withFlags([]),
    })),
    dentries: FIXED_SUPERBLOCKS.map((_, id) => ({
      name: '',
      parent: id,
      superblock: id,
      inode: id,
      children: {},
    })),
    inodes,
    files: [],
    tasks: { [INIT]: init },
    userNamespaces: [INITIAL_USER_NAMESPACE],
    sleepers,
    inExec: {},
    nextFs: 1,
    memfdNoexec: setup.sysctls?.memfdNoexec ?? 0,
    protectedSymlinks: setup.sysctls?.protectedSymlinks ?? false,
    watches: {},
    fanotify: {},
    lsm: [],
    ima: setup.ima ?? null,
    ipe: setup.ipe ?? null,
    audit: setup.audit ?? false,
    binfmtMisc: setup.binfmtMisc ?? [],
  };
}

/** Follows names and mounts, but no symbolic links: setups do not need them. */
export function find(state: State, path: Path): PathRef | undefined {
  let place: PathRef = { mount: ROOT_MOUNT, dentry: at(state.mounts, ROOT_MOUNT).root };
  for (const name of names(path)) {
    const { children } = at(state.dentries, place.dentry);
    const child = Object.hasOwn(children, name) ? children[name] : undefined;
    if (child === undefined) return undefined;
    place = covered(state, { mount: place.mount, dentry: child });
  }
  return place;
}

function covered(state: State, place: PathRef): PathRef {
  const mount = at(state.mounts, place.mount).children[place.dentry];
  return mount === undefined
    ? place
    : covered(state, { mount, dentry: at(state.mounts, mount).root });
}

function names(path: Path): string[] {
  return path.split('/').filter((name) => name !== '');
}

/** Makes the directories that lead to a path. Undefined where something else is in the way. */
function makeParents(state: State, path: Path): [State, PathRef, string] | undefined {
  const parts = names(path);
  const last = parts.pop();
  if (last === undefined || parts.some((name) => name === '.' || name === '..')) return undefined;
  let next = state;
  let place: PathRef = { mount: ROOT_MOUNT, dentry: at(state.mounts, ROOT_MOUNT).root };
  for (const name of parts) {
    const { children, superblock } = at(next.dentries, place.dentry);
    if (at(next.superblocks, superblock).type === 'proc') return undefined;
    let child = Object.hasOwn(children, name) ? children[name] : undefined;
    if (child === undefined) {
      [next, child] = addChild(next, place.dentry, name, newInode('dir', 0o755, 0, 0));
    }
    place = covered(next, { mount: place.mount, dentry: child });
    if (inodeOf(next, place.dentry).kind !== 'dir') return undefined;
  }
  if (at(next.superblocks, at(next.dentries, place.dentry).superblock).type === 'proc')
    return undefined;
  return [next, place, last];
}

function addMount(state: State, spec: MountSpec): State | undefined {
  const source = sourceOf(state, spec);
  if (source === undefined) return undefined;
  const [made, root] = source;
  const isDirectory = inodeOf(made, root).kind === 'dir';
  const parents = makeParents(made, spec.at);
  if (parents === undefined) return undefined;
  const [withParents, parent, name] = parents;
  const { children } = at(withParents.dentries, parent.dentry);
  if (!Object.hasOwn(children, name)) {
    const inode = isDirectory ? newInode('dir', 0o755, 0, 0) : newInode('file', 0o644, 0, 0);
    const [withPoint, dentry] = addChild(withParents, parent.dentry, name, inode);
    return attachMount(withPoint, { mount: parent.mount, dentry }, root, []);
  }
  const place = find(withParents, spec.at);
  if (place === undefined) return undefined;
  const { kind } = inodeOf(withParents, place.dentry);
  if ((kind === 'dir') !== isDirectory || kind === 'symlink') return undefined;
  return attachMount(withParents, place, root, []);
}

/** The dentry that a mount will show as its root. */
export function sourceOf(state: State, spec: MountSpec): [State, number] | undefined {
  switch (spec.kind) {
    case 'tmpfs': {
      const root = newInode('dir', 0o755, 0, 0);
      const [made, , dentry] = addSuperblock(state, { type: 'tmpfs', noexec: false }, root);
      return [made, dentry];
    }
    case 'proc':
      return addProc(state);
    case 'bind': {
      const from = find(state, spec.from);
      if (from === undefined || inodeOf(state, from.dentry).kind === 'symlink') return undefined;
      return isProc(state, from) && inodeOf(state, from.dentry).kind !== 'dir'
        ? undefined
        : [state, from.dentry];
    }
    case 'overlay': {
      const lower = find(state, spec.lower);
      if (lower === undefined || inodeOf(state, lower.dentry).kind !== 'dir') return undefined;
      const { type } = at(state.superblocks, at(state.dentries, lower.dentry).superblock);
      return type === 'tmpfs' ? addOverlay(state, lower.dentry) : undefined;
    }
  }
}

function isProc(state: State, place: PathRef): boolean {
  return at(state.superblocks, at(state.dentries, place.dentry).superblock).type === 'proc';
}

function addNode(state: State, node: NodeSpec): State | undefined {
  if (node.kind === 'dir' && find(state, node.path) !== undefined) return setDirectory(state, node);
  const parents = makeParents(state, node.path);
  if (parents === undefined) return undefined;
  const [made, parent, name] = parents;
  if (Object.hasOwn(at(made.dentries, parent.dentry).children, name)) return undefined;
  if (name === '.' || name === '..' || name.length > 255) return undefined;
  if (node.kind === 'link') return addHardLink(made, parent, name, node.target);
  return addChild(made, parent.dentry, name, nodeInode(node))[0];
}

function setDirectory(
  state: State,
  node: Extract<NodeSpec, { readonly kind: 'dir' }>,
): State | undefined {
  const place = find(state, node.path);
  if (place === undefined || isProc(state, place)) return undefined;
  const { inode: id } = at(state.dentries, place.dentry);
  const inode = at(state.inodes, id);
  if (inode.kind !== 'dir') return undefined;
  return putInode(state, id, { ...nodeInode(node), leases: inode.leases });
}

function addHardLink(state: State, parent: PathRef, name: string, target: Path): State | undefined {
  const source = find(state, target);
  if (source === undefined || source.mount !== parent.mount) return undefined;
  if (inodeOf(state, source.dentry).kind === 'dir') return undefined;
  return addLink(state, parent.dentry, name, at(state.dentries, source.dentry).inode);
}

/** The inode of a node; an ACL's mask becomes the group bits of the mode. */
function nodeInode(node: Exclude<NodeSpec, { readonly kind: 'link' }>): Inode {
  if (node.kind === 'symlink') return { ...newInode('symlink', 0o777, 0, 0), target: node.target };
  const inode = newInode(node.kind, node.mode, node.uid, node.gid);
  if (node.kind !== 'file' && node.kind !== 'dir') return inode;
  const withAcl =
    node.acl === undefined
      ? inode
      : { ...inode, acl: node.acl, mode: (inode.mode & ~0o070) | (node.acl.mask << 3) };
  if (node.kind === 'dir') return withAcl;
  return { ...withAcl, content: node.content, fcaps: node.fcaps ?? null };
}

/** Looks up what the played modules name. */
function markFiles(state: State, setup: Setup): State {
  let next = state;
  const inodeAt = (path: Path): InodeId => {
    const place = find(state, path);
    return place === undefined ? -2 : at(state.dentries, place.dentry).inode;
  };
  for (const path of setup.ima?.unsigned ?? []) {
    const id = inodeAt(path);
    if (id >= 0) next = putInode(next, id, { ...at(next.inodes, id), signed: false });
  }
  for (const path of setup.ipe?.untrusted ?? []) {
    const id = inodeAt(path);
    if (id >= 0) next = putInode(next, id, { ...at(next.inodes, id), trusted: false });
  }
  const lsm = (setup.lsm ?? []).map((rule) => ({
    ...rule,
    inode: rule.path === undefined ? -1 : inodeAt(rule.path),
  }));
  return { ...next, lsm };
}

function initSpec(): TaskSpec {
  const all = ALL_CAPABILITIES;
  const caps = { effective: all, permitted: all, inheritable: 0n, bounding: all, ambient: 0n };
  return plainTask(INIT, 0, { caps });
}

function normaliseTask(state: State, spec: TaskSpec): TaskSpec {
  const bounding = spec.caps.bounding & ALL_CAPABILITIES;
  const permitted = spec.caps.permitted & ALL_CAPABILITIES;
  const inheritable = spec.caps.inheritable & bounding;
  const caps = {
    effective: spec.caps.effective & permitted,
    permitted,
    inheritable,
    bounding,
    ambient: spec.caps.ambient & permitted & inheritable,
  };
  const { userns, landlock, ...others } = spec;
  const cwd = find(state, spec.cwd);
  const isDirectory = cwd !== undefined && inodeOf(state, cwd.dentry).kind === 'dir';
  const rest = {
    ...others,
    cwd: isDirectory ? spec.cwd : '/',
    ...(landlock === undefined
      ? {}
      : { landlock: landlock.map((paths) => paths.filter((path) => isReal(state, path))) }),
  };
  const uids = [spec.ruid, spec.euid, spec.suid, spec.fsuid];
  const gids = [spec.rgid, spec.egid, spec.sgid, spec.fsgid, ...spec.groups];
  const mapped =
    userns !== undefined &&
    uids.every((uid) => covers(userns.uidMap, uid)) &&
    gids.every((gid) => covers(userns.gidMap, gid));
  return mapped ? { ...rest, caps, userns } : { ...rest, caps };
}

/** Whether a path leads somewhere without a symbolic link. */
function isReal(state: State, path: Path): boolean {
  const place = find(state, path);
  return place !== undefined && inodeOf(state, place.dentry).kind !== 'symlink';
}

function covers(
  map: readonly { readonly outside: number; readonly count: number }[],
  id: number,
): boolean {
  return map.some(({ outside, count }) => id >= outside && id < outside + count);
}

function addTask(state: State, spec: TaskSpec): State | undefined {
  if (state.tasks[spec.name] !== undefined) return undefined;
  const cwd = find(state, spec.cwd);
  if (cwd === undefined) return undefined;
  const task: Task = { ...taskOf(spec, state.nextFs), cwd };
  const landlock = (spec.landlock ?? []).map((paths) =>
    paths.flatMap((path) => {
      const place = find(state, path);
      return place === undefined ? [] : [at(state.dentries, place.dentry).inode];
    }),
  );
  const next = { ...state, nextFs: state.nextFs + 1 };
  if (spec.userns === undefined) {
    return putTask(next, { ...task, credentials: { ...task.credentials, landlock } });
  }
  const userns = state.userNamespaces.length;
  const nprocMax = INITIAL_USER_NAMESPACE.nprocMax;
  const namespace = { parent: INITIAL_USERNS, ...spec.userns, owner: spec.euid, nprocMax };
  return putTask(
    { ...next, userNamespaces: [...state.userNamespaces, namespace] },
    { ...task, credentials: { ...task.credentials, landlock, userns } },
  );
}

/** A task with these credentials and limits, in the root directory, with nothing open. */
function taskOf(spec: TaskSpec, fs: number): Task {
  const credentials: Credentials = {
    ruid: spec.ruid,
    euid: spec.euid,
    suid: spec.suid,
    fsuid: spec.fsuid,
    rgid: spec.rgid,
    egid: spec.egid,
    sgid: spec.sgid,
    fsgid: spec.fsgid,
    groups: spec.groups,
    ...spec.caps,
    securebits: spec.securebits,
    noNewPrivs: spec.noNewPrivs,
    userns: INITIAL_USERNS,
    landlock: [],
  };
  return {
    name: spec.name,
    credentials,
    fs,
    cwd: { mount: ROOT_MOUNT, dentry: 0 },
    fds: {},
    maps: {},
    stackLimit: spec.stackLimit ?? STACK_LIMIT_DEFAULT,
    nprocLimit: spec.nprocLimit ?? RLIM_INFINITY,
    nprocExceeded: false,
    dumpable: true,
    call: null,
  };
}
