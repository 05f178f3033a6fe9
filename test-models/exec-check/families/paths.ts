// SPDX-License-Identifier: MIT
import { INIT } from '@kernel-models/exec-check';
import { PATHS, TASKS } from '../arbitraries.ts';
import type { Dice } from '../dice.ts';
import type { World } from '../reference/world.ts';

/** Mostly a task that is there. */
export function taskFrom(dice: Dice, world: World): string {
  const alive = TASKS.filter((name) => world.tasks.get(name)?.alive === true);
  return alive.length === 0 || dice.oneIn(30) ? dice.pick([...TASKS, INIT]) : dice.pick(alive);
}

/** Descriptors that the task has, and one that it may not have. */
export function fdFrom(dice: Dice, world: World, task: string): number {
  const open = [...(world.tasks.get(task)?.fds.keys() ?? [])];
  return dice.pick([...open, ...open, 9]);
}

export const NEW_FDS: readonly number[] = [3, 4, 5];

/** Where every file and directory of the world can be found, one path for each name. */
export function existingPaths(world: World, regular: boolean): readonly string[] {
  return world.dentries.flatMap(({ inode }, dentry) => {
    const path = pathOf(world, dentry);
    const found = world.inodes[inode];
    const isProc = world.supers[found?.sb ?? 0]?.fs === 'proc';
    const isWanted = !isProc && (!regular || found?.kind === 'file');
    return path !== undefined && isWanted ? [path] : [];
  });
}

function pathOf(world: World, dentry: number): string | undefined {
  const entry = world.dentries[dentry];
  if (entry === undefined || entry.unlinked) return undefined;
  if (entry.parent !== dentry) {
    const parent = pathOf(world, entry.parent);
    return parent === undefined ? undefined : `${parent === '/' ? '' : parent}/${entry.name}`;
  }
  const mount = world.mounts.findIndex(({ root }) => root === dentry);
  const at = world.mounts[mount]?.at;
  if (at !== undefined) return pathOf(world, at.dentry);
  return mount === 0 ? '/' : undefined;
}

/** Paths that lead somewhere, in more and less usual spellings. */
export function pathFrom(dice: Dice): string {
  const plain = dice.pick([...PATHS, '/b', '/b/f', '/b/a', '/o/f', '/o/a', '/o/l', '/d', '/m']);
  switch (dice.roll(16)) {
    case 8:
      return plain.slice(1);
    case 9:
      return `${plain}/`;
    case 10:
      return `/d/..${plain}`;
    case 11:
      return dice.pick(['/missing', '/missing/x', '/f/x', '/f/.', '/', '..', '.', '/d/e']);
    case 12:
      return `/proc/self/fd/${dice.pick([3, 4, 5, 9])}`;
    case 13:
      return dice.pick([
        '/proc/self/status',
        '/proc/self/fd',
        '/m/../f',
        '/b/..',
        `/${'x'.repeat(256)}`,
      ]);
    case 14:
      return `.//./${plain}`;
    case 15:
      return `${plain}${'/.'.repeat(dice.roll(2))}/..${plain}`;
    default:
      return plain;
  }
}

/** Mostly a file that is there. */
export function filePath(dice: Dice, world: World): string {
  const existing = existingPaths(world, true);
  return existing.length === 0 || dice.oneIn(3) ? pathFrom(dice) : dice.pick(existing);
}

/** Paths that are made: never below the overlay's own lower directory. */
export function newPath(dice: Dice): string {
  return dice.pick(['/f', '/a', '/x', '/m/f', '/m/x', '/n/f', '/n/x', '/d/e/x', '/k', '/h']);
}

/** procfs takes no attributes and no new names. */
export function changeable(path: string): string {
  return path.startsWith('/proc') ? '/f' : path;
}

export function someMode(dice: Dice): number {
  return dice.oneIn(2) ? dice.roll(4096) : dice.pick([0o755, 0o644, 0o111, 0o4755, 0o2711, 0o700]);
}
