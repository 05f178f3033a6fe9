// SPDX-License-Identifier: MIT
import type { Errno } from '@kernel-models/model-core';
import type {
  BinfmtMiscEntry,
  CapabilitySet,
  FanotifyClass,
  FanotifyMask,
  FileCapabilities,
  IdRange,
  ImaPolicy,
  IpePolicy,
  LsmRule,
  MountFlag,
  Outcome,
} from '@kernel-models/exec-check';

/*
 * The world of the reference: mutable maps, looked through from end to end whenever something is
 * asked. Nothing is cached and nothing is counted along the way.
 */

export type FileKind =
  | 'file'
  | 'dir'
  | 'symlink'
  | 'fifo'
  | 'socket'
  | 'char'
  | 'block'
  /** The one inode behind eventfd, timerfd, signalfd, epoll and inotify. */
  | 'anonymous'
  | 'pidfd'
  /** The directory /proc/self/fd: its names are the descriptors of whoever looks. */
  | 'procFd';

export interface Inode {
  readonly kind: FileKind;
  readonly sb: number;
  mode: number;
  uid: number;
  gid: number;
  acl: RefAcl | undefined;
  fcaps: FileCapabilities | undefined;
  bytes: Uint8Array;
  /** A symbolic link's text. */
  readonly target: string;
  /** A directory's names, each leading to a dentry. */
  readonly entries: Map<string, number>;
  /** F_SEAL_EXEC. */
  readonly sealExec: boolean;
  imaUnsigned: boolean;
  ipeUntrusted: boolean;
  /** The file that overlayfs shows here, until it is copied up. */
  lower: number | undefined;
  /** Paths of the rules of the played module that mean this file. */
  readonly lsmPaths: Set<string>;
}

/** The mask is in the group bits of the mode. */
export interface RefAcl {
  readonly users: readonly { readonly uid: number; readonly perm: number }[];
  readonly groups: readonly { readonly gid: number; readonly perm: number }[];
  readonly groupObj: number;
}

/** A name in a directory. A root is its own parent. It keeps its parent after it was unlinked. */
export interface Dentry {
  name: string;
  parent: number;
  readonly inode: number;
  unlinked: boolean;
}

export interface Super {
  readonly fs: 'tmpfs' | 'proc' | 'overlay' | 'internal';
  readonly noexec: boolean;
}

export interface Mount {
  readonly sb: number;
  readonly root: number;
  readonly flags: Set<MountFlag>;
  /** Where it hangs. Absent at the root, of internal mounts and after a detach. */
  at: Place | undefined;
}

/** What a path leads to. */
export interface Place {
  readonly mount: number;
  readonly dentry: number;
}

/** An open file description. It lives as long as a descriptor or a mapping refers to it. */
export interface OpenFile extends Place {
  readonly read: boolean;
  readonly write: boolean;
  /** O_PATH. */
  readonly path: boolean;
  /**
   * Whether its opening counted the file's writers up: false for the first descriptor of a memfd.
   */
  readonly counts: boolean;
}

export interface Descriptor {
  readonly file: number;
  readonly cloexec: boolean;
}

export interface Mapping {
  /** Absent: anonymous memory. */
  readonly file: number | undefined;
  readonly mayWrite: boolean;
  readonly mayExec: boolean;
}

export interface Userns {
  readonly parent: number | undefined;
  readonly uidMap: readonly IdRange[];
  readonly gidMap: readonly IdRange[];
  /** Who made it; an id of the initial namespace. */
  readonly owner: number;
  /** Most processes of the owner in the parent that count against tasks of this namespace. */
  readonly nprocMax: bigint;
}

export interface Credentials {
  ruid: number;
  euid: number;
  suid: number;
  fsuid: number;
  rgid: number;
  egid: number;
  sgid: number;
  fsgid: number;
  groups: readonly number[];
  effective: CapabilitySet;
  permitted: CapabilitySet;
  inheritable: CapabilitySet;
  bounding: CapabilitySet;
  ambient: CapabilitySet;
  securebits: number;
  noNewPrivs: boolean;
  userns: number;
  landlock: readonly Domain[];
}

/** One Landlock layer. */
export interface Domain {
  readonly id: number;
  readonly allowed: readonly number[];
}

/** What a task is in the middle of. */
export type Call =
  | { readonly kind: 'check'; readonly denies: number | undefined; readonly outcome: Outcome }
  | { readonly kind: 'exec'; readonly denies: number; readonly outcome: Outcome }
  | {
      readonly kind: 'interpret';
      readonly file: number;
      readonly path: string | undefined;
      readonly outcome: Extract<Outcome, { kind: 'decided' }>;
    };

export interface Task extends Credentials {
  alive: boolean;
  cwd: Place;
  readonly fds: Map<number, Descriptor>;
  readonly maps: Map<number, Mapping>;
  stackLimit: bigint;
  nprocLimit: bigint;
  nprocExceeded: boolean;
  dumpable: boolean;
  /** Tasks with the same number share an fs_struct. */
  readonly fs: number;
  call: Call | undefined;
}

export interface Watch {
  readonly inode: number;
}

export interface FanotifyGroup {
  readonly class: FanotifyClass;
  readonly answer: 'FAN_ALLOW' | 'FAN_DENY';
  readonly marks: {
    readonly scope: 'inode' | 'mount' | 'filesystem';
    readonly target: number;
    readonly mask: readonly FanotifyMask[];
  }[];
}

