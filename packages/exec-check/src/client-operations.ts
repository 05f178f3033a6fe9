// SPDX-License-Identifier: MIT
import type { Errno } from '@kernel-models/model-core';
import { AT_EMPTY_PATH, AT_EXECVE_CHECK } from './constants.ts';
import type { Context } from './context.ts';
import { decide, type Decision } from './decision-table.ts';
import { checkExecutable, LEASE } from './execveat.ts';
import { pathNoexec } from './noexec.ts';
import { openFile, type Opened } from './open.ts';
import { fileOf, inodeIdOf, putTask } from './open-files.ts';
import type { ExecveatArguments, OperationOf } from './operation.ts';
import type { Outcome } from './outcome.ts';
import { isRefusal, refusal, type Refusal } from './refusal.ts';
import type { RuleName } from './rules.ts';
import { at } from './lists.ts';
import type { Descriptor, State, Task } from './state.ts';
import { answer, refuse, type ExecStep } from './step.ts';

/* Programs that run other people's code: script interpreters and ld.so. */

const STDIN_NOT_READABLE = refusal('EBADF', 'fd.bad');

/** The number that the target's own descriptors begin with; no operation names it. */
const OWN_FD = 64;

/** What a check on an open file answered, and what it left. */
export interface Checked {
  readonly state: State;
  readonly answer: Refusal | 'ok';
}

/**
 * execveat(fd, "", [name], [], AT_EMPTY_PATH|AT_EXECVE_CHECK) on a file that the task has just
 * opened.
 */
export function checkOpened(context: Context, opened: Opened, name: string): Checked {
  const { state, task, features } = context;
  const file = state.files.length;
  const held = { ...state, files: [...state.files, { ...opened, references: 1 }] };
  const descriptor: Descriptor = { file, cloexec: false };
  const holder: Task = { ...task, fds: { ...task.fds, [OWN_FD]: descriptor } };
  return checkFd({ state: held, task: holder, features }, OWN_FD, name, state, task);
}

function checkFd(context: Context, fd: number, name: string, state: State, task: Task): Checked {
  const args: ExecveatArguments = {
    dirfd: fd,
    path: { kind: 'text', text: '' },
    flags: AT_EMPTY_PATH | AT_EXECVE_CHECK,
    argv: { kind: 'list', strings: [{ kind: 'text', text: name }] },
    envp: { kind: 'list', strings: [] },
  };
  const { call, refused } = checkExecutable(context.state, context.task, context.features, args);
  const next = call.clearsNproc ? putTask(state, { ...task, nprocExceeded: false }) : state;
  return { state: next, answer: refused ?? 'ok' };
}

/** The rules of a decision, allowed and denied. */
const DECIDED: Readonly<Record<Decision['runs'], readonly [RuleName, RuleName]>> = {
  always: ['interpreter.unrestricted', 'interpreter.unrestricted'],
  'if-executable': ['interpreter.executable', 'interpreter.not-executable'],
  never: ['interpreter.denied', 'interpreter.denied'],
};

/** A script interpreter and one source of code. Mirrors samples/check-exec/inc.c, Linux 6.14. */
export function interpret(context: Context, operation: OperationOf<'interpret'>): ExecStep {
  const { state, task, features } = context;
  const { source, enlightened } = operation;
  const opened = openSource(context, source);
  if (opened !== undefined && isRefusal(opened)) return refuse(state, opened);
  if (!enlightened) {
    const outcome: Outcome = { kind: 'decided', allowed: true, checked: false };
    return answer(state, outcome, 'interpreter.unenlightened');
  }
  const decision = decide(features, task.credentials.securebits, source.kind);
  if (!decision.check || opened === undefined) return decided(state, decision, undefined);
  const name = source.kind === 'file' ? source.path : '/proc/self/fd/0';
  const checked = checkOpened(context, opened, name);
  if (checked.answer === LEASE)
    return answer(state, { kind: 'blocked', by: 'lease' }, 'execveat.lease');
  return decided(checked.state, decision, checked.answer);
}

/** What will be read: undefined for code that is in no file. */
function openSource(
  context: Context,
  source: OperationOf<'interpret'>['source'],
): Opened | Refusal | undefined {
  switch (source.kind) {
    case 'file':
      return openFile(context, source.path, ['O_RDONLY']);
    case 'stdin': {
      const file = fileOf(context.state, context.task, source.fd);
      return file === undefined || file.path || !file.readable ? STDIN_NOT_READABLE : file;
    }
    case 'snippet':
    case 'snippetAndFile':
      return undefined;
  }
}

function decided(state: State, { runs }: Decision, check: Refusal | 'ok' | undefined): ExecStep {
  const allowed = runs === 'always' || (runs === 'if-executable' && check === 'ok');
  const [whenAllowed, whenDenied] = DECIDED[runs];
  const outcome: Outcome =
    check === undefined
      ? { kind: 'decided', allowed, checked: false }
      : { kind: 'decided', allowed, checked: true, check: check === 'ok' ? 'ok' : check.errno };
  return answer(state, outcome, allowed ? whenAllowed : whenDenied);
}

/**
 * ld.so and one object. Today's is not enlightened: only the mount can stop it, since
 * mmap(PROT_EXEC) looks at nothing else.
 */
export function load(context: Context, operation: OperationOf<'load'>): ExecStep {
  const { state, task, features } = context;
  const { enlightened, path, as, secure } = operation;
  if (as === 'preload' && secure) {
    return answer(state, { kind: 'decided', allowed: false, checked: false }, 'loader.secure-mode');
  }
  const opened = openFile(context, path, ['O_RDONLY']);
  if (isRefusal(opened)) return refuse(state, opened);
  const mappable = mapsExecutable(context, opened);
  if (!enlightened) {
    const outcome: Outcome = { kind: 'decided', allowed: mappable, checked: false };
    return answer(state, outcome, mappable ? 'loader.mapped' : 'loader.not-mappable');
  }
  const decision = decide(features, task.credentials.securebits, 'file');
  const checked: Checked | undefined = decision.check
    ? checkOpened(context, opened, path)
    : undefined;
  if (checked?.answer === LEASE) {
    return answer(state, { kind: 'blocked', by: 'lease' }, 'execveat.lease');
  }
  const passes =
    decision.runs === 'always' || (decision.runs === 'if-executable' && checked?.answer === 'ok');
  const outcome: Outcome = { kind: 'decided', allowed: passes && mappable, ...told(checked) };
  const next = checked?.state ?? state;
  if (!passes) return answer(next, outcome, 'loader.not-executable');
  return answer(next, outcome, mappable ? 'loader.mapped' : 'loader.not-mappable');
}

/** What an outcome says of a check that was made or left out. */
function told(
  checked: Checked | undefined,
): { readonly checked: false } | { readonly checked: true; readonly check: Errno | 'ok' } {
  if (checked === undefined) return { checked: false };
  return { checked: true, check: checked.answer === 'ok' ? 'ok' : checked.answer.errno };
}

/** Whether mmap(PROT_READ|PROT_EXEC, MAP_PRIVATE) of it works. */
function mapsExecutable(context: Context, opened: Opened): boolean {
  const { state } = context;
  const inode = at(state.inodes, inodeIdOf(state, { ...opened, references: 0 }));
  return inode.kind === 'file' && inode.proc === 'none' && !pathNoexec(context, opened);
}
