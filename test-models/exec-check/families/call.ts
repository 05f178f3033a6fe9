// SPDX-License-Identifier: MIT
import { AT_EACCESS, AT_EXECVE_CHECK, type Operation } from '@kernel-models/exec-check';
import type { Dice } from '../dice.ts';
import type { World } from '../reference/world.ts';
import { pathArgument, reference, strings } from './references.ts';

function call(dice: Dice, world: World, task: string, isCheck: boolean): Operation {
  const wanted = reference(dice, world, task);
  const bad = dice.oneIn(24) ? 2 ** dice.roll(32) : 0;
  const flags = ((wanted.flags | bad | (isCheck ? AT_EXECVE_CHECK : 0)) >>> 0) as number;
  return { op: 'execveat', task, ...wanted, flags, argv: strings(dice), envp: strings(dice) };
}

export function check(dice: Dice, world: World, task: string): Operation {
  return call(dice, world, task, true);
}

export function exec(dice: Dice, world: World, task: string): Operation {
  return call(dice, world, task, false);
}

export function access(dice: Dice, world: World, task: string): Operation {
  if (dice.oneIn(16)) return { op: 'uselib', task, path: pathArgument(dice) };
  const wanted = reference(dice, world, task);
  const extra = dice.pick([0, AT_EACCESS, 0, AT_EACCESS, 0x400]);
  return {
    op: 'faccessat',
    task,
    dirfd: wanted.dirfd,
    path: wanted.path,
    access: dice.pick([1, 1, 1, 4, 2, 5, 0, 7]),
    flags: wanted.flags | extra,
  };
}
