// SPDX-License-Identifier: MIT
import type { CapabilitySet } from './capability.ts';
import type { FanotifyClass, FanotifyMask } from './operation.ts';
import type {
  Acl,
  BinfmtMiscEntry,
  Content,
  FileCapabilities,
  IdRange,
  ImaPolicy,
  IpePolicy,
  LsmRule,
  MountFlag,
} from './setup.ts';

/** Index into `State.inodes`. */
export type InodeId = number;
/** Index into `State.dentries`. */
export type DentryId = number;
/** Index into `State.mounts`. */
export type MountId = number;
/** Index into `State.superblocks`. */
export type SuperblockId = number;
/** Index into `State.files`. */
export type FileId = number;
/** Index into `State.userNamespaces`. */
export type UsernsId = number;

/**
 * The world: plain data, indexed by number. Nothing is removed from the lists of mounts, dentries
 * and inodes, so an index keeps its meaning; slots of closed files are used again.
 */
export interface State {
  readonly superblocks: readonly Superblock[];
  readonly mounts: readonly Mount[];
  readonly dentries: readonly Dentry[];
  readonly inodes: readonly Inode[];
  /** Open file descriptions (struct file); null where a slot is free. */
  readonly files: readonly (OpenFile | null)[];
  /** Living tasks by name. */
  readonly tasks: Readonly<Record<string, Task>>;
  readonly userNamespaces: readonly UserNamespace[];
  /** Sleeping processes in the initial user namespace: uid to count. */
  readonly sleepers: Readonly<Record<number, number>>;
  /** fs_structs in which an exec or check is under way: id to the number of them. */
  readonly inExec: Readonly<Record<number, number>>;
  readonly nextFs: number;
  readonly memfdNoexec: 0 | 1 | 2;
  readonly protectedSymlinks: boolean;
  /** inotify watches: number to inode. */
  readonly watches: Readonly<Record<number, InodeId>>;
  readonly fanotify: Readonly<Record<number, FanotifyGroup>>;
  readonly lsm: readonly ResolvedLsmRule[];
  readonly ima: ImaPolicy | null;
  readonly ipe: IpePolicy | null;
  readonly audit: boolean;
  readonly binfmtMisc: readonly BinfmtMiscEntry[];
}

export interface Superblock {
  readonly type: 'tmpfs' | 'overlay' | 'proc' | 'memfd' | 'anon' | 'pidfs' | 'pipefs' | 'sockfs';
  /** SB_I_NOEXEC. */
  readonly noexec: boolean;
}

/** A mount (struct mount). */
export interface Mount {
  readonly superblock: SuperblockId;
  /** The dentry that this mount shows as its root. */
  readonly root: DentryId;
  /** Parent mount, or -1: the root of the namespace, a detached or an internal mount. */
  readonly parent: MountId;
  /** The dentry of the parent mount that this one covers. Meaningless without a parent. */
  readonly mountpoint: DentryId;
  /** Mounts on top of this one's dentries: dentry to mount. */
  readonly children: Readonly<Record<DentryId, MountId>>;
  readonly flags: readonly MountFlag[];
  readonly noexec: boolean;
  readonly nosymfollow: boolean;
}

/**
 * A name (struct dentry). Negative dentries do not exist here: a missing name is not in `children`.
 */
export interface Dentry {
  readonly name: string;
  /** Itself for the root of a superblock. */
  readonly parent: DentryId;
  readonly superblock: SuperblockId;
  readonly inode: InodeId;
  /** Directories: name to dentry. Empty for all else. */
  readonly children: Readonly<Record<string, DentryId>>;
}

export type InodeKind = 'file' | 'dir' | 'symlink' | 'fifo' | 'socket' | 'char' | 'block' | 'anon';

/** A file (struct inode). */
export interface Inode {
  readonly kind: InodeKind;
  /** The 07777 bits. */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  /** Its mask is the group bits of `mode`, not the field. */
  readonly acl: Acl | null;
  readonly fcaps: FileCapabilities | null;
  readonly content: Content;
  /** Symbolic links: the target. */
  readonly target: string;
  /** i_writecount: above 0 writers, below 0 deniers. */
  readonly writeCount: number;
  /** F_SEAL_EXEC: the execute bits cannot change. */
  readonly execSealed: boolean;
  /** Whether IMA finds a valid signature. */
  readonly signed: boolean;
  /** Whether IPE trusts the file. */
  readonly trusted: boolean;
  /** Tasks that hold a lease, with the kind. */
  readonly leases: Readonly<Record<string, 'F_RDLCK' | 'F_WRLCK'>>;
  /** procfs: what the lookup does. */
  readonly proc: 'none' | 'self' | 'task-directory' | 'fd-directory' | 'task-file' | 'magic-link';
  /**
   * overlayfs: the file of the lower layer that is opened with this one; -1 once it is copied up.
   */
  readonly lower: InodeId;
}

