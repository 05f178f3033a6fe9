// SPDX-License-Identifier: MIT
import type { Errno } from '@kernel-models/model-core';
import type { CapabilitySet } from './capability.ts';

/**
 * The world before the first operation.
 *
 * It is built in this order, in a fresh mount namespace whose root is an empty tmpfs (mode 0755,
 * owned by root, no flags), under umask 0:
 *
 * 1. the tmpfs and proc mounts, in order, without their flags;
 * 2. the nodes, in order;
 * 3. the bind and overlay mounts, in order;
 * 4. the flags of every mount, by a bind remount;
 * 5. sysctls, sleeping processes, tasks in order.
 *
 * Missing parent directories are made (0755, root). Shrinking removes list elements, so an element
 * that has lost what it needs is dropped: see `normaliseSetup`, which every reader of a setup
 * applies first.
 */
export interface Setup {
  readonly mounts: readonly MountSpec[];
  readonly nodes: readonly NodeSpec[];
  /**
   * Tasks beside `init`, which always exists. Names are unique; a later one of the same name is
   * dropped.
   */
  readonly tasks: readonly TaskSpec[];
  /** Sleeping processes that count towards RLIMIT_NPROC and do nothing else. Absent: none. */
  readonly processes?: readonly ProcessSpec[];
  readonly sysctls?: SysctlSpec;
  /** Decisions of a security module that the model plays. No target can be told them. */
  readonly lsm?: readonly LsmRule[];
  /** The integrity subsystem that the model plays. No target can be told it. */
  readonly ima?: ImaPolicy;
  /** The integrity policy enforcement module that the model plays. No target can be told it. */
  readonly ipe?: IpePolicy;
  /** Whether outcomes carry audit records, as with a rule that matches every call. Absent: no. */
  readonly audit?: boolean;
  /** Registered formats, newest first. No target can be told them. */
  readonly binfmtMisc?: readonly BinfmtMiscEntry[];
}

/**
 * An absolute or relative path: ASCII without NUL. In a {@link Setup} absolute, without `.`, `..`,
 * doubled or trailing slashes.
 */
export type Path = string;

/** Per-mount flags, mount(2). */
export type MountFlag = 'noexec' | 'nosuid' | 'nodev' | 'nosymfollow';

export const MOUNT_FLAGS: readonly MountFlag[] = ['noexec', 'nosuid', 'nodev', 'nosymfollow'];

/**
 * One mount. The mount point is made where it is missing: a directory, or an empty 0644 file where
 * a bind's source is not a directory. A mount on `/` or on an existing node of another kind is
 * dropped.
 */
export type MountSpec =
  /** An own, empty tmpfs: root directory 0755, root. */
  | { readonly kind: 'tmpfs'; readonly at: Path; readonly flags: readonly MountFlag[] }
  /** The directory or file at `from`, seen through a second mount (MS_BIND, not recursive). */
  | {
      readonly kind: 'bind';
      readonly from: Path;
      readonly at: Path;
      readonly flags: readonly MountFlag[];
    }
  /**
   * overlayfs over the directory `lower`, with an upper and a work directory that nothing else
   * sees, options `index=off,metacopy=off,xino=off`. `lower` must not change while the overlay is
   * there: overlayfs leaves that undefined, and the model keeps a copy as of the mount.
   */
  | {
      readonly kind: 'overlay';
      readonly lower: Path;
      readonly at: Path;
      readonly flags: readonly MountFlag[];
    }
  /**
   * procfs. The model knows `self/fd/N` and `self/status`, a regular 0444 file, of it.
   * Its superblock is noexec whatever the flags.
   */
  | { readonly kind: 'proc'; readonly at: Path; readonly flags: readonly MountFlag[] };

/** Mode bits 07777, owner and group: what every node but a symbolic or hard link has. */
export interface Ownership {
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
}

/** A file of the first moment. Mode, owner, ACL and capabilities are set after the content. */
export type NodeSpec =
  | ({
      readonly kind: 'file';
      readonly path: Path;
      readonly content: Content;
      readonly acl?: Acl;
      readonly fcaps?: FileCapabilities;
    } & Ownership)
  /**
   * A directory; on one that exists (a mount's root, an implied parent) mode, owner and ACL are
   * set.
   */
  | ({ readonly kind: 'dir'; readonly path: Path; readonly acl?: Acl } & Ownership)
  /**
   * A symbolic link; it belongs to root and is 0777. The target is taken as it is, 1 to 4095 bytes.
   */
  | { readonly kind: 'symlink'; readonly path: Path; readonly target: string }
  | ({ readonly kind: 'fifo'; readonly path: Path } & Ownership)
  | ({ readonly kind: 'socket'; readonly path: Path } & Ownership)
  /** A character device, always 1:3 (null). */
  | ({ readonly kind: 'char'; readonly path: Path } & Ownership)
  /** A block device, always 240:99: no driver has it, so opening it is ENXIO. */
  | ({ readonly kind: 'block'; readonly path: Path } & Ownership)
  /** A further name of a node that is there and is not a directory, on the same mount. */
  | { readonly kind: 'link'; readonly path: Path; readonly target: Path };

