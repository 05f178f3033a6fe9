// SPDX-License-Identifier: MIT
import {
  ARG_MAX,
  AT_EACCESS,
  AT_EMPTY_PATH,
  AT_SYMLINK_NOFOLLOW,
  MAY_EXEC,
  MAY_WRITE,
  PATH_MAX,
  SECBIT_NO_SETUID_FIXUP,
} from './constants.ts';
import type { ArgumentSpace } from './argument-space.ts';
import { notify, type Call } from './call.ts';
import { contentBytes } from './content.ts';
import type { Context } from './context.ts';
import { checkExecutable, LEASE, type Verdict } from './execveat.ts';
import { watchEvents } from './fsnotify.ts';
import { at, without } from './lists.ts';
import { pathNoexec } from './noexec.ts';
import { fileOf, inodeIdOf, putTask, removeTask } from './open-files.ts';
import type { ExecveatArguments, OperationOf } from './operation.ts';
import { SUCCESS, type Observed, type Outcome } from './outcome.ts';
import { walk } from './path-walk.ts';
import { mayAccess } from './permission.ts';
import { realExec, type ExecResult } from './real-exec.ts';
import { isRefusal, refusal, type Refusal } from './refusal.ts';
import type { RuleName } from './rules.ts';
import { INIT } from './setup.ts';
import type { DentryId, Inode, State, Task } from './state.ts';
import { answer, refuse, succeed, type ExecStep } from './step.ts';
import { toKernelId } from './user-namespace.ts';
import { countWrites } from './write-access.ts';

const EMPTY_FILE = refusal('ENOEXEC', 'exec.unknown-format');

/** execveat(2): the checks, then the turn back or the program. */
export function execveat(context: Context, args: ExecveatArguments): ExecStep {
  const { state, task, features } = context;
  const verdict = checkExecutable(state, task, features, args);
  const { call, refused, trail } = verdict;
  if (!call.isCheck && task.name === INIT) {
    return answer(state, { kind: 'refused' }, 'task.builder');
  }
  if (refused !== undefined) return failed(verdict, refused);
  if (call.isCheck) return checked(context, verdict);

  const space = call.space ?? NO_ARGUMENTS;
  const result = realExec(call, space);
  if (isRefusal(result)) {
    return { ...observe(call, forget(call), result.outcome, result.rule), trail };
  }
  closeDescriptors(call, task);
  if (state.audit) call.audit.push({ type: 'EXECVE' });
  const ended = removeTasks(state, task);
  return { ...observe(call, ended, programOutcome(result), execRule(result)), trail };
}

const NO_ARGUMENTS: ArgumentSpace = { limit: ARG_MAX, stack: ARG_MAX, used: 0 };

/** How a program that was started ends. */
export function programOutcome(result: Exclude<ExecResult, Refusal>): Outcome {
  if (result.kind === 'killed') return { kind: 'signal', signal: 'SIGSEGV' };
  return result.exitCode === undefined
    ? { kind: 'ran' }
    : { kind: 'ran', exitCode: result.exitCode };
}

/** The rule that decided how a started program goes on. */
export function execRule(result: Exclude<ExecResult, Refusal>): RuleName {
  return result.kind === 'killed' ? 'exec.killed' : 'exec.ran';
}

/** A check or exec that one of the shared checks ended. */
export function failed({ call, trail }: Verdict, refused: Refusal): ExecStep {
  if (refused === LEASE) {
    return { ...answer(call.state, { kind: 'blocked', by: 'lease' }, 'execveat.lease'), trail };
  }
  if (call.opened) notify(call, 'IN_CLOSE_NOWRITE');
  return { ...observe(call, forget(call), refused.outcome, refused.rule), trail };
}