export interface Lease {
  readonly task: string;
  readonly file: number;
  readonly inode: number;
  readonly type: 'F_RDLCK' | 'F_WRLCK';
}

export interface World {
  readonly inodes: Inode[];
  readonly dentries: Dentry[];
  readonly supers: Super[];
  readonly mounts: Mount[];
  readonly files: OpenFile[];
  readonly namespaces: Userns[];
  readonly tasks: Map<string, Task>;
  readonly sleepers: { readonly uid: number; readonly count: number }[];
  readonly watches: Map<number, Watch>;
  readonly groups: Map<number, FanotifyGroup>;
  readonly leases: Lease[];
  readonly lsm: LsmRule[];
  readonly binfmtMisc: (BinfmtMiscEntry & { readonly opened: Place | undefined })[];
  readonly ima: ImaPolicy | undefined;
  readonly ipe: IpePolicy | undefined;
  memfdNoexec: 0 | 1 | 2;
  protectedSymlinks: boolean;
  /** The dentry of the shared anonymous inode, once somebody has made one. */
  anonymous: Place | undefined;
  /** What the running operation has shown to inotify. */
  seen: { readonly inode: number; readonly event: 'IN_OPEN' | 'IN_ACCESS' | 'IN_CLOSE_NOWRITE' }[];
  serial: number;
}

/**
 * An errno on its way out of a call. What was changed before it stays changed. It is no Error:
 * nobody looks at its stack, and taking one costs a tenth of a run.
 */
export class Failure {
  readonly errno: Errno;

  constructor(errno: Errno) {
    this.errno = errno;
  }
}

export function fail(errno: Errno): never {
  throw new Failure(errno);
}

/** The element with this number; a missing one is a mistake of the reference. */
export function nth<T>(list: readonly T[], index: number): T {
  const item = list[index];
  if (item === undefined) throw new Error(`reference: expected an element ${index}, got none`);
  return item;
}

export function inodeAt(world: World, place: Place): Inode {
  return nth(world.inodes, inodeNumber(world, place));
}

export function inodeNumber(world: World, place: Place): number {
  return nth(world.dentries, place.dentry).inode;
}

export function taskOf(world: World, name: string): Task {
  const task = world.tasks.get(name);
  if (task === undefined) throw new Error(`reference: expected a task ${name}, got none`);
  return task;
}

/** What inotify is told of a file; overlayfs opens, reads and closes the lower one with it. */
export function tell(world: World, inode: number, event: World['seen'][number]['event']): void {
  world.seen.push({ inode, event });
  const { lower } = nth(world.inodes, inode);
  if (lower !== undefined) world.seen.push({ inode: lower, event });
}

export interface NewInode {
  readonly kind: FileKind;
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly bytes?: Uint8Array;
  readonly target?: string;
  readonly sealExec?: boolean;
}

export function addInode(world: World, sb: number, fresh: NewInode): number {
  world.inodes.push({
    kind: fresh.kind,
    sb,
    mode: fresh.mode,
    uid: fresh.uid,
    gid: fresh.gid,
    acl: undefined,
    fcaps: undefined,
    bytes: fresh.bytes ?? new Uint8Array(0),
    target: fresh.target ?? '',
    entries: new Map(),
    sealExec: fresh.sealExec ?? false,
    imaUnsigned: false,
    ipeUntrusted: false,
    lower: undefined,
    lsmPaths: new Set(),
  });
  return world.inodes.length - 1;
}

/** A dentry that is its own parent. */
export function addRoot(world: World, inode: number): number {
  const dentry = world.dentries.length;
  world.dentries.push({ name: '', parent: dentry, inode, unlinked: false });
  return dentry;
}

/** A dentry below `parent`; in the directory too, unless it was never linked. */
export function addDentry(
  world: World,
  parent: number,
  name: string,
  inode: number,
  unlinked = false,
): number {
  const dentry = world.dentries.length;
  world.dentries.push({ name, parent, inode, unlinked });
  if (!unlinked) nth(world.inodes, nth(world.dentries, parent).inode).entries.set(name, dentry);
  return dentry;
}

/** A file that no path leads to, on a mount of its own. */
export function addDetached(world: World, noexec: boolean, fresh: NewInode): Place {
  const sb = world.supers.push({ fs: 'internal', noexec }) - 1;
  const dentry = addRoot(world, addInode(world, sb, fresh));
  const mount = world.mounts.push({ sb, root: dentry, flags: new Set(), at: undefined }) - 1;
  return { mount, dentry };
}

/** A copy that shares nothing that is ever changed. */
export function cloneWorld(world: World): World {
  return {
    ...world,
    inodes: world.inodes.map((inode) => ({
      ...inode,
      entries: new Map(inode.entries),
      lsmPaths: new Set(inode.lsmPaths),
    })),
    dentries: world.dentries.map((dentry) => ({ ...dentry })),
    supers: [...world.supers],
    mounts: world.mounts.map((mount) => ({ ...mount, flags: new Set(mount.flags) })),
    files: [...world.files],
    namespaces: [...world.namespaces],
    tasks: new Map([...world.tasks].map(([name, task]) => [name, cloneTask(task)])),
    watches: new Map(world.watches),
    groups: new Map(
      [...world.groups].map(([number, group]) => [number, { ...group, marks: [...group.marks] }]),
    ),
    leases: [...world.leases],
    lsm: [...world.lsm],
    seen: [...world.seen],
  };
}

function cloneTask(task: Task): Task {
  return { ...task, fds: new Map(task.fds), maps: new Map(task.maps) };
}
