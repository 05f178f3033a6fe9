// SPDX-License-Identifier: MIT
import { argumentSpace, copyAllStrings } from './argument-space.ts';
import { newCall, notify, programName, type Call } from './call.ts';
import {
  AT_EMPTY_PATH,
  AT_EXECVE_CHECK,
  AT_FDCWD,
  AT_SYMLINK_NOFOLLOW,
  MAY_EXEC,
  PATH_MAX,
} from './constants.ts';
import { listenerDenies } from './fanotify.ts';
import { landlockAllowsExecute } from './landlock.ts';
import { at } from './lists.ts';
import { pathNoexec } from './noexec.ts';
import type { ExecveatArguments } from './operation.ts';
import { walk } from './path-walk.ts';
import { mayAccess } from './permission.ts';
import { isOverLimit } from './process-limit.ts';
import { isRefusal, refusal, type Refusal } from './refusal.ts';
import type { Features } from './revisions.ts';
import type { RuleName } from './rules.ts';
import { callHook, imaExecveCheck, imaFileCheck, ipeExecveCheck } from './security-hooks.ts';
import type { State, Task } from './state.ts';
import { execDeniesWriters, TEXT_BUSY_WRITERS } from './write-access.ts';

/*
 * execveat(2), in the kernel's order of checks. A real exec and a check take the same way; the
 * check turns back where the file would be read. Reads beside do_execveat_common(),
 * do_open_execat(), path_openat() and bprm_execve(), fs/exec.c and fs/namei.c, Linux 6.18.
 */

/** One check of the way: what it is called in trails, and what it says. */
interface Check {
  readonly rule: RuleName;
  readonly run: (call: Call) => Refusal | undefined;
}

const PATH_FAULT = refusal('EFAULT', 'execveat.path-fault');
const PATH_TOO_LONG = refusal('ENAMETOOLONG', 'execveat.path-too-long');
const PATH_EMPTY = refusal('ENOENT', 'execveat.path-empty');

/**
 * 1. The path comes from user space. An empty one needs AT_EMPTY_PATH; NULL is a fault even with
 * it. Mirrors getname_uflags(), fs/namei.c.
 */
function copyPath({ args: { path, flags } }: Call): Refusal | undefined {
  if (path.kind !== 'text') return PATH_FAULT;
  if (path.text.length >= PATH_MAX) return PATH_TOO_LONG;
  if (path.text === '' && (flags & AT_EMPTY_PATH) === 0) return PATH_EMPTY;
  return undefined;
}

const PROCESS_LIMIT = refusal('EAGAIN', 'execveat.process-limit');

/**
 * 2. A set*uid() beyond RLIMIT_NPROC is answered here, if the user is still beyond it. Otherwise it
 * is forgotten: the one thing that a check changes. Mirrors do_execveat_common(), fs/exec.c.
 */
function processLimit(call: Call): Refusal | undefined {
  const { state, task } = call;
  if (!task.nprocExceeded) return undefined;
  const { userns, ruid } = task.credentials;
  if (isOverLimit(state, userns, ruid, task.nprocLimit, 0)) return PROCESS_LIMIT;
  call.clearsNproc = true;
  return undefined;
}

const UNKNOWN_FLAGS = refusal('EINVAL', 'execveat.flags');

/** 3. Unknown flags. Mirrors do_open_execat(), fs/exec.c. */
function knownFlags({ args: { flags }, features }: Call): Refusal | undefined {
  const known = AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH | (features.checkFlag ? AT_EXECVE_CHECK : 0);
  return (flags & ~known) === 0 ? undefined : UNKNOWN_FLAGS;
}

/** 4. The walk to the file, path-walk.ts. */
function walkToFile(call: Call): Refusal | undefined {
  const { args, state } = call;
  const text = args.path.kind === 'text' ? args.path.text : '';
  const located = walk(call, args.dirfd, text, (args.flags & AT_SYMLINK_NOFOLLOW) === 0);
  if (isRefusal(located)) return located;
  call.mount = located.mount;
  call.dentry = located.dentry;
  call.directory = located.directory;
  call.inodeId = at(state.dentries, located.dentry).inode;
  call.inode = at(state.inodes, call.inodeId);
  return undefined;
}

const TRAILING_SLASH = refusal('ENOTDIR', 'execveat.trailing-slash');

/** 5b. A slash behind the last name demands a directory. Mirrors do_open(), fs/namei.c. */
function demandedDirectory({ directory, inode }: Call): Refusal | undefined {
  return directory && inode.kind !== 'dir' ? TRAILING_SLASH : undefined;
}