/** Access bits of one ACL entry: 4 read, 2 write, 1 execute. */
export type AclPermission = number;

/**
 * A POSIX access ACL with a mask. The owner's and the others' entries are in the mode; the group
 * bits of the mode become the mask.
 */
export interface Acl {
  /** Named users; uids are distinct. */
  readonly users: readonly { readonly uid: number; readonly perm: AclPermission }[];
  /** Named groups; gids are distinct. */
  readonly groups: readonly { readonly gid: number; readonly perm: AclPermission }[];
  /** The entry of the owning group. */
  readonly groupObj: AclPermission;
  readonly mask: AclPermission;
}

/** The extended attribute security.capability, version 2. */
export interface FileCapabilities {
  readonly permitted: CapabilitySet;
  readonly inheritable: CapabilitySet;
  /** The one effective bit. */
  readonly effective: boolean;
}

/**
 * What is in a regular file. `contentBytes` gives the bytes, the same for the model and a target.
 */
export type Content =
  | ElfContent
  /**
   * `#!`, `line`, and a newline unless `newline` is false. `line` is ASCII and may hold anything
   * else.
   */
  | { readonly kind: 'script'; readonly line: string; readonly newline?: boolean }
  /** Any bytes, in base64. */
  | { readonly kind: 'bytes'; readonly base64: string }
  | { readonly kind: 'empty' };

/** A complete x86-64 program of a few hundred bytes which uses no memory but its stack. */
export interface ElfContent {
  readonly kind: 'elf';
  /**
   * `exit` exits with `exitCode`. `hash` exits with `argvHash` of its arguments, seeded with
   * `exitCode`, so that the exit status tells which arguments it was given.
   */
  readonly program: 'exit' | 'hash';
  /** 0 to 255. */
  readonly exitCode: number;
  /** PT_INTERP. Absent: none. ASCII, up to 4096 bytes; a NUL is put behind it. */
  readonly interp?: string;
  /**
   * Program headers in the file, at least those needed; the others are PT_NULL. Absent: those
   * needed.
   */
  readonly programHeaders?: number;
  /** What is wrong or unusual with the file, each at most once. Absent: nothing. */
  readonly variations?: readonly ElfVariation[];
}

/** One way in which an ELF file differs from the ordinary small ET_DYN program. */
export type ElfVariation =
  /** The first byte is not 0x7f. */
  | 'badMagic'
  /** EI_CLASS says 32 bits. The 64-bit handler does not look. */
  | 'class32'
  /** EI_DATA says big-endian. The handler does not look. */
  | 'bigEndian'
  /** EI_VERSION and e_version are 0. The handler does not look. */
  | 'badVersion'
  /** e_type ET_EXEC, loaded at 0x400000. */
  | 'typeExec'
  /** e_type ET_REL. */
  | 'typeRel'
  /** e_machine EM_AARCH64. */
  | 'otherMachine'
  /** e_phentsize 32. */
  | 'phentsize32'
  /** e_phnum 0. */
  | 'noProgramHeaders'
  /** e_phoff beyond the end of the file. */
  | 'phoffBeyondEof'
  /** The PT_LOAD is a PT_NULL: nothing is mapped, the start dies. */
  | 'noLoad'
  /** The PT_LOAD is also writable. */
  | 'writableLoad'
  /** The byte behind the interpreter's name is `x`, not NUL. */
  | 'interpWithoutNul'
  /** PT_INTERP has p_filesz 1. */
  | 'interpOneByte'
  /** PT_INTERP has p_filesz 4097. */
  | 'interpTooLong'
  /** PT_INTERP lies beyond the end of the file. */
  | 'interpBeyondEof'
  /** The file ends after 63 bytes. */
  | 'truncatedHeader';

export const ELF_VARIATIONS: readonly ElfVariation[] = [
  'badMagic',
  'class32',
  'bigEndian',
  'badVersion',
  'typeExec',
  'typeRel',
  'otherMachine',
  'phentsize32',
  'noProgramHeaders',
  'phoffBeyondEof',
  'noLoad',
  'writableLoad',
  'interpWithoutNul',
  'interpOneByte',
  'interpTooLong',
  'interpBeyondEof',
  'truncatedHeader',
];

/** The name of the task that builds the world: uid 0, every capability, securebits 0, cwd `/`. */
export const INIT = 'init';

/**
 * One single-threaded process. Every id is one of the initial user namespace.
 *
 * A target makes it from `init` in this order: fork, chdir, groups, gids, uids (under
 * SECBIT_NO_SETUID_FIXUP | SECBIT_KEEP_CAPS, so that nothing is lost), stack limit, user namespace
 * with its maps written by `init`, bounding set, inheritable, ambient, no_new_privs, securebits,
 * capset, PR_SET_DUMPABLE 1, RLIMIT_NPROC last, Landlock after that. It has no open files but the
 * target's own, which are at 64 and above.
 */
