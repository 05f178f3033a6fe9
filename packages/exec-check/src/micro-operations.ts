// SPDX-License-Identifier: MIT
import { toBase64 } from './base64.ts';
import { contentBytes } from './content.ts';
import type { Context } from './context.ts';
import { checkOpened } from './client-operations.ts';
import { decide } from './decision-table.ts';
import {
  enterExec,
  execRule,
  failed,
  leaveExec,
  programOutcome,
  removeTasks,
} from './exec-operations.ts';
import { checkExecutable } from './execveat.ts';
import { at, without } from './lists.ts';
import { openFile } from './open.ts';
import {
  addFile,
  fileOf,
  holdFile,
  inodeIdOf,
  putInode,
  putTask,
  releaseFile,
} from './open-files.ts';
import type { ExecveatArguments, OperationOf } from './operation.ts';
import type { Outcome } from './outcome.ts';
import { realExec } from './real-exec.ts';
import { isRefusal, refusal } from './refusal.ts';
import { INIT } from './setup.ts';
import type { CallInProgress, State } from './state.ts';
import { answer, refuse, succeed, type ExecStep } from './step.ts';
import { countWrites } from './write-access.ts';

/*
 * Calls cut where another task may act in between: what the first half holds is in `Task.call`.
 */

const NO_CALL = refusal('EINVAL', 'micro.no-call');
const BAD_FD = refusal('EBADF', 'fd.bad');
const LEASE_REFUSED = refusal('EAGAIN', 'lease.file-in-use');
const LEASE_KIND = refusal('EINVAL', 'lease.not-regular');
const LEASE_OWNER = refusal('EACCES', 'lease.not-owner');

/** A check up to where it holds everything. */
export function checkBegin(context: Context, args: ExecveatArguments): ExecStep {
  const { state, task, features } = context;
  const verdict = checkExecutable(state, task, features, args);
  if (verdict.refused !== undefined) return failed(verdict, verdict.refused);
  const { call, trail } = verdict;
  const denied = call.denied ? call.inodeId : -1;
  const held = call.denied ? countWrites(state, call.inodeId, -1) : state;
  const inProgress: CallInProgress = { kind: 'check', denied };
  const next = putTask(enterExec(held, task), { ...task, nprocExceeded: false, call: inProgress });
  return { ...succeed(next, 'micro.check-holds'), trail };
}

/** The check returns, and holds nothing any more. */
export function checkEnd({ state, task, features }: Context): ExecStep {
  const { call } = task;
  if (call?.kind !== 'check') return refuse(state, NO_CALL);
  let next = putTask(state, { ...task, call: null });
  const leaks = features.checkLeaksWriteDenial;
  if (call.denied >= 0 && !leaks) next = countWrites(next, call.denied, 1);
  if (features.inExec === 'correct') next = leaveExec(next, task);
  if (features.inExec === 'cleared-early')
    next = { ...next, inExec: without(next.inExec, task.fs) };
  return succeed(next, 'execveat.check-passed');
}

/** A real exec up to where the program runs: writers are held off until it exits. */
export function execBegin(context: Context, args: ExecveatArguments): ExecStep {
  const { state, task, features } = context;
  if (task.name === INIT) return answer(state, { kind: 'refused' }, 'task.builder');
  const verdict = checkExecutable(state, task, features, args);
  if (verdict.refused !== undefined) return failed(verdict, verdict.refused);
  const { call, trail } = verdict;
  if (call.space === undefined) return refuse(state, NO_CALL);
  const result = realExec(call, call.space);
  if (isRefusal(result)) return failed(verdict, result);
  if (result.kind === 'killed') {
    return { ...answer(removeTasks(state, task), programOutcome(result), execRule(result)), trail };
  }
  const denied = result.denied ? result.executable : -1;
  const inProgress: CallInProgress = {
    kind: 'exec',
    denied,
    ...(result.exitCode === undefined ? {} : { exitCode: result.exitCode }),
  };
  // The other threads are gone, and with them everything that was open only in them.
  const alone = removeTasks(state, { ...task });
  const held = denied < 0 ? alone : countWrites(alone, denied, -1);
  const running = { ...task, fds: {}, maps: {}, nprocExceeded: false, call: inProgress };
  return { ...succeed(putTask(held, running), 'micro.program-runs'), trail };
}

