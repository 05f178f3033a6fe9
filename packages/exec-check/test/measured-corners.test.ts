// SPDX-License-Identifier: MIT
import { describe, expect, test } from 'vitest';
import {
  CAP_FOWNER,
  plainTask,
  type NodeSpec,
  type Operation,
  type OperationOf,
  type Setup,
} from '@kernel-models/exec-check';
import { check, exec, play, word } from './play.ts';

/* Corners that a real kernel answered otherwise than expected at first. */

const file = (path: string): NodeSpec => ({
  kind: 'file',
  path,
  mode: 0o755,
  uid: 8,
  gid: 0,
  content: { kind: 'elf', program: 'exit', exitCode: 42 },
});
const WORLD: Setup = {
  mounts: [
    { kind: 'tmpfs', at: '/e', flags: [] },
    { kind: 'overlay', lower: '/e', at: '/o', flags: [] },
    { kind: 'proc', at: '/p', flags: [] },
  ],
  nodes: [file('/e/f')],
  tasks: [
    plainTask('t1', 7),
    plainTask('two', 7, { suid: 8 }),
    plainTask('ns', 7, {
      rgid: 7,
      caps: {
        effective: CAP_FOWNER,
        permitted: CAP_FOWNER,
        inheritable: 0n,
        bounding: 0n,
        ambient: 0n,
      },
      userns: {
        uidMap: [{ inside: 0, outside: 7, count: 2 }],
        gidMap: [{ inside: 0, outside: 7, count: 1 }],
      },
    }),
  ],
};
const init = { task: 'init' } as const;
const long = `/e/f${'/'.repeat(4092)}`;

const CASES: readonly (readonly [string, readonly Operation[], string])[] = [
  [
    'open of 4096 bytes',
    [{ op: 'open', ...init, fd: 6, path: long, flags: ['O_WRONLY'] }],
    'ENAMETOOLONG',
  ],
  ['unlink of 4096 bytes', [{ op: 'unlink', ...init, path: long }], 'ENAMETOOLONG'],
  [
    'mkfifo below an fd directory',
    [{ op: 'mkfifo', ...init, path: '/p/self/fd/3', mode: 0o755 }],
    'ENOENT',
  ],
  [
    'create of .',
    [{ op: 'create', ...init, path: '/e/.', mode: 0o644, content: { kind: 'empty' } }],
    'EEXIST',
  ],
  [
    'unlink below a task directory',
    [{ op: 'unlink', task: 't1', path: '/p/self/status' }],
    'EPERM',
  ],
  [
    'chmod by the capable of a namespace that has the owner alone',
    [{ op: 'chmod', task: 'ns', path: '/e/f', mode: 0o700 }],
    'ok',
  ],
  [
    'file capabilities of a directory',
    [
      {
        op: 'setfcaps',
        ...init,
        path: '/e',
        fcaps: { permitted: 1n, inheritable: 0n, effective: true },
      },
    ],
    'ok',
  ],
  ['chown in procfs', [{ op: 'chown', ...init, path: '/p/self/status', uid: 7, gid: 7 }], 'ok'],
  [
    'writing one’s own fd directory',
    [
      {
        op: 'faccessat',
        task: 't1',
        dirfd: -100,
        path: { kind: 'text', text: '/p/self/fd' },
        access: 2,
        flags: 0,
      },
    ],
    'ok',
  ],
  [
    'an unknown mark before an unknown group',
    [{ op: 'fanotifyMark', ...init, group: 0, scope: 'inode', mask: [], path: '/e/f' }],
    'EINVAL',
  ],
  [
    'a mapping of an overlay file that outlives its descriptor',
    [
      { op: 'open', ...init, fd: 3, path: '/o/f', flags: ['O_RDWR'] },
      { op: 'mmap', ...init, map: 0, fd: 3, sharing: 'MAP_SHARED', prot: ['PROT_WRITE'] },
      { op: 'close', ...init, fd: 3 },
      check('/o/f'),
    ],
    'ok',
  ],
];

describe('measured corners', () => {
  for (const [name, operations, expected] of CASES) {
    test(name, () => {
      expect(word(play(WORLD, operations).outcome)).toBe(expected);
    });
  }

  test('an overlay opens the real file too, until it is copied up', () => {
    const watch: Operation = { op: 'watch', ...init, watch: 0, path: '/e/f' };
    const copyUp: Operation = { op: 'chmod', ...init, path: '/o/f', mode: 0o711 };
    const events = (operations: readonly Operation[]) => {
      const { outcome } = play(WORLD, operations);
      return 'events' in outcome ? outcome.events : undefined;
    };
    const all = ['IN_OPEN', 'IN_ACCESS', 'IN_CLOSE_NOWRITE'];
    expect(events([watch, exec('/o/f')])).toEqual([{ watch: 0, events: all }]);
    expect(events([watch, copyUp, exec('/o/f')])).toBeUndefined();
  });

  test('setresuid that asks for the ids that there are leaves fsuid alone', () => {
    const fsuid = (ids: Pick<OperationOf<'setresuid'>, 'ruid' | 'euid' | 'suid'>) =>
      play(WORLD, [
        { op: 'setfsuid', task: 'two', fsuid: 8 },
        { op: 'setresuid', task: 'two', ...ids },
      ]).state.tasks['two']?.credentials.fsuid;
    expect(fsuid({ ruid: -1, euid: -1, suid: -1 })).toBe(8);
    expect(fsuid({ ruid: 7, euid: -1, suid: 8 })).toBe(8);
    expect(fsuid({ ruid: -1, euid: 7, suid: -1 })).toBe(7);
    expect(fsuid({ ruid: 8, euid: -1, suid: -1 })).toBe(7);
  });

  test('a pidfd of 6.18 has no type', () => {
    const outcome = play(WORLD, [
      { op: 'anonymous', task: 't1', fd: 3, kind: 'pidfd' },
      { op: 'fstat', task: 't1', fd: 3 },
    ]).outcome;
    expect(outcome).toMatchObject({ kind: 'stat', type: 'none', mode: 0o700 });
  });

  test('the posting checks only where its bit says so, in one call and in two halves', () => {
    const whole: Operation = {
      op: 'interpret',
      task: 't1',
      enlightened: true,
      source: { kind: 'file', path: '/e/f' },
    };
    const halves: readonly Operation[] = [
      { op: 'interpretBegin', task: 't1', path: '/e/f', reads: 'descriptor' },
      { op: 'interpretEnd', task: 't1' },
    ];
    const load: Operation = {
      op: 'load',
      task: 't1',
      enlightened: true,
      path: '/e/f',
      as: 'needed',
      secure: false,
    };
    const set: Operation = { op: 'setSecurebits', task: 't1', value: 0x100n };
    for (const [before, checked] of [
      [[], false],
      [[set], true],
    ] as const) {
      for (const operations of [[whole], halves, [load]]) {
        const { outcome } = play(WORLD, [...before, ...operations], 'posted-v19');
        expect(outcome).toMatchObject({ kind: 'decided', allowed: true, checked });
      }
    }
  });
});
