// SPDX-License-Identifier: MIT
import { expect, test } from 'vitest';
import {
  AT_EMPTY_PATH,
  AT_EXECVE_CHECK,
  execCheck,
  normaliseSetup,
  plainTask,
  type Operation,
  type Outcome,
} from '@kernel-models/exec-check';
import { covered } from '../support/rule-coverage.ts';
import { referenceRun } from './reference/reference.ts';

/*
 * One story from the first restriction to the escape from it: a user restricts itself, makes its own
 * script executable, denies itself snippets, leaves by a user namespace; then somebody writes.
 */

const model = covered(execCheck);
const REVISION = 'linux-6.18';
const USER = 7;
const SCRIPT = '/e/s';

const setup = normaliseSetup({
  mounts: [{ kind: 'tmpfs', at: '/e', flags: [] }],
  nodes: [
    {
      kind: 'file',
      path: SCRIPT,
      mode: 0o644,
      uid: USER,
      gid: USER,
      content: { kind: 'script', line: '/e/i' },
    },
  ],
  tasks: [plainTask('t1', USER), plainTask('t2', USER)],
});

const set = (value: bigint): Operation => ({ op: 'setSecurebits', task: 't1', value });
const check: Operation = {
  op: 'execveat',
  task: 't1',
  dirfd: 3,
  path: { kind: 'text', text: '' },
  flags: AT_EXECVE_CHECK | AT_EMPTY_PATH,
  argv: { kind: 'null' },
  envp: { kind: 'null' },
};
const file: Operation = {
  op: 'interpret',
  task: 't1',
  enlightened: true,
  source: { kind: 'file', path: SCRIPT },
};
const snippet: Operation = {
  op: 'interpret',
  task: 't1',
  enlightened: true,
  source: { kind: 'snippet' },
};

/** Operations, and what each answers in a word. */
const STORY: readonly (readonly [Operation, string])[] = [
  [set(0x300n), '0'],
  [{ op: 'open', task: 't1', fd: 3, path: SCRIPT, flags: ['O_RDONLY'] }, '0'],
  [check, 'EACCES'],
  [file, 'denied'],
  [snippet, 'allowed'],
  [{ op: 'chmod', task: 't1', path: SCRIPT, mode: 0o744 }, '0'],
  [check, '0'],
  [file, 'allowed'],
  [set(0n), 'EPERM'],
  [set(0x300n), 'EPERM'],
  [set(0xf00n), '0'],
  [snippet, 'denied'],
  [{ op: 'unshareUser', task: 't1', uidMap: [], gidMap: [] }, '0'],
  [{ op: 'getSecurebits', task: 't1' }, '0'],
  [snippet, 'allowed'],
  [{ op: 'open', task: 't2', fd: 3, path: SCRIPT, flags: ['O_WRONLY'] }, '0'],
  [check, 'ETXTBSY'],
  [{ op: 'close', task: 't2', fd: 3 }, '0'],
  [check, '0'],
];

function inAWord(outcome: Outcome): string {
  if (outcome.kind === 'errno') return outcome.errno;
  if (outcome.kind === 'decided') return outcome.allowed ? 'allowed' : 'denied';
  return outcome.kind === 'value' ? String(outcome.value) : outcome.kind;
}

const operations = STORY.map(([operation]) => operation);
const expected = STORY.map(([, word]) => word);

test('the model tells the story', () => {
  let state = model.initial(setup);
  const words = operations.map((operation) => {
    const step = model.apply(state, operation, REVISION);
    state = step.state;
    return inAWord(step.outcome);
  });
  expect(words).toEqual(expected);
});

test('the reference tells the same', () => {
  expect(referenceRun(setup, operations, REVISION).map(inAWord)).toEqual(expected);
});