/** 12. The check turns back: nothing was read, nothing stays. The bugs are what may stay. */
function checked({ features }: Context, { call, trail }: Verdict): ExecStep {
  notify(call, 'IN_CLOSE_NOWRITE');
  const refused = formatBug(call);
  if (refused !== undefined) {
    return { ...observe(call, forget(call), refused.outcome, refused.rule), trail };
  }
  let state = forget(call);
  if (features.checkLeaksWriteDenial && call.denied) state = countWrites(state, call.inodeId, -1);
  if (features.inExec === 'left-set') state = enterExec(state, call.task);
  return { ...observe(call, state, SUCCESS, 'execveat.check-passed'), trail };
}

function formatBug({ features, inode }: Call): Refusal | undefined {
  if (!features.checkReadsFormat && !features.checkRefusesEmptyFile) return undefined;
  const bytes = contentBytes(inode.content);
  if (features.checkRefusesEmptyFile) return bytes.length === 0 ? EMPTY_FILE : undefined;
  const known =
    (bytes[0] === 0x23 && bytes[1] === 0x21) || (bytes[0] === 0x7f && bytes[1] === 0x45);
  return known ? undefined : EMPTY_FILE;
}

/** The one lasting effect of a call that gets past step 2: PF_NPROC_EXCEEDED is cleared. */
function forget({ state, task, clearsNproc }: Call): State {
  return clearsNproc ? putTask(state, { ...task, nprocExceeded: false }) : state;
}

/** Adds what fsnotify and the audit log saw. */
function observe(call: Call, state: State, outcome: Outcome, rule: RuleName): ExecStep {
  const events = watchEvents(call.state, call.events);
  const records = call.state.audit
    ? [...call.audit, { type: 'SYSCALL' as const }, ...pathRecord(call)]
    : call.audit;
  if (events === undefined && records.length === 0) return answer(state, outcome, rule);
  const observed: Observed = {
    ...(events === undefined ? {} : { events }),
    ...(records.length === 0 ? {} : { audit: records }),
  };
  return answer(state, { ...outcome, ...observed }, rule);
}

function pathRecord({
  args: { path },
}: Call): readonly { readonly type: 'PATH'; readonly path: string }[] {
  return path.kind === 'text' ? [{ type: 'PATH', path: path.text }] : [];
}

/**
 * A started program has closed what its task had open: fsnotify hears of the last one to close a
 * file.
 */
function closeDescriptors(call: Call, task: Task): void {
  if (!call.watched) return;
  const event = 'IN_CLOSE_NOWRITE';
  for (const descriptor of Object.values(task.fds)) {
    const file = at(call.state.files, descriptor.file);
    if (file === null || file.path || file.writable || file.references > 1) continue;
    const inode = inodeIdOf(call.state, file);
    const { lower } = at(call.state.inodes, inode);
    call.events.push({ inode, event });
    if (lower >= 0) call.events.push({ inode: lower, event });
  }
}

/** A started program ends the task and its other threads. Mirrors de_thread(), fs/exec.c. */
export function removeTasks(state: State, task: Task): State {
  let next = state;
  for (const other of Object.values(state.tasks)) {
    if (other.fs === task.fs) next = removeTask(next, other.name);
  }
  return next;
}

/** One more call is under way in this fs_struct. Mirrors check_unsafe_exec(), fs/exec.c. */
export function enterExec(state: State, { fs }: Task): State {
  return { ...state, inExec: { ...state.inExec, [fs]: (state.inExec[fs] ?? 0) + 1 } };
}

/** One call fewer. */
export function leaveExec(state: State, { fs }: Task): State {
  const count = (state.inExec[fs] ?? 0) - 1;
  if (count > 0) return { ...state, inExec: { ...state.inExec, [fs]: count } };
  return { ...state, inExec: without(state.inExec, fs) };
}

const FACCESS_FLAGS = refusal('EINVAL', 'faccessat.flags');
const FACCESS_FAULT = refusal('EFAULT', 'faccessat.path-fault');
const FACCESS_TOO_LONG = refusal('ENAMETOOLONG', 'faccessat.path-too-long');
const FACCESS_EMPTY = refusal('ENOENT', 'faccessat.path-empty');
const FACCESS_NOEXEC = refusal('EACCES', 'faccessat.noexec');
const FACCESS_DENIED = refusal('EACCES', 'faccessat.permission');
const FACCESS_IMMUTABLE = refusal('EPERM', 'faccessat.immutable');
const FACCESS_SLASH = refusal('ENOTDIR', 'faccessat.trailing-slash');

