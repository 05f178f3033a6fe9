// SPDX-License-Identifier: MIT
import type { Invariant, RevisionId, Transition } from '@kernel-models/model-core';
import { apply } from '../apply.ts';
import { AT_EXECVE_CHECK, AT_SYMLINK_NOFOLLOW } from '../constants.ts';
import { at } from '../lists.ts';
import type { Operation, OperationOf } from '../operation.ts';
import type { Outcome } from '../outcome.ts';
import { walk, type Located } from '../path-walk.ts';
import { isRefusal } from '../refusal.ts';
import { featuresOf, REVISIONS } from '../revisions.ts';
import type { Credentials, Inode, State, Task } from '../state.ts';

export type ExecTransition = Transition<State, Operation, Outcome>;
export type ExecInvariant = Invariant<State, Operation, Outcome>;
type Execveat = OperationOf<'execveat'>;

/** A call of execveat by a task that can make it, with what it came to. */
export interface ExecCall extends ExecTransition {
  readonly operation: Execveat;
  readonly task: Task;
}

function asExecCall(transition: ExecTransition): ExecCall | undefined {
  const { before, operation, step } = transition;
  if (operation.op !== 'execveat') return undefined;
  const task = before.tasks[operation.task];
  if (task === undefined || step.outcome.kind === 'refused' || step.outcome.kind === 'blocked') {
    return undefined;
  }
  return { ...transition, operation, task };
}

function asCheck(transition: ExecTransition): ExecCall | undefined {
  const call = asExecCall(transition);
  if (call === undefined || (call.operation.flags & AT_EXECVE_CHECK) === 0) return undefined;
  return featuresOf(call.revision).checkFlag ? call : undefined;
}

/** An invariant of every execveat. */
export function ofExec(
  id: string,
  sentence: string,
  holds: (call: ExecCall) => boolean,
  revisions?: readonly RevisionId[],
): ExecInvariant {
  return invariant(id, sentence, asExecCall, holds, revisions);
}

/** An invariant of every check. */
export function ofCheck(
  id: string,
  sentence: string,
  holds: (call: ExecCall) => boolean,
  revisions?: readonly RevisionId[],
): ExecInvariant {
  return invariant(id, sentence, asCheck, holds, revisions);
}

/** An invariant of the transitions that `select` turns into something. */
export function invariant<Seen>(
  id: string,
  sentence: string,
  select: (transition: ExecTransition) => Seen | undefined,
  holds: (seen: Seen) => boolean,
  revisions: readonly RevisionId[] | undefined,
): ExecInvariant {
  return {
    id,
    sentence,
    ...(revisions === undefined ? {} : { revisions }),
    holds: (transition) => {
      const seen = select(transition);
      return seen === undefined || holds(seen);
    },
  };
}

/** The revisions that are kernels, not bugs, and that something is true of. */
export function releases(predicate: (id: RevisionId) => boolean): readonly RevisionId[] {
  return REVISIONS.map(({ id }) => id).filter((id) => !id.startsWith('bug:') && predicate(id));
}

/** The errno of an outcome, `ok` for a success, else its kind. */
export function errnoOf(outcome: Outcome): string {
  if (outcome.kind === 'errno') return outcome.errno;
  return outcome.kind === 'ran' || outcome.kind === 'value' ? 'ok' : outcome.kind;
}

/** What the same call answers in the same world with other arguments. */
export function again(
  { before, operation, revision }: ExecCall,
  changed: Partial<Execveat>,
): Outcome {
  return apply(before, { ...operation, ...changed }, revision).outcome;
}

/** What the same call answers in another world. */
export function inWorld(call: ExecCall, state: State): string {
  return errnoOf(apply(state, call.operation, call.revision).outcome);
}

/** The world before a call, the caller's credentials changed. */
export function withCredentials({ before, task }: ExecCall, changed: Partial<Credentials>): State {
  const credentials = { ...task.credentials, ...changed };
  return { ...before, tasks: { ...before.tasks, [task.name]: { ...task, credentials } } };
}

/** Where the path of a call leads, where it leads anywhere. */
export function located({ before, operation, task, revision }: ExecCall): Located | undefined {
  if (operation.path.kind !== 'text') return undefined;
  const context = { state: before, task, features: featuresOf(revision) };
  const follow = (operation.flags & AT_SYMLINK_NOFOLLOW) === 0;
  const found = walk(context, operation.dirfd, operation.path.text, follow);
  return isRefusal(found) ? undefined : found;
}

/** The file that a call is about. */
export function fileOfCall(call: ExecCall): Inode | undefined {
  const place = located(call);
  return place === undefined
    ? undefined
    : at(call.before.inodes, at(call.before.dentries, place.dentry).inode);
}
