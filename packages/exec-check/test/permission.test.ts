// SPDX-License-Identifier: MIT
import { describe, expect, test } from 'vitest';
import {
  CAP_DAC_OVERRIDE,
  CAP_DAC_READ_SEARCH,
  plainTask,
  type Acl,
  type Setup,
  type TaskSpec,
} from '@kernel-models/exec-check';
import { check, play, word } from './play.ts';

const acl = (changes: Partial<Acl>): Acl => ({
  users: [],
  groups: [],
  groupObj: 0,
  mask: 7,
  ...changes,
});
const capable = (set: bigint, uid: number): TaskSpec =>
  plainTask('t1', uid, {
    caps: { effective: set, permitted: set, inheritable: 0n, bounding: set, ambient: 0n },
  });

interface Case {
  readonly name: string;
  readonly mode: number;
  readonly uid?: number;
  readonly gid?: number;
  readonly acl?: Acl;
  readonly task?: TaskSpec;
  readonly expected: 'ok' | 'EACCES';
}

const mapped = {
  uidMap: [{ inside: 0, outside: 7, count: 2 }],
  gidMap: [{ inside: 0, outside: 7, count: 2 }],
};

const CASES: readonly Case[] = [
  { name: 'owner bit', mode: 0o100, uid: 7, expected: 'ok' },
  { name: 'an owner without the bit', mode: 0o011, uid: 7, expected: 'EACCES' },
  { name: 'group bit', mode: 0o010, gid: 7, expected: 'ok' },
  { name: 'a group without the bit', mode: 0o101, gid: 7, expected: 'EACCES' },
  { name: 'others', mode: 0o001, expected: 'ok' },
  { name: 'execute without read', mode: 0o111, expected: 'ok' },
  {
    name: 'supplementary group',
    mode: 0o010,
    gid: 9,
    task: plainTask('t1', 7, { groups: [9] }),
    expected: 'ok',
  },
  {
    name: 'uid 0 without capabilities',
    mode: 0o077,
    uid: 0,
    task: plainTask('t1', 0),
    expected: 'EACCES',
  },
  {
    name: 'CAP_DAC_OVERRIDE and one x bit',
    mode: 0o010,
    task: capable(CAP_DAC_OVERRIDE, 7),
    expected: 'ok',
  },
  {
    name: 'CAP_DAC_OVERRIDE without any x bit',
    mode: 0o666,
    task: capable(CAP_DAC_OVERRIDE, 0),
    expected: 'EACCES',
  },
  {
    name: 'CAP_DAC_READ_SEARCH',
    mode: 0o100,
    task: capable(CAP_DAC_READ_SEARCH, 7),
    expected: 'EACCES',
  },
  {
    name: 'fsuid counts',
    mode: 0o100,
    uid: 8,
    task: plainTask('t1', 7, { fsuid: 8 }),
    expected: 'ok',
  },
  {
    name: 'euid does not',
    mode: 0o100,
    uid: 8,
    task: plainTask('t1', 7, { euid: 8 }),
    expected: 'EACCES',
  },
  { name: 'named user', mode: 0o600, acl: acl({ users: [{ uid: 7, perm: 1 }] }), expected: 'ok' },
  {
    name: 'named user behind the mask',
    mode: 0o600,
    acl: acl({ users: [{ uid: 7, perm: 1 }], mask: 6 }),
    expected: 'EACCES',
  },
  {
    name: 'named user without the bit',
    mode: 0o601,
    acl: acl({ users: [{ uid: 7, perm: 6 }] }),
    expected: 'EACCES',
  },
  {
    name: 'one of two groups',
    mode: 0o600,
    gid: 7,
    acl: acl({ groups: [{ gid: 9, perm: 1 }] }),
    task: plainTask('t1', 7, { groups: [9] }),
    expected: 'ok',
  },
  { name: 'no matching group grants', mode: 0o601, gid: 7, acl: acl({}), expected: 'EACCES' },
  {
    name: 'no group matches',
    mode: 0o601,
    acl: acl({ groups: [{ gid: 9, perm: 0 }] }),
    expected: 'ok',
  },
  {
    name: 'a mask of zero leaves a named user to others',
    mode: 0o601,
    acl: acl({ users: [{ uid: 7, perm: 7 }], mask: 0 }),
    expected: 'ok',
  },
  {
    name: 'the mask counts as an x bit for CAP_DAC_OVERRIDE',
    mode: 0o600,
    acl: acl({ mask: 1 }),
    task: capable(CAP_DAC_OVERRIDE, 4),
    expected: 'ok',
  },
  {
    name: 'root of a user namespace, unmapped file',
    mode: 0o010,
    task: { ...capable(CAP_DAC_OVERRIDE, 7), userns: mapped },
    expected: 'EACCES',
  },
  {
    name: 'root of a user namespace, mapped file',
    mode: 0o010,
    uid: 8,
    gid: 8,
    task: { ...capable(CAP_DAC_OVERRIDE, 7), userns: mapped },
    expected: 'ok',
  },
];

describe('execute permission', () => {
  for (const { name, mode, uid = 4711, gid = 4711, acl: list, task, expected } of CASES) {
    test(name, () => {
      const setup: Setup = {
        mounts: [],
        nodes: [
          {
            kind: 'file',
            path: '/f',
            mode,
            uid,
            gid,
            content: { kind: 'empty' },
            ...(list === undefined ? {} : { acl: list }),
          },
        ],
        tasks: [task ?? plainTask('t1', 7)],
      };
      expect(word(play(setup, [check('/f')]).outcome)).toBe(expected);
    });
  }
});