/** An open file description (struct file). */
export interface OpenFile {
  readonly mount: MountId;
  readonly dentry: DentryId;
  readonly readable: boolean;
  readonly writable: boolean;
  /** O_PATH. */
  readonly path: boolean;
  /** Whether it counts in i_writecount. */
  readonly writer: boolean;
  /** Descriptors and mappings that hold it. */
  readonly references: number;
}

export interface Descriptor {
  readonly file: FileId;
  readonly cloexec: boolean;
}

/** A place in the mount tree (struct path). */
export interface PathRef {
  readonly mount: MountId;
  readonly dentry: DentryId;
}

/** Credentials (struct cred). All ids are kernel-wide ones. */
export interface Credentials {
  readonly ruid: number;
  readonly euid: number;
  readonly suid: number;
  readonly fsuid: number;
  readonly rgid: number;
  readonly egid: number;
  readonly sgid: number;
  readonly fsgid: number;
  readonly groups: readonly number[];
  readonly effective: CapabilitySet;
  readonly permitted: CapabilitySet;
  readonly inheritable: CapabilitySet;
  readonly bounding: CapabilitySet;
  readonly ambient: CapabilitySet;
  readonly securebits: number;
  readonly noNewPrivs: boolean;
  readonly userns: UsernsId;
  /** Landlock domains, outermost first: the inodes below which execution is allowed. */
  readonly landlock: readonly (readonly InodeId[])[];
}

export interface Mapping {
  /** -1 for anonymous memory. */
  readonly file: FileId;
  readonly mayExec: boolean;
  readonly mayWrite: boolean;
}

/** A call that is under way: what `checkBegin` and its like leave for their other half. */
export type CallInProgress =
  | {
      readonly kind: 'check' | 'exec';
      /** The inode that is denied to writers, or -1. */
      readonly denied: InodeId;
      readonly exitCode?: number;
    }
  | {
      readonly kind: 'interpret';
      readonly file: FileId;
      readonly path: string;
      readonly reads: 'descriptor' | 'path';
      readonly allowed: boolean;
      /** Whether the check was issued. */
      readonly checked: boolean;
    };

/** A task (struct task_struct). */
export interface Task {
  readonly name: string;
  readonly credentials: Credentials;
  /** The fs_struct, which tasks made by clone(CLONE_FS) share. */
  readonly fs: number;
  readonly cwd: PathRef;
  readonly fds: Readonly<Record<number, Descriptor>>;
  readonly maps: Readonly<Record<number, Mapping>>;
  /** Soft RLIMIT_STACK, bytes. */
  readonly stackLimit: bigint;
  /** Soft RLIMIT_NPROC, processes. */
  readonly nprocLimit: bigint;
  /** PF_NPROC_EXCEEDED. */
  readonly nprocExceeded: boolean;
  /** get_dumpable(mm) is SUID_DUMP_USER. */
  readonly dumpable: boolean;
  readonly call: CallInProgress | null;
}

export interface UserNamespace {
  /** Itself for the initial one. */
  readonly parent: UsernsId;
  /** The outside ids are kernel-wide. */
  readonly uidMap: readonly IdRange[];
  readonly gidMap: readonly IdRange[];
  /** euid of the creator. */
  readonly owner: number;
  /** RLIMIT_NPROC of the creator, which bounds the processes of all inside. */
  readonly nprocMax: bigint;
}

export interface FanotifyGroup {
  readonly class: FanotifyClass;
  readonly answer: 'FAN_ALLOW' | 'FAN_DENY';
  readonly marks: readonly FanotifyMark[];
}

export interface FanotifyMark {
  readonly scope: 'inode' | 'mount' | 'filesystem';
  /** Inode, mount or superblock, by the scope. */
  readonly object: number;
  readonly mask: readonly FanotifyMask[];
}

/** A rule of the played security module, its path looked up. */
export interface ResolvedLsmRule extends LsmRule {
  /** -1: any file. -2: a path that led nowhere, so no file. */
  readonly inode: InodeId;
}

/* The mounts and superblocks that exist in every world; mount n shows superblock n. */
export const ROOT_MOUNT: MountId = 0;
export const MEMFD_MOUNT: MountId = 1;
export const ANON_MOUNT: MountId = 2;
export const PIDFS_MOUNT: MountId = 3;
export const PIPE_MOUNT: MountId = 4;
export const SOCKET_MOUNT: MountId = 5;
/** The dentry of the anonymous inode that all kinds share; also the root of its superblock. */
export const SHARED_ANON_DENTRY: DentryId = 2;
/** The dentries of the roots of the superblocks that exist in every world are 0 to 5. */
export const FIXED_SUPERBLOCKS: readonly Superblock[] = [
  { type: 'tmpfs', noexec: false },
  { type: 'memfd', noexec: false },
  { type: 'anon', noexec: false },
  { type: 'pidfs', noexec: true },
  { type: 'pipefs', noexec: true },
  { type: 'sockfs', noexec: true },
];
export const INITIAL_USERNS: UsernsId = 0;
