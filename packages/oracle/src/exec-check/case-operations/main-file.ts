// SPDX-License-Identifier: MIT
import type { FanotifyMask, OpenFlag } from '@kernel-models/exec-check';
import fc from 'fast-check';
import { init, other, type Op } from './operands.ts';

/* What a theme begins with: the file that most operations name, as the theme wants it. */

const main = fc.constantFrom('/e/f', '/e/f', '/e/f', '/n/f', '/e/i');

export const openMain: Op = fc.record({
  op: fc.constant('open' as const),
  task: fc.constantFrom('t1', 't2', 'init'),
  fd: fc.constantFrom(3, 4),
  path: main,
  flags: fc.constantFrom<OpenFlag[][]>(['O_RDWR'], ['O_WRONLY'], ['O_RDONLY'], ['O_PATH']),
});

export const becomeUser: Op = fc.constantFrom(7, 8).chain((id) =>
  fc.record({
    op: fc.constant('setresuid' as const),
    task: fc.constantFrom('t1', 't2'),
    ruid: fc.constant(id),
    euid: fc.constant(id),
    suid: fc.constant(id),
  }),
);

export const watchMain: Op = fc.record({
  op: fc.constant('watch' as const),
  task: init,
  watch: fc.integer({ min: 0, max: 2 }),
  path: main,
});

export const listen: Op = fc.record({
  op: fc.constant('fanotifyInit' as const),
  task: init,
  group: fc.constant(0),
  class: fc.constantFrom('FAN_CLASS_CONTENT' as const, 'FAN_CLASS_PRE_CONTENT' as const),
  answer: fc.constantFrom('FAN_ALLOW' as const, 'FAN_DENY' as const),
});

export const markMain: Op = fc.record({
  op: fc.constant('fanotifyMark' as const),
  task: init,
  group: fc.constant(0),
  scope: fc.constantFrom(
    'inode' as const,
    'inode' as const,
    'mount' as const,
    'filesystem' as const,
  ),
  mask: fc.subarray<FanotifyMask>(
    ['FAN_OPEN', 'FAN_OPEN_PERM', 'FAN_OPEN_EXEC_PERM', 'FAN_ACCESS_PERM'],
    { minLength: 1, maxLength: 2 },
  ),
  path: main,
});

/** The exec securebits, which any task may set since Linux 6.14. */
export const restrict: Op = fc.record({
  op: fc.constant('setSecurebits' as const),
  task: other,
  value: fc.constantFrom(0x100n, 0x400n, 0x500n, 0xf00n, 0x300n),
});
