// SPDX-License-Identifier: MIT
import {
  CAP_SETPCAP,
  CAP_SETUID,
  INIT,
  NO_CAPABILITIES,
  type Content,
  type Operation,
} from '@kernel-models/exec-check';
import { IDS, PATHS } from '../arbitraries.ts';
import type { Dice } from '../dice.ts';
import type { World } from '../reference/world.ts';
import { changeable, fdFrom, filePath, newPath, pathFrom, someMode } from './paths.ts';

export function someContent(dice: Dice): Content {
  return dice.pick<Content>([
    { kind: 'elf', program: 'exit', exitCode: 42 },
    { kind: 'elf', program: 'hash', exitCode: 1 },
    { kind: 'script', line: dice.pick(PATHS) },
    { kind: 'empty' },
    { kind: 'bytes', base64: 'aGVsbG8=' },
  ]);
}

export function file(dice: Dice, world: World, task: string): Operation {
  const who = dice.oneIn(2) ? INIT : task;
  switch (dice.roll(9)) {
    case 4:
      return { op: 'symlink', task: who, path: newPath(dice), target: pathFrom(dice) };
    case 5:
      return {
        op: 'unlink',
        task: who,
        path: changeable(filePath(dice, world)),
      };
    case 6:
      return {
        op: 'rename',
        task: who,
        from: changeable(filePath(dice, world)),
        to: newPath(dice),
      };
    case 7:
      return {
        op: 'mkdir',
        task: who,
        path: newPath(dice),
        mode: dice.pick([0o755, 0o1777, 0o2777]),
      };
    case 8:
      return worldNode(dice, dice.oneIn(8) ? task : INIT);
    case 3:
      return { op: 'truncate', task: who, path: pathFrom(dice), size: dice.pick([0, 1, 300]) };
    case 2:
      return {
        op: 'create',
        task: who,
        path: newPath(dice),
        mode: someMode(dice),
        content: someContent(dice),
      };
    default:
      return { op: 'write', task: who, path: filePath(dice, world), content: someContent(dice) };
  }
}

function worldNode(dice: Dice, task: string): Operation {
  switch (dice.roll(3)) {
    case 1:
      return { op: 'mkfifo', task, path: newPath(dice), mode: someMode(dice) };
    case 2:
      return {
        op: 'mknod',
        task,
        path: newPath(dice),
        kind: dice.pick(['socket', 'char', 'block'] as const),
        mode: someMode(dice),
      };
    default:
      return { op: 'link', task, from: dice.pick(PATHS), to: newPath(dice) };
  }
}

export function attribute(dice: Dice, world: World, task: string): Operation {
  const path = changeable(filePath(dice, world));
  switch (dice.roll(7)) {
    case 2:
      return { op: 'fchmod', task, fd: fdFrom(dice, world, task), mode: someMode(dice) };
    case 3:
      return { op: 'chown', task: INIT, path, uid: dice.pick(IDS), gid: dice.pick(IDS) };
    case 4: {
      const perm = (): number => dice.roll(8);
      const acl = {
        users: [{ uid: dice.pick(IDS), perm: perm() }],
        groups: [{ gid: dice.pick(IDS), perm: perm() }],
        groupObj: perm(),
        mask: perm(),
      };
      return { op: 'setacl', task: INIT, path, ...(!dice.oneIn(4) && { acl }) };
    }
    case 5: {
      const fcaps = {
        permitted: dice.pick([CAP_SETUID, CAP_SETUID | CAP_SETPCAP]),
        inheritable: NO_CAPABILITIES,
        effective: !dice.oneIn(3),
      };
      return { op: 'setfcaps', task: INIT, path, ...(!dice.oneIn(4) && { fcaps }) };
    }
    default:
      return { op: 'chmod', task: dice.oneIn(3) ? INIT : task, path, mode: someMode(dice) };
  }
}