export interface TaskSpec {
  /** 1 to 15 letters, digits, `-`. */
  readonly name: string;
  readonly ruid: number;
  readonly euid: number;
  readonly suid: number;
  readonly fsuid: number;
  readonly rgid: number;
  readonly egid: number;
  readonly sgid: number;
  readonly fsgid: number;
  /** Supplementary groups. */
  readonly groups: readonly number[];
  readonly caps: TaskCapabilities;
  /**
   * The whole word. Bits that the kernel under test does not know make the setup impossible there.
   */
  readonly securebits: number;
  readonly noNewPrivs: boolean;
  /** Soft RLIMIT_STACK, bytes; the hard limit stays infinite. Absent: 8 MiB. */
  readonly stackLimit?: bigint;
  /** Soft RLIMIT_NPROC, processes; the hard limit stays infinite. Absent: infinite. */
  readonly nprocLimit?: bigint;
  /** Absolute. Where it is not a directory: `/`. */
  readonly cwd: Path;
  /** Absent: the initial one. */
  readonly userns?: UsernsSpec;
  /**
   * One list a domain, outermost first; each list the files and hierarchies that may be executed.
   * Paths that lead nowhere, or through a symbolic link, are dropped.
   */
  readonly landlock?: readonly (readonly Path[])[];
}

/**
 * The capability sets of a task, in its own user namespace. Normalised so that the kernel could
 * have them.
 */
export interface TaskCapabilities {
  /** A subset of permitted. */
  readonly effective: CapabilitySet;
  readonly permitted: CapabilitySet;
  /** A subset of bounding. */
  readonly inheritable: CapabilitySet;
  readonly bounding: CapabilitySet;
  /** A subset of permitted and inheritable. */
  readonly ambient: CapabilitySet;
}

/**
 * A user namespace made by a task of the initial one. The ids of the maps' outside are the initial
 * one's.
 */
export interface UsernsSpec {
  readonly uidMap: readonly IdRange[];
  readonly gidMap: readonly IdRange[];
}

/** A line of uid_map or gid_map. */
export interface IdRange {
  readonly inside: number;
  readonly outside: number;
  readonly count: number;
}

/** Sleeping processes with this real uid in the initial user namespace. */
export interface ProcessSpec {
  readonly uid: number;
  /** 1 to 16. */
  readonly count: number;
}

export interface SysctlSpec {
  /** vm.memfd_noexec of the pid namespace. Absent: 0. Kernels before 6.3 do not have it. */
  readonly memfdNoexec?: 0 | 1 | 2;
  /** fs.protected_symlinks, which is the whole machine's. Absent: false. */
  readonly protectedSymlinks?: boolean;
}

/** Where a security module may refuse. */
export type LsmHook =
  | 'inodePermission'
  | 'fileOpen'
  | 'filePostOpen'
  | 'bprmCredsForExec'
  | 'bprmCheck'
  | 'bprmCredsFromFile'
  | 'usernsCreate';

export const LSM_HOOKS: readonly LsmHook[] = [
  'inodePermission',
  'fileOpen',
  'filePostOpen',
  'bprmCredsForExec',
  'bprmCheck',
  'bprmCredsFromFile',
  'usernsCreate',
];

/** Refuses at a hook where every given condition holds. */
export interface LsmRule {
  readonly hook: LsmHook;
  /** Only this file, as the path leads to it in the first state. Absent: any. */
  readonly path?: Path;
  /** Only this task. Absent: any. */
  readonly task?: string;
  /** Only checks, or only real execs; for the three bprm hooks. Absent: both. */
  readonly isCheck?: boolean;
  readonly errno: Errno;
}

/** An appraisal policy of the integrity measurement architecture. */
export interface ImaPolicy {
  /** `log` writes the audit record and goes on; `enforce` also refuses with EACCES. */
  readonly mode: 'log' | 'enforce';
  /** The functions with an appraise rule. */
  readonly functions: readonly ('BPRM_CHECK' | 'FILE_CHECK')[];
  /**
   * Files without a valid signature, as paths of the first state. A file that is written loses its
   * own.
   */
  readonly unsigned: readonly Path[];
}

/** A policy of the integrity policy enforcement module for the operation EXECUTE. */
export interface IpePolicy {
  /** `log` writes the audit record and goes on; `enforce` also refuses with EACCES. */
  readonly mode: 'log' | 'enforce';
  /** Files that the policy does not trust, as paths of the first state. */
  readonly untrusted: readonly Path[];
}

/** One registered format. Mirrors a line of /proc/sys/fs/binfmt_misc/register. */
export interface BinfmtMiscEntry {
  readonly name: string;
  /**
   * What the file must begin with at `offset`, or the extension behind the last dot of its name.
   */
  readonly match:
    | { readonly kind: 'magic'; readonly offset: number; readonly base64: string }
    | { readonly kind: 'extension'; readonly extension: string };
  /** Path of the interpreter. */
  readonly interpreter: Path;
  /** `F`: the interpreter was opened at registration and is not looked up again. */
  readonly flags: readonly ('P' | 'O' | 'C' | 'F')[];
}