const IS_SYMLINK = refusal('ELOOP', 'execveat.is-symlink');
const IS_DIRECTORY = refusal('EACCES', 'execveat.is-directory');
const IS_SPECIAL = refusal('EACCES', 'execveat.is-special');

/** 5c. Only regular files are executed; nothing else is opened. Mirrors may_open(), fs/namei.c. */
function fileType({ inode }: Call): Refusal | undefined {
  switch (inode.kind) {
    case 'file':
    case 'anon':
      return undefined;
    case 'symlink':
      return IS_SYMLINK;
    case 'dir':
      return IS_DIRECTORY;
    case 'fifo':
    case 'socket':
    case 'char':
    case 'block':
      return IS_SPECIAL;
  }
}

const NOEXEC = refusal('EACCES', 'execveat.noexec');

/** 5c. The mount that leads to it allows execution. Mirrors may_open(), fs/namei.c. */
function executableMount(call: Call): Refusal | undefined {
  return pathNoexec(call, call) ? NOEXEC : undefined;
}

const PERMISSION = refusal('EACCES', 'execveat.permission');

/** 5d. Execute permission, permission.ts. Mirrors inode_permission(), fs/namei.c. */
function permission(call: Call): Refusal | undefined {
  return mayAccess(call, call.inode, MAY_EXEC) ? undefined : PERMISSION;
}

const LANDLOCK = refusal('EACCES', 'landlock.execute');

/** 6. Landlock at security_file_open(). */
function landlock(call: Call): Refusal | undefined {
  if (landlockAllowsExecute(call, call)) return undefined;
  if (call.state.audit) call.audit.push({ type: 'LANDLOCK_ACCESS' });
  return LANDLOCK;
}

const LISTENER_DENIES = refusal('EPERM', 'fanotify.open-permission');

/** 6. A fanotify listener may say no. Mirrors fsnotify_open_perm(), include/linux/fsnotify.h. */
function openPermission(call: Call): Refusal | undefined {
  const denied = listenerDenies(call, call, ['FAN_OPEN_EXEC_PERM', 'FAN_OPEN_PERM']);
  return denied ? LISTENER_DENIES : undefined;
}

/** Somebody's write lease: the call waits, it does not fail. The errno is never seen. */
export const LEASE: Refusal = refusal('EAGAIN', 'execveat.lease');

/**
 * 6. A write lease of another task makes the call wait. Mirrors break_lease() in do_dentry_open().
 */
function lease({ inode, task }: Call): Refusal | undefined {
  for (const holder in inode.leases) {
    if (holder !== task.name && inode.leases[holder] === 'F_WRLCK') return LEASE;
  }
  return undefined;
}

const NO_OPEN = refusal('ENXIO', 'execveat.no-open');

/**
 * 6. The file system's own open, which anonymous inodes do not have; then the open is told to
 * fsnotify. Mirrors do_dentry_open() and vfs_open(), fs/open.c.
 */
function open(call: Call): Refusal | undefined {
  if (call.inode.kind === 'anon') return NO_OPEN;
  call.opened = true;
  if (!call.features.openEventAfterWriteDenial) notify(call, 'IN_OPEN');
  return undefined;
}

/**
 * 8. A file that is open for writing is not executed, and one that is executed is not written.
 * Step 7, a second look at mount and type, cannot fail: nothing changes in between.
 * Mirrors exe_file_deny_write_access() in do_open_execat(), fs/exec.c.
 */
function denyWriters(call: Call): Refusal | undefined {
  if (execDeniesWriters(call, call)) {
    if (call.inode.writeCount > 0) return TEXT_BUSY_WRITERS;
    call.denied = true;
  }
  // Linux 6.1 tells of the open only here, and only where the call named a path.
  const { openEventAfterWriteDenial } = call.features;
  const named = call.args.path.kind === 'text' && call.args.path.text !== '';
  if (openEventAfterWriteDenial && named) notify(call, 'IN_OPEN');
  return undefined;
}

/** 9-10. The name of the program, envp and argv go onto the new stack, argument-space.ts. */
function copyArguments(call: Call): Refusal | undefined {
  const { args, task } = call;
  const space = argumentSpace(args.argv, args.envp, task.stackLimit);
  if (isRefusal(space)) return space;
  call.space = space;
  return copyAllStrings(space, programName(args), args.argv, args.envp);
}