/**
 * faccessat2(2), the neighbour that is not the check: it knows mode and mount, and neither write
 * denial, arguments, Landlock nor the file_open hooks. Mirrors do_faccessat(), fs/open.c, Linux
 * 6.12: real ids, and capabilities as if they were the effective ones, unless AT_EACCESS.
 */
export function faccessat(context: Context, operation: OperationOf<'faccessat'>): ExecStep {
  const { state, task, features } = context;
  const { dirfd, path, access, flags } = operation;
  if ((flags & ~(AT_EACCESS | AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH)) !== 0) {
    return refuse(state, FACCESS_FLAGS);
  }
  const asReal: Context =
    (flags & AT_EACCESS) !== 0 ? context : { state, features, task: withRealIds(state, task) };
  if (path.kind !== 'text') return refuse(state, FACCESS_FAULT);
  if (path.text.length >= PATH_MAX) return refuse(state, FACCESS_TOO_LONG);
  if (path.text === '' && (flags & AT_EMPTY_PATH) === 0) return refuse(state, FACCESS_EMPTY);
  const located = walk(asReal, dirfd, path.text, (flags & AT_SYMLINK_NOFOLLOW) === 0);
  if (isRefusal(located)) return refuse(state, located);
  const inode = accessedInode(context, located.dentry, path.text);
  if (located.directory && inode.kind !== 'dir') return refuse(state, FACCESS_SLASH);
  if ((access & MAY_EXEC) !== 0 && inode.kind === 'file' && pathNoexec(context, located)) {
    return refuse(state, FACCESS_NOEXEC);
  }
  if ((access & MAY_WRITE) !== 0 && inode.proc === 'task-directory') {
    return refuse(state, FACCESS_IMMUTABLE);
  }
  const allowed = access === 0 || mayAccess(asReal, inode, access);
  return allowed ? succeed(state, 'faccessat.allowed') : refuse(state, FACCESS_DENIED);
}

/**
 * The inode that an access is to. A link of /proc/self/fd that is not followed belongs to the task, and
 * its mode tells how the descriptor is open. Mirrors tid_fd_update_inode(), fs/proc/fd.c, Linux 6.12.
 */
function accessedInode({ state, task }: Context, dentry: DentryId, path: string): Inode {
  const inode = at(state.inodes, at(state.dentries, dentry).inode);
  if (inode.proc !== 'magic-link') return inode;
  // One link stands for all of them: the last name of the path says which it is.
  const file = fileOf(state, task, Number(path.slice(path.lastIndexOf('/') + 1)));
  if (file === undefined) return inode;
  const opened = (file.readable ? 0o500 : 0) | (file.writable ? 0o300 : 0);
  const { euid: uid, egid: gid } = task.credentials;
  return { ...inode, mode: file.path ? 0 : opened, uid, gid };
}

/** Mirrors access_override_creds(), fs/open.c. */
function withRealIds(state: State, task: Task): Task {
  const old = task.credentials;
  const isRoot = old.ruid === toKernelId(state, old.userns, 'uidMap', 0);
  const fixup = (old.securebits & SECBIT_NO_SETUID_FIXUP) === 0;
  const effective = fixup ? (isRoot ? old.permitted : 0n) : old.effective;
  return {
    ...task,
    credentials: { ...old, fsuid: old.ruid, fsgid: old.rgid, effective },
  };
}

const NO_USELIB = refusal('ENOSYS', 'uselib.no-entry');

/** uselib(2): no entry in the native x86-64 call table, whatever the target. */
export function uselib({ state }: Context): ExecStep {
  return refuse(state, NO_USELIB);
}
