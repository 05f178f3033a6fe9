// SPDX-License-Identifier: MIT
import {
  AT_EMPTY_PATH,
  AT_FDCWD,
  AT_SYMLINK_NOFOLLOW,
  type ArgumentString,
  type ExecveatArguments,
  type PathArgument,
  type StringArray,
} from '@kernel-models/exec-check';
import type { Dice } from '../dice.ts';
import type { World } from '../reference/world.ts';
import { existingPaths, pathFrom } from './paths.ts';

export function pathArgument(dice: Dice): PathArgument {
  if (dice.oneIn(40)) return { kind: 'null' };
  if (dice.oneIn(40)) return { kind: 'bad' };
  if (dice.oneIn(40)) return { kind: 'text', text: 'x'.repeat(4095 + dice.roll(2)) };
  return { kind: 'text', text: pathFrom(dice) };
}

export function strings(dice: Dice): StringArray {
  switch (dice.roll(12)) {
    case 6:
      return { kind: 'null' };
    case 7:
      return { kind: 'list', strings: [] };
    case 8:
      return dice.oneIn(2) ? { kind: 'bad' } : { kind: 'list', strings: [{ kind: 'bad' }] };
    case 9:
      return { kind: 'list', strings: [large(dice)] };
    case 10:
      return { kind: 'list', strings: [{ kind: 'text', text: 'x' }, large(dice), { kind: 'bad' }] };
    default:
      return { kind: 'list', strings: ['x', 'yy'].map((text) => ({ kind: 'text', text })) };
  }
}

/** Around every limit: one string, the floor, the stack, the page. */
function large(dice: Dice): ArgumentString {
  const near = dice.roll(5) - 2;
  const [size, count] = dice.pick([
    [4000, 1],
    [131072 + near, 1],
    [131072 - 100 + 8 * near, 1],
    [100000, 1 + dice.roll(90)],
    [1, 8000 + dice.roll(60000)],
    [65536 * 2 - 1, 60 + dice.roll(8)],
    [0, 2 ** 31 - 1 + dice.roll(2)],
  ] as const);
  return { kind: 'fill', size: Math.max(size, 0), count };
}

/** What is referred to, and how. */
export function reference(
  dice: Dice,
  world: World,
  task: string,
): Omit<ExecveatArguments, 'argv' | 'envp'> {
  const how = dice.roll(8);
  const open = [...(world.tasks.get(task)?.fds.keys() ?? [])];
  if (how === 5 || (how > 5 && open.length > 0)) {
    const dirfd = open.length > 0 && !dice.oneIn(6) ? dice.pick(open) : 9;
    return { dirfd, path: { kind: 'text', text: '' }, flags: AT_EMPTY_PATH };
  }
  const flags = dice.pick([0, 0, 0, AT_SYMLINK_NOFOLLOW, AT_EMPTY_PATH, 0]);
  if (how === 4) {
    if (dice.oneIn(8)) return { dirfd: AT_FDCWD, path: { kind: 'text', text: '' }, flags };
    return { dirfd: dice.pick([...open, -1, -5]), path: pathArgument(dice), flags };
  }
  if (how === 3) return { dirfd: AT_FDCWD, path: pathArgument(dice), flags };
  const existing = existingPaths(world, how !== 2);
  const text = existing.length === 0 ? '/' : dice.pick(existing);
  return { dirfd: AT_FDCWD, path: { kind: 'text', text }, flags };
}
