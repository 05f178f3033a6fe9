// SPDX-License-Identifier: MIT
import { ALL_CAPABILITIES } from './capability.ts';
import type { TaskSpec } from './setup.ts';

/**
 * A process of an ordinary user: every id is `uid`, no capability but a full bounding set, securebits
 * 0, cwd `/`.
 *
 * @param changes what differs from that
 */
export function plainTask(name: string, uid: number, changes: Partial<TaskSpec> = {}): TaskSpec {
  return {
    name,
    ruid: uid,
    euid: uid,
    suid: uid,
    fsuid: uid,
    rgid: uid,
    egid: uid,
    sgid: uid,
    fsgid: uid,
    groups: [],
    caps: {
      effective: 0n,
      permitted: 0n,
      inheritable: 0n,
      bounding: ALL_CAPABILITIES,
      ambient: 0n,
    },
    securebits: 0,
    noNewPrivs: false,
    cwd: '/',
    ...changes,
  };
}
