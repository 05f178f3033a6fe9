// SPDX-License-Identifier: MIT
import { ANONYMOUS_KINDS, type Operation } from '@kernel-models/exec-check';
import type { Dice } from '../dice.ts';
import type { World } from '../reference/world.ts';
import { someContent } from './file.ts';
import { fdFrom, filePath, NEW_FDS } from './paths.ts';

export function descriptor(dice: Dice, world: World, task: string): Operation {
  const fd = dice.pick(NEW_FDS);
  switch (dice.roll(16)) {
    case 7:
      return { op: 'close', task, fd: fdFrom(dice, world, task) };
    case 8:
      return { op: 'dup', task, from: fdFrom(dice, world, task), to: fd, cloexec: dice.oneIn(2) };
    case 9:
      return {
        op: 'memfdCreate',
        task,
        fd,
        flags: dice.pick([
          [],
          [],
          ['MFD_EXEC'],
          ['MFD_NOEXEC_SEAL'],
          ['MFD_EXEC', 'MFD_NOEXEC_SEAL'],
          ['MFD_CLOEXEC'],
          ['MFD_ALLOW_SEALING'],
        ] as const),
      };
    case 10:
      return { op: 'fwrite', task, fd: fdFrom(dice, world, task), content: someContent(dice) };
    case 11:
      return { op: 'anonymous', task, fd, kind: dice.pick(ANONYMOUS_KINDS) };
    case 12:
      return {
        op: 'mmap',
        task,
        map: dice.roll(2),
        ...(!dice.oneIn(8) && { fd: fdFrom(dice, world, task) }),
        sharing: dice.pick(['MAP_SHARED', 'MAP_PRIVATE'] as const),
        prot: dice.pick([
          ['PROT_READ'],
          ['PROT_READ', 'PROT_WRITE'],
          ['PROT_READ', 'PROT_EXEC'],
          ['PROT_WRITE'],
        ] as const),
      };
    case 13:
      return dice.oneIn(2)
        ? { op: 'munmap', task, map: dice.roll(2) }
        : {
            op: 'mprotect',
            task,
            map: dice.roll(2),
            prot: dice.pick([['PROT_EXEC'], ['PROT_WRITE'], ['PROT_READ']] as const),
          };
    case 14:
      return { op: 'fstat', task, fd: fdFrom(dice, world, task) };
    default:
      return {
        op: 'open',
        task,
        fd,
        path: filePath(dice, world),
        flags: dice.pick([
          ['O_RDONLY'],
          ['O_PATH'],
          ['O_RDWR'],
          ['O_WRONLY'],
          ['O_PATH', 'O_NOFOLLOW'],
          ['O_RDONLY', 'O_CLOEXEC'],
          ['O_RDONLY', 'O_CLOEXEC'],
          ['O_PATH', 'O_CLOEXEC'],
          ['O_RDONLY', 'O_DIRECTORY'],
          ['O_RDWR', 'O_APPEND'],
          ['O_RDONLY', 'O_TRUNC'],
          ['O_RDWR', 'O_TRUNC', 'O_CLOEXEC'],
          ['O_RDWR', 'O_TMPFILE'],
          ['O_RDONLY', 'O_TMPFILE'],
          ['O_RDONLY', 'O_NOFOLLOW'],
        ] as const),
        mode: dice.pick([0o755, 0o700, 0o2777, 0]),
      };
  }
}