/** The checks that open a file for execution: the file of the call, and later each interpreter. */
const OPEN_CHECKS: readonly Check[] = [
  { rule: 'execveat.walk', run: walkToFile },
  { rule: 'execveat.trailing-slash', run: demandedDirectory },
  { rule: 'execveat.file-type', run: fileType },
  { rule: 'execveat.noexec', run: executableMount },
  { rule: 'execveat.permission', run: permission },
  {
    rule: 'lsm.inode-permission',
    run: (call) => callHook(call, 'inodePermission', call.inodeId, call.isCheck),
  },
  { rule: 'landlock.execute', run: landlock },
  { rule: 'lsm.file-open', run: (call) => callHook(call, 'fileOpen', call.inodeId, call.isCheck) },
  { rule: 'fanotify.open-permission', run: openPermission },
  { rule: 'execveat.lease', run: lease },
  { rule: 'execveat.no-open', run: open },
  {
    rule: 'lsm.file-post-open',
    run: (call) => callHook(call, 'filePostOpen', call.inodeId, call.isCheck),
  },
  { rule: 'ima.file-check', run: imaFileCheck },
  { rule: 'write-access.busy-with-writers', run: denyWriters },
];

const COPY_PATH: Check = { rule: 'execveat.copy-path', run: copyPath };
const PROCESS_LIMIT_CHECK: Check = { rule: 'execveat.process-limit', run: processLimit };
const FLAGS: Check = { rule: 'execveat.flags', run: knownFlags };
const ARGUMENTS: Check = { rule: 'execveat.arguments', run: copyArguments };

/** 11. The security modules prepare credentials, knowing whether it is a check. */
const CREDENTIALS: readonly Check[] = [
  {
    rule: 'lsm.bprm-creds-for-exec',
    run: (call) => callHook(call, 'bprmCredsForExec', call.inodeId, call.isCheck),
  },
  { rule: 'ima.execve-check', run: imaExecveCheck },
  { rule: 'ipe.execve-check', run: ipeExecveCheck },
];

/** A way through the checks, with the trail at each of its points. */
interface Pipeline {
  readonly checks: readonly Check[];
  /** `trails[n]`: the checks before check n; the last one: all. */
  readonly trails: readonly (readonly RuleName[])[];
}

function pipeline(checks: readonly Check[]): Pipeline {
  const rules = checks.map(({ rule }) => rule);
  const trails = [...checks, undefined].map((_, index) => Object.freeze(rules.slice(0, index)));
  return { checks, trails };
}

/** Since Linux 6.8: the file before its arguments. */
const FILE_FIRST = pipeline([
  COPY_PATH,
  PROCESS_LIMIT_CHECK,
  FLAGS,
  ...OPEN_CHECKS,
  ARGUMENTS,
  ...CREDENTIALS,
]);
/** Before: the arguments, then the flags and the file. */
const ARGUMENTS_FIRST = pipeline([
  COPY_PATH,
  PROCESS_LIMIT_CHECK,
  ARGUMENTS,
  FLAGS,
  ...OPEN_CHECKS,
  ...CREDENTIALS,
]);
const FLAGS_FIRST = pipeline([
  FLAGS,
  COPY_PATH,
  PROCESS_LIMIT_CHECK,
  ...OPEN_CHECKS,
  ARGUMENTS,
  ...CREDENTIALS,
]);
const INTERPRETER = pipeline(OPEN_CHECKS);

function pipelineOf(features: Features): Pipeline {
  if (features.flagsBeforePath) return FLAGS_FIRST;
  return features.argvBeforeFile || features.argvErrorsFirst ? ARGUMENTS_FIRST : FILE_FIRST;
}

/** What the checks of a call came to. */
export interface Verdict {
  readonly call: Call;
  /** The check that failed, or undefined: the file may be executed. */
  readonly refused: Refusal | undefined;
  /** The checks that passed. */
  readonly trail: readonly RuleName[];
}

/** Takes a call through every check that a check and a real exec share: steps 1 to 11. */
export function checkExecutable(
  state: State,
  task: Task,
  features: Features,
  args: ExecveatArguments,
): Verdict {
  return run(pipelineOf(features), newCall(state, task, features, args));
}

/**
 * Opens an interpreter of a real exec: steps 4 to 8, from the working directory, with the caller's
 * credentials. Mirrors open_exec(), fs/exec.c.
 */
export function openInterpreter(by: Call, path: string): Verdict {
  const args: ExecveatArguments = {
    dirfd: AT_FDCWD,
    path: { kind: 'text', text: path },
    flags: 0,
    argv: { kind: 'null' },
    envp: { kind: 'null' },
  };
  const call: Call = {
    ...newCall(by.state, by.task, by.features, args),
    events: by.events,
    audit: by.audit,
  };
  return run(INTERPRETER, call);
}

function run({ checks, trails }: Pipeline, call: Call): Verdict {
  for (let index = 0; index < checks.length; index += 1) {
    const refused = at(checks, index).run(call);
    if (refused !== undefined) return { call, refused, trail: at(trails, index) };
  }
  return { call, refused: undefined, trail: at(trails, checks.length) };
}
