// SPDX-License-Identifier: MIT
import { describe, expect, test } from 'vitest';
import {
  AT_EXECVE_CHECK,
  AT_SYMLINK_NOFOLLOW,
  plainTask,
  type Operation,
  type OperationOf,
  type Setup,
} from '@kernel-models/exec-check';
import { check, play, word } from './play.ts';

/*
 * One fault for each step. Each fault is a change of one call or of the world, so that any two can be
 * put together: the earlier step must win.
 */
interface Fault {
  readonly step: string;
  readonly errno: string;
  readonly call?: Partial<OperationOf<'execveat'>>;
  readonly world?: readonly Operation[];
  readonly setup?: (setup: Setup) => Setup;
}

const BASE: Setup = {
  mounts: [{ kind: 'tmpfs', at: '/e', flags: [] }],
  nodes: [
    { kind: 'file', path: '/e/f', mode: 0o755, uid: 0, gid: 0, content: { kind: 'empty' } },
    { kind: 'dir', path: '/e', mode: 0o755, uid: 0, gid: 0 },
  ],
  tasks: [plainTask('t1', 7, { ruid: 8, suid: 8 }), plainTask('t2', 0)],
  processes: [{ uid: 7, count: 2 }],
};

const lsm = (
  hook: 'inodePermission' | 'fileOpen' | 'filePostOpen' | 'bprmCredsForExec',
): Operation => ({
  op: 'lsmRule',
  task: 'init',
  rule: { hook, path: '/e/f', errno: 'EIO' },
});

/** In the kernel's order. Faults of one step that exclude each other stand beside each other. */
const FAULTS: readonly Fault[] = [
  { step: 'path', errno: 'EFAULT', call: { path: { kind: 'null' } } },
  {
    step: 'process limit',
    errno: 'EAGAIN',
    world: [
      { op: 'setrlimit', task: 't1', resource: 'nproc', soft: 0n },
      { op: 'setresuid', task: 't1', ruid: 7, euid: -1, suid: -1 },
    ],
  },
  { step: 'flags', errno: 'EINVAL', call: { flags: AT_EXECVE_CHECK | 0x400 } },
  {
    step: 'walk',
    errno: 'EACCES',
    world: [{ op: 'chmod', task: 'init', path: '/e', mode: 0o700 }],
  },
  {
    step: 'noexec',
    errno: 'EACCES',
    world: [{ op: 'remount', task: 'init', path: '/e', flags: ['noexec'] }],
  },
  {
    step: 'permission',
    errno: 'EACCES',
    world: [{ op: 'chmod', task: 'init', path: '/e/f', mode: 0o644 }],
  },
  { step: 'inode_permission', errno: 'EIO', world: [lsm('inodePermission')] },
  {
    step: 'fanotify',
    errno: 'EPERM',
    world: [
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
        mask: ['FAN_OPEN_EXEC_PERM'],
        path: '/e/f',
      },
    ],
  },
  {
    step: 'writers',
    errno: 'ETXTBSY',
    world: [{ op: 'open', task: 't2', fd: 3, path: '/e/f', flags: ['O_WRONLY'] }],
  },
  { step: 'arguments', errno: 'EFAULT', call: { argv: { kind: 'bad' } } },
  { step: 'bprm_creds_for_exec', errno: 'EIO', world: [lsm('bprmCredsForExec')] },
];

/** The steps by the rule that decides when only this fault is there. */
function decidedBy(faults: readonly Fault[]): { readonly rule: string; readonly errno: string } {
  // What opens the file comes before what forbids to open it.
  const world = faults.flatMap((fault) => fault.world ?? []);
  world.sort((a, b) => Number(b.op === 'open') - Number(a.op === 'open'));
  const call = Object.assign({}, ...faults.map((fault) => fault.call ?? {}));
  const { outcome, rule } = play(BASE, [...world, check('/e/f', call)]);
  return { rule, errno: word(outcome) };
}

describe('each step refuses with its errno', () => {
  test('no fault: success', () => {
    expect(decidedBy([])).toEqual({ rule: 'execveat.check-passed', errno: 'ok' });
  });
  for (const fault of FAULTS) {
    test(fault.step, () => {
      expect(decidedBy([fault]).errno).toBe(fault.errno);
    });
  }
});

describe('of two faults the earlier one decides', () => {
  for (const [index, first] of FAULTS.entries()) {
    for (const second of FAULTS.slice(index + 1)) {
      test(`${first.step}, then ${second.step}`, () => {
        expect(decidedBy([first, second])).toEqual(decidedBy([first]));
      });
    }
  }
});

const NAMES: readonly (readonly [string, Partial<OperationOf<'execveat'>>, string])[] = [
  ['an empty path', {}, 'ENOENT'],
  ['an empty path with an unknown flag', { flags: 0x400 }, 'ENOENT'],
  ['an empty path with AT_EMPTY_PATH and an unknown flag', { flags: 0x1400 }, 'EINVAL'],
  ['a bad pointer with AT_EMPTY_PATH', { path: { kind: 'bad' }, flags: 0x11000 }, 'EFAULT'],
  [
    '4096 bytes with an unknown flag',
    { path: { kind: 'text', text: `/${'a/'.repeat(2047)}a` }, flags: 0x400 },
    'ENAMETOOLONG',
  ],
  ['4095 bytes', { path: { kind: 'text', text: `/${'./'.repeat(2045)}e/f` } }, 'ok'],
];

describe('the path is copied before the flags are looked at', () => {
  for (const [name, call, expected] of NAMES) {
    test(name, () => {
      expect(word(play(BASE, [check('', call)]).outcome)).toBe(expected);
    });
  }
});

test('every flag but three is EINVAL', () => {
  for (let bit = 0; bit < 32; bit += 1) {
    const flag = 2 ** bit;
    const known = [0x100, 0x1000, 0x10000].includes(flag);
    const { outcome } = play(BASE, [check('/e/f', { flags: (AT_EXECVE_CHECK | flag) >>> 0 })]);
    expect([bit, word(outcome)]).toEqual([bit, known ? 'ok' : 'EINVAL']);
  }
});

const OLD: readonly (readonly [string, Partial<OperationOf<'execveat'>>, string, string])[] = [
  ['the check flag', {}, 'EINVAL', 'EINVAL'],
  ['the check flag and bad argv', { argv: { kind: 'bad' } }, 'EFAULT', 'EINVAL'],
  [
    'bad argv of a missing file',
    { flags: AT_SYMLINK_NOFOLLOW, path: { kind: 'text', text: '/x' }, argv: { kind: 'bad' } },
    'EFAULT',
    'ENOENT',
  ],
];

describe('the order of older kernels', () => {
  for (const [name, call, on61, on612] of OLD) {
    test(name, () => {
      expect(word(play(BASE, [check('/e/f', call)], 'linux-6.1').outcome)).toBe(on61);
      expect(word(play(BASE, [check('/e/f', call)], 'linux-6.12').outcome)).toBe(on612);
    });
  }
});
