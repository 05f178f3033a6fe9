// SPDX-License-Identifier: MIT
import type { MountFlag, Operation } from '@kernel-models/exec-check';
import fc from 'fast-check';
import { directory, file, gid, mode, path, pick, uid } from '../case-names.ts';
import { acl, fcaps } from '../case-setup.ts';
import { init, type Op } from './operands.ts';

const mountFlags = fc.subarray<MountFlag>(['noexec', 'nosuid', 'nodev', 'nosymfollow']);
export const world: Op = pick<Operation>(
  [1, fc.record({ op: fc.constant('mkfifo' as const), task: init, path, mode })],
  [
    1,
    fc.record({
      op: fc.constant('mknod' as const),
      task: init,
      path,
      kind: fc.constantFrom('socket' as const, 'char' as const, 'block' as const),
      mode,
    }),
  ],
  [1, fc.record({ op: fc.constant('link' as const), task: init, from: path, to: path })],
  [2, fc.record({ op: fc.constant('chown' as const), task: init, path: file, uid, gid })],
  [2, fc.record({ op: fc.constant('setacl' as const), task: init, path: file, acl })],
  [1, fc.record({ op: fc.constant('setfcaps' as const), task: init, path: file, fcaps })],
  [
    2,
    fc.record({
      op: fc.constant('remount' as const),
      task: init,
      path: directory,
      flags: mountFlags,
    }),
  ],
  [1, fc.record({ op: fc.constant('umount' as const), task: init, path: directory })],
  [
    1,
    fc.record({
      op: fc.constant('mount' as const),
      task: init,
      mount: fc.record({
        kind: fc.constant('bind' as const),
        from: pick<string>([1, directory], [1, file]),
        at: pick<string>([1, directory], [1, file]),
        flags: mountFlags,
      }),
    }),
  ],
  [
    1,
    fc.record({
      op: fc.constant('mount' as const),
      task: init,
      mount: fc.record({ kind: fc.constant('tmpfs' as const), at: directory, flags: mountFlags }),
    }),
  ],
);

export const sysctl: Op = fc.record({
  op: fc.constant('sysctlMemfdNoexec' as const),
  task: init,
  value: fc.constantFrom(0 as const, 1 as const, 2 as const),
});
