// SPDX-License-Identifier: MIT
import type { CapabilitySet } from './capability.ts';
import type {
  Acl,
  Content,
  FileCapabilities,
  LsmRule,
  MountFlag,
  MountSpec,
  Path,
  UsernsSpec,
} from './setup.ts';

/**
 * A descriptor number that an operation names: 0 to 63. An operation that makes one installs it
 * there as dup2(2) would, closing what was there; so a sequence stays meaningful when others are
 * removed. Numbers from 64 to 1023 belong to the target and are in no operation.
 */
export type Fd = number;

/** A slot for a memory mapping that an operation names: 0 to 15. Mapping again first unmaps. */
export type MapSlot = number;

/** What a call is given as a path: text, NULL, or an address where nothing is mapped. */
export type PathArgument =
  | { readonly kind: 'text'; readonly text: Path }
  | { readonly kind: 'null' }
  | { readonly kind: 'bad' };

/** argv or envp. */
export type StringArray =
  /** The pointer is NULL, which the kernel takes for an empty array. */
  | { readonly kind: 'null' }
  /** The pointer leads to nothing. */
  | { readonly kind: 'bad' }
  /** Strings, NULL-terminated. May be empty. */
  | { readonly kind: 'list'; readonly strings: readonly ArgumentString[] };

/** One or several elements of argv or envp. */
export type ArgumentString =
  /** ASCII without NUL. */
  | { readonly kind: 'text'; readonly text: string }
  /** `count` strings of `size` times `a`; `size` is without the NUL, from 0; `count` from 1. */
  | { readonly kind: 'fill'; readonly size: number; readonly count: number }
  /** One pointer that leads to nothing. */
  | { readonly kind: 'bad' };

/** The arguments of execveat(2). */
export interface ExecveatArguments {
  /** A descriptor number, AT_FDCWD, or any other s32 outside 64 to 1023. */
  readonly dirfd: number;
  readonly path: PathArgument;
  /** All 32 bits, as an unsigned number. */
  readonly flags: number;
  readonly argv: StringArray;
  readonly envp: StringArray;
}

/**
 * open(2) without O_CREAT. At most one access mode; none is O_RDONLY. A target adds O_NONBLOCK, so
 * that a FIFO does not hold it up.
 */
export type OpenFlag =
  | 'O_RDONLY'
  | 'O_WRONLY'
  | 'O_RDWR'
  | 'O_APPEND'
  | 'O_TRUNC'
  | 'O_PATH'
  | 'O_NOFOLLOW'
  | 'O_DIRECTORY'
  | 'O_CLOEXEC'
  | 'O_TMPFILE';

export const OPEN_FLAGS: readonly OpenFlag[] = [
  'O_RDONLY',
  'O_WRONLY',
  'O_RDWR',
  'O_APPEND',
  'O_TRUNC',
  'O_PATH',
  'O_NOFOLLOW',
  'O_DIRECTORY',
  'O_CLOEXEC',
  'O_TMPFILE',
];

/** Kinds of descriptors that no path leads to. */
export type AnonymousKind =
  | 'eventfd'
  | 'timerfd'
  | 'signalfd'
  | 'epoll'
  | 'inotify'
  | 'pidfd'
  /** The read end of a pipe whose write end is closed. */
  | 'pipe'
  /** One end of an AF_UNIX socket pair whose other end is closed. */
  | 'socket';

export const ANONYMOUS_KINDS: readonly AnonymousKind[] = [
  'eventfd',
  'timerfd',
  'signalfd',
  'epoll',
  'inotify',
  'pidfd',
  'pipe',
  'socket',
];

export type MemfdFlag = 'MFD_CLOEXEC' | 'MFD_ALLOW_SEALING' | 'MFD_NOEXEC_SEAL' | 'MFD_EXEC';

export const MEMFD_FLAGS: readonly MemfdFlag[] = [
  'MFD_CLOEXEC',
  'MFD_ALLOW_SEALING',
  'MFD_NOEXEC_SEAL',
  'MFD_EXEC',
];

export type Protection = 'PROT_READ' | 'PROT_WRITE' | 'PROT_EXEC';

export const PROTECTIONS: readonly Protection[] = ['PROT_READ', 'PROT_WRITE', 'PROT_EXEC'];

/** Class of a fanotify group. */
export type FanotifyClass = 'FAN_CLASS_NOTIF' | 'FAN_CLASS_CONTENT' | 'FAN_CLASS_PRE_CONTENT';

