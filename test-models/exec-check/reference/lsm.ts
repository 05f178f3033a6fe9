// SPDX-License-Identifier: MIT
import type { LsmHook } from '@kernel-models/exec-check';
import { fail, nth, type Place, type Task, type World } from './world.ts';

/** The first rule of the played module that refuses here, if any, decides. */
export function lsmRefuses(
  world: World,
  hook: LsmHook,
  task: string,
  inode: number | undefined,
  isCheck: boolean | undefined,
): void {
  for (const rule of world.lsm) {
    if (rule.hook !== hook) continue;
    if (rule.task !== undefined && rule.task !== task) continue;
    if (rule.isCheck !== undefined && rule.isCheck !== isCheck) continue;
    if (rule.path !== undefined) {
      if (inode === undefined || !nth(world.inodes, inode).lsmPaths.has(rule.path)) continue;
    }
    fail(rule.errno);
  }
}

/** Whether every Landlock layer of the task allows this file to be executed. */
export function landlockAllows(world: World, task: Task, place: Place): boolean {
  if (task.landlock.length === 0) return true;
  if (nth(world.supers, nth(world.mounts, place.mount).sb).fs === 'internal') return true;
  const hierarchy = inodesAbove(world, place);
  return task.landlock.every((domain) => domain.allowed.some((inode) => hierarchy.includes(inode)));
}

/**
 * The file, its directories, and across every mount those above; mount points themselves are
 * hidden.
 */
function inodesAbove(world: World, place: Place): number[] {
  const { root, at } = nth(world.mounts, place.mount);
  const { inode, parent } = nth(world.dentries, place.dentry);
  if (place.dentry !== root) {
    if (parent === place.dentry) return [inode];
    return [inode, ...inodesAbove(world, { mount: place.mount, dentry: parent })];
  }
  return [inode, ...(at === undefined ? [] : aboveMountPoint(world, at))];
}

function aboveMountPoint(world: World, point: Place): number[] {
  const { root, at } = nth(world.mounts, point.mount);
  const { parent } = nth(world.dentries, point.dentry);
  if (point.dentry === root) return at === undefined ? [] : aboveMountPoint(world, at);
  if (parent === point.dentry) return [];
  return inodesAbove(world, { mount: point.mount, dentry: parent });
}
