// SPDX-License-Identifier: MIT
import { expect, test } from 'vitest';
import type { NodeSpec, Operation, RuleName, Setup, TaskSpec } from '@kernel-models/exec-check';
import { SMALL_WORLD } from '@kernel-models/exec-check/testing';
import { check, exec, play } from './play.ts';

/* Rules that generated worlds seldom or never bring about: each with a shortest history of its own. */

const T1 = SMALL_WORLD.tasks[0] as TaskSpec;
const PROC: Setup['mounts'] = [{ kind: 'proc', at: '/p', flags: [] }];

function world(changes: Partial<Setup>): Setup {
  return {
    ...SMALL_WORLD,
    ...changes,
    mounts: [...SMALL_WORLD.mounts, ...(changes.mounts ?? [])],
    nodes: [...SMALL_WORLD.nodes, ...(changes.nodes ?? [])],
    tasks: [...SMALL_WORLD.tasks, ...(changes.tasks ?? [])],
  };
}

const dir = (path: string): NodeSpec => ({ kind: 'dir', path, mode: 0o777, uid: 0, gid: 0 });
const by = (ids: number): Partial<TaskSpec> => ({ ruid: ids, euid: ids, suid: ids, fsuid: ids });
const open = (path: string, flags: readonly never[] | readonly string[]): Operation =>
  ({ op: 'open', task: 't1', fd: 3, path, flags }) as Operation;

interface History {
  readonly setup?: Partial<Setup>;
  readonly operations: readonly Operation[];
  readonly revision?: string;
}