export const FANOTIFY_CLASSES: readonly FanotifyClass[] = [
  'FAN_CLASS_NOTIF',
  'FAN_CLASS_CONTENT',
  'FAN_CLASS_PRE_CONTENT',
];

export type FanotifyMask =
  | 'FAN_OPEN'
  | 'FAN_OPEN_EXEC'
  | 'FAN_OPEN_PERM'
  | 'FAN_OPEN_EXEC_PERM'
  | 'FAN_ACCESS_PERM'
  | 'FAN_PRE_ACCESS';

export const FANOTIFY_MASKS: readonly FanotifyMask[] = [
  'FAN_OPEN',
  'FAN_OPEN_EXEC',
  'FAN_OPEN_PERM',
  'FAN_OPEN_EXEC_PERM',
  'FAN_ACCESS_PERM',
  'FAN_PRE_ACCESS',
];

/** Where an interpreter gets code from. */
export type CodeSource =
  /** A file named on the command line; also `source`, an import, a plugin, BASH_ENV. */
  | { readonly kind: 'file'; readonly path: Path }
  /** Standard input, whatever it is: this descriptor. */
  | { readonly kind: 'stdin'; readonly fd: Fd }
  /** `-c`, `-e`, or an environment variable that holds code. */
  | { readonly kind: 'snippet' }
  /** A file, and a snippet beside it: `python -c ... file`. */
  | { readonly kind: 'snippetAndFile'; readonly path: Path };

/** How ld.so comes to a file. */
export type LoadKind =
  /** `ld.so FILE`. */
  | 'program'
  /** A dependency that the program names. */
  | 'needed'
  /** LD_PRELOAD, or found through LD_LIBRARY_PATH. */
  | 'preload'
  | 'dlopen';

export const LOAD_KINDS: readonly LoadKind[] = ['program', 'needed', 'preload', 'dlopen'];

type By<Fields> = { readonly task: string } & Readonly<Fields>;

/** Files: made and changed with the credentials of `task`, under umask 0. */
export type FileOperation =
  | ({ readonly op: 'mkdir' } & By<{ path: Path; mode: number }>)
  /** open(O_CREAT|O_EXCL|O_WRONLY, 0600), write the content, fchmod, close. */
  | ({ readonly op: 'create' } & By<{ path: Path; mode: number; content: Content }>)
  | ({ readonly op: 'symlink' } & By<{ path: Path; target: string }>)
  /** unlink(2); a directory is EISDIR. */
  | ({ readonly op: 'unlink' } & By<{ path: Path }>)
  | ({ readonly op: 'rename' } & By<{ from: Path; to: Path }>)
  /** chmod(2), following symbolic links. */
  | ({ readonly op: 'chmod' } & By<{ path: Path; mode: number }>)
  /** fchmod(2). */
  | ({ readonly op: 'fchmod' } & By<{ fd: Fd; mode: number }>)
  /** open(O_WRONLY|O_TRUNC), write the content, close. */
  | ({ readonly op: 'write' } & By<{ path: Path; content: Content }>)
  /** truncate(2). */
  | ({ readonly op: 'truncate' } & By<{ path: Path; size: number }>);

/** What only the builder of the world does: any task but `init` is answered `refused`. */
export type WorldOperation =
  | ({ readonly op: 'mkfifo' } & By<{ path: Path; mode: number }>)
  /** A socket, char 1:3 or block 240:99. */
  | ({ readonly op: 'mknod' } & By<{
      path: Path;
      kind: 'socket' | 'char' | 'block';
      mode: number;
    }>)
  /** link(2): `from` is not followed where it is a symbolic link. */
  | ({ readonly op: 'link' } & By<{ from: Path; to: Path }>)
  /** chown(2), following symbolic links. Takes setuid, setgid and file capabilities away. */
  | ({ readonly op: 'chown' } & By<{ path: Path; uid: number; gid: number }>)
  /** Sets the access ACL, or removes it where `acl` is absent. */
  | ({ readonly op: 'setacl' } & By<{ path: Path; acl?: Acl }>)
  /** Sets security.capability, or removes it where `fcaps` is absent. */
  | ({ readonly op: 'setfcaps' } & By<{ path: Path; fcaps?: FileCapabilities }>)
  /** mount(2). The mount point must be there. */
  | ({ readonly op: 'mount' } & By<{ mount: MountSpec }>)
  /** Sets exactly these flags on the mount whose root `path` is (MS_REMOUNT|MS_BIND). */
  | ({ readonly op: 'remount' } & By<{ path: Path; flags: readonly MountFlag[] }>)
  /** umount2(MNT_DETACH). */
  | ({ readonly op: 'umount' } & By<{ path: Path }>)
  /**
   * inotify_add_watch for open, access and close-nowrite on the object itself. Replaces `watch`.
   */
  | ({ readonly op: 'watch' } & By<{ watch: number; path: Path }>)
  /** fanotify_init with a listener that answers permission events so. Replaces `group`, 0 to 7. */
  | ({ readonly op: 'fanotifyInit' } & By<{
      group: number;
      class: FanotifyClass;
      answer: 'FAN_ALLOW' | 'FAN_DENY';
    }>)
  /** fanotify_mark: adds these bits to the object's, the mount's or the superblock's mask. */
  | ({ readonly op: 'fanotifyMark' } & By<{
      group: number;
      scope: 'inode' | 'mount' | 'filesystem';
      mask: readonly FanotifyMask[];
      path: Path;
    }>)
  | ({ readonly op: 'fanotifyClose' } & By<{ group: number }>)
  | ({ readonly op: 'sysctlMemfdNoexec' } & By<{ value: 0 | 1 | 2 }>)
  /** Adds a rule of the module that the model plays. */
  | ({ readonly op: 'lsmRule' } & By<{ rule: LsmRule }>);

