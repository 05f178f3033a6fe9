// SPDX-License-Identifier: MIT
import type { Operation } from '@kernel-models/exec-check';
import type { Dice } from '../dice.ts';
import type { World } from '../reference/world.ts';
import { fdFrom, filePath } from './paths.ts';

export function client(dice: Dice, world: World, task: string): Operation {
  const enlightened = !dice.oneIn(4);
  const path = filePath(dice, world);
  switch (dice.roll(6)) {
    case 2:
      return {
        op: 'interpret',
        task,
        enlightened,
        source: { kind: 'stdin', fd: fdFrom(dice, world, task) },
      };
    case 3:
      return {
        op: 'interpret',
        task,
        enlightened,
        source: dice.oneIn(2) ? { kind: 'snippet' } : { kind: 'snippetAndFile', path },
      };
    case 4:
    case 5:
      return {
        op: 'load',
        task,
        enlightened,
        path,
        as: dice.pick(['program', 'needed', 'preload', 'dlopen'] as const),
        secure: dice.oneIn(3),
      };
    default:
      return { op: 'interpret', task, enlightened, source: { kind: 'file', path } };
  }
}