const HISTORIES: Readonly<Partial<Record<RuleName, History>>> = {
  'fanotify.access-permission': {
    operations: [
      {
        op: 'fanotifyInit',
        task: 'init',
        group: 0,
        class: 'FAN_CLASS_CONTENT',
        answer: 'FAN_DENY',
      },
      {
        op: 'fanotifyMark',
        task: 'init',
        group: 0,
        scope: 'inode',
        mask: ['FAN_ACCESS_PERM'],
        path: '/e/i',
      },
      exec('/e/i'),
    ],
  },
  'fd.pidfd-write': {
    operations: [
      { op: 'anonymous', task: 't1', fd: 3, kind: 'pidfd' },
      { op: 'fwrite', task: 't1', fd: 3, content: { kind: 'empty' } },
    ],
  },
  'file.chmod-pidfd': {
    operations: [
      { op: 'anonymous', task: 't1', fd: 3, kind: 'pidfd' },
      { op: 'fchmod', task: 't1', fd: 3, mode: 0o755 },
    ],
    revision: 'linux-6.12',
  },
  'file.chmod-symlink': {
    setup: { mounts: PROC, nodes: [{ kind: 'symlink', path: '/e/link', target: '/e/s' }] },
    operations: [
      { op: 'open', task: 'init', fd: 3, path: '/e/link', flags: ['O_PATH', 'O_NOFOLLOW'] },
      { op: 'chmod', task: 'init', path: '/p/self/fd/3', mode: 0o755 },
    ],
  },
  'landlock.too-many-layers': {
    setup: { tasks: [{ ...T1, name: 'sandboxed', noNewPrivs: true }] },
    operations: Array.from({ length: 17 }, () => ({
      op: 'landlockRestrict',
      task: 'sandboxed',
      allow: ['/e'],
    })),
  },
  'lease.file-in-use': {
    operations: [
      open('/e/s', ['O_RDONLY']),
      { op: 'open', task: 't2', fd: 3, path: '/e/s', flags: ['O_RDONLY'] },
      { op: 'lease', task: 't1', fd: 3, type: 'F_WRLCK' },
    ],
  },
  'lease.not-owner': {
    operations: [open('/e/i', ['O_RDONLY']), { op: 'lease', task: 't1', fd: 3, type: 'F_RDLCK' }],
  },
  'lease.not-regular': {
    operations: [open('/e', ['O_RDONLY']), { op: 'lease', task: 't1', fd: 3, type: 'F_RDLCK' }],
  },
  'lsm.bprm-check': {
    setup: { lsm: [{ hook: 'bprmCheck', errno: 'EACCES' }] },
    operations: [exec('/e/i')],
  },
  'lsm.bprm-creds-from-file': {
    setup: { lsm: [{ hook: 'bprmCredsFromFile', errno: 'EACCES' }] },
    operations: [exec('/e/i')],
  },
  'lsm.userns-create': {
    setup: { lsm: [{ hook: 'usernsCreate', errno: 'EPERM' }] },
    operations: [{ op: 'unshareUser', task: 't1', uidMap: [], gidMap: [] }],
  },
  'mount.root': {
    operations: [{ op: 'mount', task: 'init', mount: { kind: 'tmpfs', at: '/', flags: [] } }],
  },
  'mprotect.may-not': {
    setup: {
      nodes: [
        { kind: 'file', path: '/n/lib', mode: 0o755, uid: 7, gid: 7, content: { kind: 'empty' } },
      ],
    },
    operations: [
      open('/n/lib', ['O_RDONLY']),
      { op: 'mmap', task: 't1', map: 0, fd: 3, sharing: 'MAP_PRIVATE', prot: ['PROT_READ'] },
      { op: 'mprotect', task: 't1', map: 0, prot: ['PROT_EXEC'] },
    ],
  },
  'open.nodev': {
    setup: {
      mounts: [{ kind: 'tmpfs', at: '/m', flags: ['nodev'] }],
      nodes: [{ kind: 'char', path: '/m/null', mode: 0o666, uid: 0, gid: 0 }],
    },
    operations: [{ op: 'open', task: 'init', fd: 3, path: '/m/null', flags: ['O_RDONLY'] }],
  },
  'open.tmpfile-immutable': {
    setup: { mounts: PROC },
    operations: [
      { op: 'open', task: 'init', fd: 3, path: '/p/self', flags: ['O_TMPFILE', 'O_RDWR'] },
    ],
  },
  'faccessat.immutable': {
    setup: { mounts: PROC },
    operations: [
      {
        op: 'faccessat',
        task: 'init',
        dirfd: -100,
        path: { kind: 'text', text: '/p/self' },
        access: 2,
        flags: 0,
      },
    ],
  },
  'file.attributes-fixed': {
    setup: { mounts: PROC },
    operations: [
      { op: 'anonymous', task: 'init', fd: 3, kind: 'eventfd' },
      { op: 'chown', task: 'init', path: '/p/self/fd/3', uid: 7, gid: 7 },
    ],
  },
  'ptrace.less-restricted': {
    operations: [
      { op: 'setSecurebits', task: 't1', value: 0x500n },
      { op: 'ptraceAttach', task: 't1', target: 't2' },
    ],
    revision: 'posted-v19',
  },
  'ptrace.undumpable': {
    setup: {
      tasks: [
        { ...T1, ...by(8), name: 'changed', euid: 7, fsuid: 7 },
        { ...T1, ...by(8), name: 'tracer' },
      ],
    },
    operations: [
      { op: 'setresuid', task: 'changed', ruid: -1, euid: 8, suid: -1 },
      { op: 'ptraceAttach', task: 'tracer', target: 'changed' },
    ],
  },
  'walk.disconnected-parent': {
    setup: {
      mounts: [{ kind: 'bind', from: '/e/shown', at: '/b', flags: [] }],
      nodes: [dir('/e/shown'), dir('/e/shown/inner')],
    },
    operations: [
      { op: 'open', task: 'init', fd: 3, path: '/b/inner', flags: ['O_PATH'] },
      { op: 'rename', task: 'init', from: '/e/shown/inner', to: '/e/moved' },
      check('../x', { task: 'init', dirfd: 3 }),
    ],
  },
  'ipe.bprm-check': {
    setup: { ipe: { mode: 'enforce', untrusted: ['/e/i'] } },
    operations: [exec('/e/i')],
  },
};

test.each(Object.entries(HISTORIES))('%s', (rule, { setup = {}, operations, revision }) => {
  expect(play(world(setup), operations, revision).rule).toBe(rule);
});