/** Descriptors and mappings. */
export type DescriptorOperation =
  /** `mode` is for O_TMPFILE alone. */
  | ({ readonly op: 'open' } & By<{
      fd: Fd;
      path: Path;
      flags: readonly OpenFlag[];
      mode?: number;
    }>)
  | ({ readonly op: 'close' } & By<{ fd: Fd }>)
  /** dup3(2); `cloexec` is O_CLOEXEC. */
  | ({ readonly op: 'dup' } & By<{ from: Fd; to: Fd; cloexec: boolean }>)
  | ({ readonly op: 'memfdCreate' } & By<{ fd: Fd; flags: readonly MemfdFlag[] }>)
  /** Writes the content through the descriptor from offset 0, after ftruncate to 0. */
  | ({ readonly op: 'fwrite' } & By<{ fd: Fd; content: Content }>)
  | ({ readonly op: 'anonymous' } & By<{ fd: Fd; kind: AnonymousKind }>)
  /** One page from offset 0. `fd` absent: anonymous memory. */
  | ({ readonly op: 'mmap' } & By<{
      map: MapSlot;
      fd?: Fd;
      sharing: 'MAP_SHARED' | 'MAP_PRIVATE';
      prot: readonly Protection[];
    }>)
  /** An empty slot is ENOMEM, as an unmapped range is. */
  | ({ readonly op: 'mprotect' } & By<{ map: MapSlot; prot: readonly Protection[] }>)
  | ({ readonly op: 'munmap' } & By<{ map: MapSlot }>)
  /** fstat(2), also on O_PATH descriptors. */
  | ({ readonly op: 'fstat' } & By<{ fd: Fd }>);

/** Executability: the call that the package is about, and its neighbours. */
export type ExecOperation =
  /**
   * execveat(2). With AT_EXECVE_CHECK the task goes on; without, a success replaces its program,
   * which
   * runs to its exit: the outcome tells how, and the task is gone. `init` must set AT_EXECVE_CHECK.
   */
  | ({ readonly op: 'execveat' } & By<ExecveatArguments>)
  /** faccessat2(2). `access` is a mask of 4 read, 2 write, 1 execute. */
  | ({ readonly op: 'faccessat' } & By<{
      dirfd: number;
      path: PathArgument;
      access: number;
      flags: number;
    }>)
  /** uselib(2), which the native x86-64 call table does not have. */
  | ({ readonly op: 'uselib' } & By<{ path: PathArgument }>);

/**
 * Credentials and limits of the task itself. `init` is answered `refused`, save for the getters,
 * `fork` and `ptraceAttach`; whoever traces `init` is, too.
 */
