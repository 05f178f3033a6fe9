// SPDX-License-Identifier: MIT
import { describe, expect, test } from 'vitest';
import {
  AT_EMPTY_PATH,
  AT_EXECVE_CHECK,
  AT_SYMLINK_NOFOLLOW,
  plainTask,
  type NodeSpec,
  type Operation,
  type OperationOf,
  type Setup,
} from '@kernel-models/exec-check';
import { check, play, word } from './play.ts';

const file = (path: string, mode = 0o755): NodeSpec => ({
  kind: 'file',
  path,
  mode,
  uid: 0,
  gid: 0,
  content: { kind: 'empty' },
});
const link = (path: string, target: string): NodeSpec => ({ kind: 'symlink', path, target });
const chain = (count: number, name: string): NodeSpec[] =>
  Array.from({ length: count }, (_, index) =>
    link(`/e/${name}${index}`, index === count - 1 ? 'f' : `${name}${index + 1}`),
  );

const WORLD: Setup = {
  mounts: [
    { kind: 'tmpfs', at: '/e', flags: [] },
    { kind: 'tmpfs', at: '/y', flags: ['nosymfollow'] },
    { kind: 'proc', at: '/p', flags: [] },
  ],
  nodes: [
    file('/e/f'),
    file('/e/plain', 0o644),
    file('/e/closed/f'),
    { kind: 'dir', path: '/e/closed', mode: 0o700, uid: 0, gid: 0 },
    link('/e/l', 'f'),
    link('/e/ls', 'f/'),
    link('/e/lp', 'plain'),
    link('/e/dangling', 'missing'),
    link('/e/self', 'self'),
    link('/e/dir', '/e'),
    link('/y/l', '/e/f'),
    link('/e/y', '/y/f'),
    file('/y/f'),
    ...chain(40, 'a'),
    ...chain(41, 'b'),
  ],
  tasks: [plainTask('t1', 7, { cwd: '/e' })],
};

const CASES: readonly (readonly [string, Partial<OperationOf<'execveat'>>, string])[] = [
  ['/e/f', {}, 'ok'],
  ['/e/f', { dirfd: -5 }, 'ok'],
  ['f', {}, 'ok'],
  ['f', { dirfd: 60 }, 'EBADF'],
  ['f', { dirfd: 3 }, 'ENOTDIR'],
  ['f', { dirfd: 4 }, 'EACCES'],
  ['missing', { dirfd: 4 }, 'EACCES'],
  ['', { flags: AT_EXECVE_CHECK | AT_EMPTY_PATH, dirfd: 3 }, 'ok'],
  ['', { flags: AT_EXECVE_CHECK | AT_EMPTY_PATH, dirfd: 60 }, 'EBADF'],
  ['', { flags: AT_EXECVE_CHECK | AT_EMPTY_PATH }, 'EACCES'],
  ['', { flags: AT_EXECVE_CHECK | AT_EMPTY_PATH, dirfd: 5 }, 'ELOOP'],
  ['/e/f', { flags: AT_EXECVE_CHECK | AT_EMPTY_PATH, dirfd: 60 }, 'ok'],
  ['/e/f/', {}, 'ENOTDIR'],
  ['/e/f/.', {}, 'ENOTDIR'],
  ['/e/f/..', {}, 'ENOTDIR'],
  ['/e/f/x', {}, 'ENOTDIR'],
  ['/e/missing/', {}, 'ENOENT'],
  ['/e/missing/x', {}, 'ENOENT'],
  ['/e/closed/missing', {}, 'EACCES'],
  ['/', {}, 'EACCES'],
  ['/../../e/f', {}, 'ok'],
  ['/e/../e/./f', {}, 'ok'],
  [`/e/${'n'.repeat(255)}`, {}, 'ENOENT'],
  [`/e/${'n'.repeat(256)}`, {}, 'ENAMETOOLONG'],
  [`/e/closed/${'n'.repeat(256)}`, {}, 'EACCES'],
  ['/e/l', {}, 'ok'],
  ['/e/l', { flags: AT_EXECVE_CHECK | AT_SYMLINK_NOFOLLOW }, 'ELOOP'],
  ['/e/dangling', { flags: AT_EXECVE_CHECK | AT_SYMLINK_NOFOLLOW }, 'ELOOP'],
  ['/e/l/', { flags: AT_EXECVE_CHECK | AT_SYMLINK_NOFOLLOW }, 'ENOTDIR'],
  ['/e/dir/', { flags: AT_EXECVE_CHECK | AT_SYMLINK_NOFOLLOW }, 'EACCES'],
  ['/e/dir/f', { flags: AT_EXECVE_CHECK | AT_SYMLINK_NOFOLLOW }, 'ok'],
  ['/e/ls', {}, 'ENOTDIR'],
  ['/e/lp', {}, 'EACCES'],
  ['/e/dangling', {}, 'ENOENT'],
  ['/e/self', {}, 'ELOOP'],
  ['/e/a0', {}, 'ok'],
  ['/e/b0', {}, 'ELOOP'],
  ['/p/self/fd/3', {}, 'ok'],
  ['/p/self/fd/3', { flags: AT_EXECVE_CHECK | AT_SYMLINK_NOFOLLOW }, 'ELOOP'],
  ['/p/self/fd/9', {}, 'ENOENT'],
  ['/p/self/status', {}, 'EACCES'],
  ['/y/l', {}, 'ELOOP'],
  ['/y/f', {}, 'ok'],
  ['/e/y', {}, 'ok'],
];

const BEFORE: readonly Operation[] = [
  { op: 'open', task: 't1', fd: 3, path: '/e/f', flags: ['O_PATH'] },
  { op: 'open', task: 't1', fd: 4, path: '/e/closed', flags: ['O_PATH'] },
  { op: 'open', task: 't1', fd: 5, path: '/e/l', flags: ['O_PATH', 'O_NOFOLLOW'] },
];

describe('path walk', () => {
  for (const [path, call, expected] of CASES) {
    const name = path.length > 40 ? `${path.slice(0, 12)}… (${path.length})` : path;
    test(`${name} ${JSON.stringify(call)}`, () => {
      expect(word(play(WORLD, [...BEFORE, check(path, call)]).outcome)).toBe(expected);
    });
  }
});
