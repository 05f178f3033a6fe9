// SPDX-License-Identifier: MIT
import type { RevisionId, Step } from '@kernel-models/model-core';
import {
  AT_EMPTY_PATH,
  AT_EXECVE_CHECK,
  AT_FDCWD,
  execCheck,
  type Operation,
  type OperationOf,
  type Outcome,
  type Setup,
  type State,
  type StringArray,
} from '@kernel-models/exec-check';

const GONE: Outcome = { kind: 'gone' };
const NO_TRAIL: readonly string[] = [];

/** Plays operations one after the other; the last step is what tests look at. */
export function play(
  setup: Setup,
  operations: readonly Operation[],
  revision: RevisionId = 'linux-6.18',
): {
  readonly state: State;
  readonly outcome: Outcome;
  readonly rule: string;
  readonly trail: readonly string[];
} {
  let state = execCheck.initial(setup);
  let step: Step<State, Outcome> = { state, outcome: GONE, rule: '', trail: NO_TRAIL };
  for (const operation of operations) {
    step = execCheck.apply(state, operation, revision);
    state = step.state;
  }
  return step;
}

/** One word for an outcome: an errno, `ok`, the exit status, or the kind. */
export function word(outcome: Outcome): string {
  if (outcome.kind === 'errno') return outcome.errno;
  if (outcome.kind === 'value') return 'ok';
  if (outcome.kind === 'ran') return `ran ${outcome.exitCode}`;
  if (outcome.kind === 'decided') return outcome.allowed ? 'allowed' : 'denied';
  return outcome.kind;
}

export const ONE_ARGUMENT: StringArray = { kind: 'list', strings: [{ kind: 'text', text: 'x' }] };

type Call = OperationOf<'execveat'>;

/** A check of a path, changed as a test wants it. */
export function check(path: string, changes: Partial<Call> = {}): Call {
  return {
    op: 'execveat',
    task: 't1',
    dirfd: AT_FDCWD,
    path: { kind: 'text', text: path },
    flags: AT_EXECVE_CHECK,
    argv: ONE_ARGUMENT,
    envp: { kind: 'null' },
    ...changes,
  };
}

/** A real exec of a path. */
export function exec(path: string, changes: Partial<Call> = {}): Call {
  return check(path, { flags: 0, ...changes });
}

/** A check of what a descriptor refers to. */
export function checkFd(dirfd: number, changes: Partial<Call> = {}): Call {
  return check('', { dirfd, flags: AT_EXECVE_CHECK | AT_EMPTY_PATH, ...changes });
}
