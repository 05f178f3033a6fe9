// SPDX-License-Identifier: MIT
import { plainTask } from '../plain-task.ts';
import type { Setup } from '../setup.ts';

/**
 * The small world of the documentation: `/e` allows execution, `/n` does not; `/e/i` is a program,
 * `/e/s` a script of uid 7 without execute bits; `t1` and `t2` are uid 7 without capabilities.
 */
export const SMALL_WORLD: Setup = {
  mounts: [
    { kind: 'tmpfs', at: '/e', flags: [] },
    { kind: 'tmpfs', at: '/n', flags: ['noexec'] },
  ],
  nodes: [
    {
      kind: 'file',
      path: '/e/i',
      mode: 0o755,
      uid: 0,
      gid: 0,
      content: { kind: 'elf', program: 'hash', exitCode: 43 },
    },
    {
      kind: 'file',
      path: '/e/s',
      mode: 0o644,
      uid: 7,
      gid: 7,
      content: { kind: 'script', line: '/e/i' },
    },
  ],
  tasks: [plainTask('t1', 7), plainTask('t2', 7)],
};
