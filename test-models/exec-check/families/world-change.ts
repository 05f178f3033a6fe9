// SPDX-License-Identifier: MIT
import { INIT, type Features, type Operation } from '@kernel-models/exec-check';
import { PATHS } from '../arbitraries.ts';
import type { Dice } from '../dice.ts';
import type { World } from '../reference/world.ts';
import { filePath } from './paths.ts';

export function worldChange(dice: Dice, world: World, task: string, features: Features): Operation {
  const who = dice.oneIn(12) ? task : INIT;
  switch (dice.roll(8)) {
    case 3:
      return {
        op: 'fanotifyInit',
        task: who,
        group: dice.roll(2),
        class: dice.pick([
          'FAN_CLASS_CONTENT',
          'FAN_CLASS_PRE_CONTENT',
          'FAN_CLASS_NOTIF',
        ] as const),
        answer: dice.pick(['FAN_ALLOW', 'FAN_DENY'] as const),
      };
    case 4:
      return {
        op: 'fanotifyMark',
        task: who,
        group: dice.pick([...world.groups.keys(), 0]),
        scope: dice.pick(['inode', 'inode', 'mount', 'filesystem'] as const),
        mask: dice.pick([
          ['FAN_ACCESS_PERM'],
          ['FAN_OPEN_EXEC_PERM'],
          ['FAN_OPEN_PERM'],
          ['FAN_OPEN'],
        ] as const),
        path: filePath(dice, world),
      };
    case 5:
      return { op: 'fanotifyClose', task: who, group: dice.roll(2) };
    case 6:
      return features.memfdNoexec
        ? { op: 'sysctlMemfdNoexec', task: who, value: dice.pick([0, 1, 2] as const) }
        : { op: 'watch', task: who, watch: 0, path: dice.pick(PATHS) };
    case 7:
      return {
        op: 'remount',
        task: who,
        path: dice.pick(['/m', '/n', '/b', '/o', '/f']),
        flags: dice.pick([[], ['noexec'], ['nosuid'], ['nosymfollow']] as const),
      };
    default:
      return { op: 'watch', task: who, watch: dice.roll(3), path: filePath(dice, world) };
  }
}
