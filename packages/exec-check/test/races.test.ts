// SPDX-License-Identifier: MIT
import { describe, expect, test } from 'vitest';
import { plainTask, type Operation, type Setup } from '@kernel-models/exec-check';
import { check, exec, play, word } from './play.ts';

const WORLD: Setup = {
  mounts: [],
  nodes: [
    {
      kind: 'file',
      path: '/f',
      mode: 0o755,
      uid: 8,
      gid: 8,
      content: { kind: 'elf', program: 'exit', exitCode: 42 },
    },
    { kind: 'link', path: '/g', target: '/f' },
  ],
  tasks: [plainTask('t1', 7), plainTask('t2', 8)],
};

const begin: Operation = { ...check('/f'), op: 'checkBegin' };
const end: Operation = { op: 'checkEnd', task: 't1' };
const run: Operation = { ...exec('/f'), op: 'execBegin' };
const write: Operation = { op: 'write', task: 't2', path: '/g', content: { kind: 'empty' } };
const open: Operation = { op: 'open', task: 't2', fd: 3, path: '/g', flags: ['O_WRONLY'] };

const CASES: readonly (readonly [string, readonly Operation[], string])[] = [
  ['a write during a check', [begin, write], 'ETXTBSY'],
  [
    'a truncation during a check',
    [begin, { op: 'truncate', task: 't2', path: '/f', size: 0 }],
    'ETXTBSY',
  ],
  ['a write after a check', [begin, end, write], 'ok'],
  ['a write while the program runs', [run, write], 'ETXTBSY'],
  ['a write after it has exited', [run, { op: 'execEnd', task: 't1' }, write], 'ok'],
  ['a check of a running program', [run, check('/f', { task: 't2' })], 'ok'],
  ['chmod during a check', [begin, { op: 'chmod', task: 't2', path: '/f', mode: 0 }, end], 'ok'],
  ['a check with a writer', [open, check('/f')], 'ETXTBSY'],
  [
    'a check with a mapping that outlives its descriptor',
    [
      { op: 'open', task: 't2', fd: 3, path: '/g', flags: ['O_RDWR'] },
      {
        op: 'mmap',
        task: 't2',
        map: 0,
        fd: 3,
        sharing: 'MAP_SHARED',
        prot: ['PROT_READ', 'PROT_WRITE'],
      },
      { op: 'close', task: 't2', fd: 3 },
      check('/f'),
    ],
    'ETXTBSY',
  ],
  [
    'clone(CLONE_FS) during a check of a sibling',
    [{ op: 'cloneFs', task: 't1', child: 't3' }, begin, { op: 'cloneFs', task: 't3', child: 't4' }],
    'EAGAIN',
  ],
  [
    'clone(CLONE_FS) after it',
    [
      { op: 'cloneFs', task: 't1', child: 't3' },
      begin,
      end,
      { op: 'cloneFs', task: 't3', child: 't4' },
    ],
    'ok',
  ],
  [
    'a check of a file under a write lease',
    [
      { op: 'open', task: 't2', fd: 3, path: '/f', flags: ['O_RDONLY'] },
      { op: 'lease', task: 't2', fd: 3, type: 'F_WRLCK' },
      check('/f'),
    ],
    'blocked',
  ],
];

describe('interleavings', () => {
  for (const [name, operations, expected] of CASES) {
    test(name, () => {
      expect(word(play(WORLD, operations).outcome)).toBe(expected);
    });
  }
});
