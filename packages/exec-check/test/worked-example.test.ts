// SPDX-License-Identifier: MIT
import { expect, test } from 'vitest';
import { execCheck, type Operation } from '@kernel-models/exec-check';
import { SMALL_WORLD } from '@kernel-models/exec-check/testing';
import { checkFd, word } from './play.ts';

const open: Operation = { op: 'open', task: 't1', fd: 3, path: '/e/s', flags: ['O_RDONLY'] };
const file: Operation = {
  op: 'interpret',
  task: 't1',
  enlightened: true,
  source: { kind: 'file', path: '/e/s' },
};
const stdin: Operation = {
  op: 'interpret',
  task: 't1',
  enlightened: true,
  source: { kind: 'stdin', fd: 3 },
};
const pipe: Operation = {
  op: 'interpret',
  task: 't1',
  enlightened: true,
  source: { kind: 'stdin', fd: 4 },
};
const snippet: Operation = {
  op: 'interpret',
  task: 't1',
  enlightened: true,
  source: { kind: 'snippet' },
};
const set = (value: bigint): Operation => ({ op: 'setSecurebits', task: 't1', value });

/** The trace of the README, with what each step says. */
const TRACE: readonly (readonly [Operation, string])[] = [
  [set(0x300n), 'ok'],
  [open, 'ok'],
  [checkFd(3), 'EACCES'],
  [file, 'denied'],
  [stdin, 'allowed'],
  [{ op: 'chmod', task: 't1', path: '/e/s', mode: 0o744 }, 'ok'],
  [checkFd(3), 'ok'],
  [file, 'allowed'],
  [set(0n), 'EPERM'],
  [set(0x300n), 'EPERM'],
  [set(0xf00n), 'ok'],
  [snippet, 'denied'],
  [{ op: 'anonymous', task: 't1', fd: 4, kind: 'pipe' }, 'ok'],
  [pipe, 'denied'],
  [{ op: 'unshareUser', task: 't1', uidMap: [], gidMap: [] }, 'ok'],
  [{ op: 'getSecurebits', task: 't1' }, 'ok'],
  [snippet, 'allowed'],
  [{ op: 'open', task: 't2', fd: 3, path: '/e/s', flags: ['O_WRONLY'] }, 'ok'],
  [checkFd(3), 'ETXTBSY'],
  [{ op: 'close', task: 't2', fd: 3 }, 'ok'],
  [checkFd(3), 'ok'],
];

test('the worked example of the README', () => {
  let state = execCheck.initial(SMALL_WORLD);
  const said: string[] = [];
  for (const [operation] of TRACE) {
    const step = execCheck.apply(state, operation, 'linux-6.18');
    said.push(word(step.outcome));
    state = step.state;
  }
  expect(said).toEqual(TRACE.map(([, expected]) => expected));
  expect(state.tasks['t1']?.credentials.securebits).toBe(0);
});

test('without write denial the busy script is checked with success', () => {
  let state = execCheck.initial(SMALL_WORLD);
  const words: string[] = [];
  for (const [operation] of TRACE) {
    const step = execCheck.apply(state, operation, 'bug:no-etxtbsy');
    words.push(word(step.outcome));
    state = step.state;
  }
  expect(words[18]).toBe('ok');
});
