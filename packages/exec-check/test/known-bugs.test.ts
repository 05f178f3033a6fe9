// SPDX-License-Identifier: MIT
import { describe, expect, test } from 'vitest';
import { isBugRevision } from '@kernel-models/model-core';
import {
  execCheck,
  INVARIANTS,
  REVISIONS,
  plainTask,
  type NodeSpec,
  type Operation,
  type Setup,
} from '@kernel-models/exec-check';
import { check, checkFd } from './play.ts';

const file = (path: string, mode: number, uid = 0): NodeSpec => ({
  kind: 'file',
  path,
  mode,
  uid,
  gid: uid,
  content: { kind: 'bytes', base64: 'aGVsbG8K' },
});

/** A world in which each bug can show. */
const WORLD: Setup = {
  mounts: [
    { kind: 'tmpfs', at: '/e', flags: [] },
    { kind: 'bind', from: '/e', at: '/b', flags: ['noexec'] },
  ],
  nodes: [
    file('/e/f', 0o755),
    file('/e/own', 0o011, 7),
    file('/e/eight', 0o100, 8),
    file('/e/g', 0o755),
  ],
  tasks: [
    plainTask('t1', 7, { euid: 8, groups: [7] }),
    plainTask('t2', 0),
    plainTask('root', 0, {
      caps: {
        effective: 0x1ffn,
        permitted: 0x1ffn,
        inheritable: 0n,
        bounding: 0x1ffn,
        ambient: 0n,
      },
    }),
  ],
  ima: { mode: 'enforce', functions: ['BPRM_CHECK'], unsigned: ['/e/f', '/e/g'] },
};
const CLEAN: Setup = {
  mounts: WORLD.mounts,
  nodes: WORLD.nodes,
  tasks: WORLD.tasks,
};

const set = (task: string, value: bigint): Operation => ({ op: 'setSecurebits', task, value });
const begin = (task: string): Operation => ({ ...check('/e/f'), op: 'checkBegin', task });
const writer: Operation = { op: 'open', task: 't2', fd: 3, path: '/e/f', flags: ['O_WRONLY'] };

/** For each bug the setup and the operations on which its invariant breaks. */
const GALLERY: Readonly<Record<string, readonly [Setup, readonly Operation[]]>> = {
  'bug:ima-stack-read': [WORLD, [check('/e/f'), check('/e/g')]],
  'bug:no-etxtbsy': [CLEAN, [writer, check('/e/f')]],
  'bug:pre-content-group-lifts-denial': [
    CLEAN,
    [
      {
        op: 'fanotifyInit',
        task: 'init',
        group: 0,
        class: 'FAN_CLASS_PRE_CONTENT',
        answer: 'FAN_ALLOW',
      },
      {
        op: 'fanotifyMark',
        task: 'init',
        group: 0,
        scope: 'inode',
        mask: ['FAN_OPEN'],
        path: '/e/g',
      },
      writer,
      check('/e/f'),
    ],
  ],
  'bug:anon-inode-chmod': [
    CLEAN,
    [
      { op: 'anonymous', task: 'init', fd: 3, kind: 'eventfd' },
      { op: 'fchmod', task: 'init', fd: 3, mode: 0o755 },
      { op: 'anonymous', task: 't1', fd: 3, kind: 'timerfd' },
      checkFd(3),
    ],
  ],
  'bug:in-exec-left-set': [CLEAN, [check('/e/f')]],
  'bug:in-exec-cleared-early': [
    CLEAN,
    [
      { op: 'cloneFs', task: 't1', child: 't3' },
      begin('t1'),
      begin('t3'),
      { op: 'checkEnd', task: 't1' },
    ],
  ],
  'bug:flags-before-path': [CLEAN, [check('', { flags: 0x400 })]],
  'bug:argv-before-file': [CLEAN, [check('/e/missing', { argv: { kind: 'bad' } })]],
  'bug:check-leaks-write-denial': [CLEAN, [check('/e/f')]],
  'bug:check-reads-format': [CLEAN, [check('/e/f')]],
  'bug:check-refuses-empty-file': [CLEAN, [check('/e/f')]],
  'bug:permission-by-euid': [CLEAN, [check('/e/eight')]],
  'bug:noexec-by-inode': [CLEAN, [check('/b/f')]],
  'bug:class-union': [CLEAN, [check('/e/own')]],
  'bug:securebits-noop-allowed': [CLEAN, [set('t1', 0n)]],
  'bug:securebits-privilege-first': [CLEAN, [set('root', 0x300n), set('root', 0n)]],
  'bug:securebits-truncated': [CLEAN, [set('t1', 0x1_0000_0100n)]],
  'bug:securebits-locks-unshifted': [CLEAN, [set('t1', 0x300n), set('t1', 0x200n)]],
  'bug:securebits-lock-typo': [CLEAN, [set('t1', 0xc00n), set('t1', 0x800n)]],
};

function broken(
  setup: Setup,
  operations: readonly Operation[],
  revision: string,
  base: string,
): readonly string[] {
  let state = execCheck.initial(setup);
  const ids: string[] = [];
  for (const operation of operations) {
    const step = execCheck.apply(state, operation, revision);
    for (const { id, revisions, holds } of INVARIANTS) {
      if (revisions !== undefined && !revisions.includes(base)) continue;
      if (!holds({ before: state, operation, step, revision })) ids.push(id);
    }
    state = step.state;
  }
  return [...new Set(ids)];
}

describe('each bug breaks the invariants that are said to catch it', () => {
  for (const revision of REVISIONS.filter(isBugRevision)) {
    const entry = GALLERY[revision.id];
    test(revision.id, () => {
      expect(entry, 'an entry of the gallery').toBeDefined();
      if (entry === undefined) return;
      expect(broken(...entry, revision.id, revision.base)).toEqual(
        expect.arrayContaining([...revision.caughtBy]),
      );
      expect(broken(...entry, revision.base, revision.base)).toEqual([]);
    });
  }
});