/** The program exits. */
export function execEnd({ state, task }: Context): ExecStep {
  const { call } = task;
  if (call?.kind !== 'exec') return refuse(state, NO_CALL);
  const released = call.denied < 0 ? state : countWrites(state, call.denied, 1);
  const outcome: Outcome =
    call.exitCode === undefined ? { kind: 'ran' } : { kind: 'ran', exitCode: call.exitCode };
  return answer(removeTasks(released, task), outcome, 'exec.ran');
}

/** An enlightened interpreter opens and checks a file. */
export function interpretBegin(
  context: Context,
  { path, reads }: OperationOf<'interpretBegin'>,
): ExecStep {
  const { state, task, features } = context;
  const opened = openFile(context, path, ['O_RDONLY']);
  if (isRefusal(opened)) return refuse(state, opened);
  const { check, runs } = decide(features, task.credentials.securebits, 'file');
  const checked = check ? checkOpened(context, opened, path) : undefined;
  const passes = checked?.answer === 'ok';
  const allowed = runs === 'always' || (runs === 'if-executable' && passes);
  const [added, file] = addFile(checked?.state ?? state, opened);
  const current = added.tasks[task.name] ?? task;
  const call: CallInProgress = {
    kind: 'interpret',
    file,
    path,
    reads,
    allowed,
    checked: check,
  };
  return succeed(putTask(holdFile(added, file), { ...current, call }), 'micro.interpreter-checked');
}

/** It reads what is there now, and runs it. */
export function interpretEnd(context: Context): ExecStep {
  const { state, task } = context;
  const { call } = task;
  if (call?.kind !== 'interpret') return refuse(state, NO_CALL);
  const idle: State = releaseFile(putTask(state, { ...task, call: null }), call.file);
  if (!call.allowed) {
    const outcome: Outcome = { kind: 'decided', allowed: false, checked: call.checked };
    return answer(idle, outcome, 'interpreter.not-executable');
  }
  const again =
    call.reads === 'path' ? openFile(context, call.path, ['O_RDONLY']) : at(state.files, call.file);
  if (again === null) return refuse(idle, BAD_FD);
  if (isRefusal(again)) return refuse(idle, again);
  const inode = at(state.inodes, at(state.dentries, again.dentry).inode);
  const content = toBase64(contentBytes(inode.content));
  const outcome: Outcome = { kind: 'decided', allowed: true, checked: call.checked, content };
  return answer(idle, outcome, 'interpreter.executable');
}

/**
 * fcntl(F_SETLEASE). Mirrors generic_setlease(), fs/locks.c: no writer for a read lease, nobody for
 * a write one.
 */
export function lease({ state, task }: Context, { fd, type }: OperationOf<'lease'>): ExecStep {
  const file = fileOf(state, task, fd);
  if (file === undefined || file.path) return refuse(state, BAD_FD);
  const id = inodeIdOf(state, file);
  const inode = at(state.inodes, id);
  const put = (leases: typeof inode.leases): State => putInode(state, id, { ...inode, leases });
  if (inode.kind !== 'file') return refuse(state, LEASE_KIND);
  if (task.credentials.fsuid !== inode.uid && task.name !== INIT) return refuse(state, LEASE_OWNER);
  if (type === 'F_UNLCK') return succeed(put(without(inode.leases, task.name)), 'lease.set');
  const others = state.files.filter(
    (other) => other !== null && other !== file && !other.path && inodeIdOf(state, other) === id,
  );
  const writers = inode.writeCount > 0;
  if (type === 'F_RDLCK' ? writers : others.length > 0) return refuse(state, LEASE_REFUSED);
  return succeed(put({ ...inode.leases, [task.name]: type }), 'lease.set');
}