export type CredentialOperation =
  /** -1 leaves an id as it is. The ids are those of the task's user namespace. */
  | ({ readonly op: 'setresuid' } & By<{ ruid: number; euid: number; suid: number }>)
  /** The outcome's value is the old fsuid, as the task's user namespace shows it. */
  | ({ readonly op: 'setfsuid' } & By<{ fsuid: number }>)
  | ({ readonly op: 'capset' } & By<{
      effective: CapabilitySet;
      permitted: CapabilitySet;
      inheritable: CapabilitySet;
    }>)
  /** prctl(PR_SET_SECUREBITS) with all 64 bits of its argument. */
  | ({ readonly op: 'setSecurebits' } & By<{ value: bigint }>)
  | ({ readonly op: 'getSecurebits' } & By<object>)
  /** prctl(PR_SET_KEEPCAPS) with all 64 bits of its argument. */
  | ({ readonly op: 'setKeepcaps' } & By<{ value: bigint }>)
  | ({ readonly op: 'getKeepcaps' } & By<object>)
  /** prctl(PR_SET_NO_NEW_PRIVS, 1). */
  | ({ readonly op: 'setNoNewPrivs' } & By<object>)
  | ({ readonly op: 'getNoNewPrivs' } & By<object>)
  /**
   * unshare(CLONE_NEWUSER); then `init` writes the maps, where they are not empty. In a user
   * namespace below another one, the maps are left unwritten.
   */
  | ({ readonly op: 'unshareUser' } & By<UsernsSpec>)
  /** setrlimit(2), soft limit only: bytes of stack, or processes. */
  | ({ readonly op: 'setrlimit' } & By<{ resource: 'stack' | 'nproc'; soft: bigint }>)
  /**
   * A Landlock ruleset that handles LANDLOCK_ACCESS_FS_EXECUTE alone, with one rule for each path
   * (opened O_PATH, in order; the first that fails ends the operation with its errno), enforced.
   */
  | ({ readonly op: 'landlockRestrict' } & By<{ allow: readonly Path[] }>)
  /** PTRACE_SEIZE, and PTRACE_DETACH where it worked. */
  | ({ readonly op: 'ptraceAttach' } & By<{ target: string }>)
  /** fork(2): a new task with this name. A name in use is answered `refused`. */
  | ({ readonly op: 'fork' } & By<{ child: string }>)
  /** The task ends and is reaped. */
  | ({ readonly op: 'exit' } & By<object>);

/** User space that runs other people's code, played inside the task by the rules of its own. */
export type ClientOperation =
  /**
   * A script interpreter decides on one source of code. Enlightened: opens a file O_RDONLY, checks
   * the descriptor that it will read (AT_EMPTY_PATH, argv one string, the path or
   * `/proc/self/fd/0`), reads its securebits, decides. Otherwise it opens, and runs. A failed open
   * is the outcome; so is EBADF for a standard input that is not open for reading.
   */
  | ({ readonly op: 'interpret' } & By<{ enlightened: boolean; source: CodeSource }>)
  /**
   * ld.so maps one object: open O_RDONLY, whose failure is the outcome, then one page
   * PROT_READ|PROT_EXEC, MAP_PRIVATE; `allowed` says whether that worked. Enlightened: checks the
   * descriptor before it maps. `secure` is AT_SECURE, under which a preload is left out, unopened.
   */
  | ({ readonly op: 'load' } & By<{
      enlightened: boolean;
      path: Path;
      as: LoadKind;
      secure: boolean;
    }>);

/**
 * Parts of calls, for interleavings: each is one atomic step, and other tasks may act in between.
 * No target can be asked to stop there.
 */
export type MicroOperation =
  /** execveat(2) up to where file and write denial are held and the LSMs have answered. */
  | ({ readonly op: 'checkBegin' } & By<ExecveatArguments>)
  /** The rest of it: releases everything and returns. */
  | ({ readonly op: 'checkEnd' } & By<object>)
  /** A real exec up to where the program runs; it is running, and its file is protected. */
  | ({ readonly op: 'execBegin' } & By<ExecveatArguments>)
  /** The program exits. */
  | ({ readonly op: 'execEnd' } & By<object>)
  /** A further task that shares this one's fs_struct (CLONE_FS). A name in use is `refused`. */
  | ({ readonly op: 'cloneFs' } & By<{ child: string }>)
  /** An enlightened interpreter has opened and checked; it has read nothing yet. */
  | ({ readonly op: 'interpretBegin' } & By<{
      path: Path;
      /** What it reads later: the descriptor that it checked, or the path anew. */
      reads: 'descriptor' | 'path';
    }>)
  /** It reads and runs, or refuses. */
  | ({ readonly op: 'interpretEnd' } & By<object>)
  /** F_SETLEASE on a descriptor. A write lease of another task makes an exec or check wait. */
  | ({ readonly op: 'lease' } & By<{ fd: Fd; type: 'F_RDLCK' | 'F_WRLCK' | 'F_UNLCK' }>);

/** Everything that can be asked of the model. */
export type Operation =
  | FileOperation
  | WorldOperation
  | DescriptorOperation
  | ExecOperation
  | CredentialOperation
  | ClientOperation
  | MicroOperation;

/** The operation with this name. */
export type OperationOf<Op extends Operation['op']> = Extract<Operation, { readonly op: Op }>;
