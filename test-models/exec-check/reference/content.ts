// SPDX-License-Identifier: MIT
import { dropPrivileges } from './permission.ts';
import type { Inode, Task, World } from './world.ts';

/** New content, and what that takes away: the signature, setuid, setgid, file capabilities. */
export function replaceContent(world: World, task: Task, inode: Inode, bytes: Uint8Array): void {
  if (inode.kind !== 'file') return;
  inode.lower = undefined;
  inode.bytes = bytes;
  if (world.ima !== undefined) inode.imaUnsigned = true;
  dropPrivileges(world, task, inode);
}
