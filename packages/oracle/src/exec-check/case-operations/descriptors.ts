// SPDX-License-Identifier: MIT
import {
  ANONYMOUS_KINDS,
  MEMFD_FLAGS,
  type OpenFlag,
  type Operation,
  type Protection,
} from '@kernel-models/exec-check';
import fc, { type Arbitrary } from 'fast-check';
import { directory, fd, file, mode, path, pick, task } from '../case-names.ts';
import { content } from '../case-setup.ts';
import type { Op } from './operands.ts';

const openFlags: Arbitrary<OpenFlag[]> = pick<OpenFlag[]>(
  [4, fc.constantFrom<OpenFlag[][]>(['O_RDONLY'], ['O_PATH'], ['O_RDONLY', 'O_CLOEXEC'])],
  [3, fc.constantFrom<OpenFlag[][]>(['O_WRONLY'], ['O_RDWR'], ['O_WRONLY', 'O_APPEND'])],
  [
    1,
    fc.constantFrom<OpenFlag[][]>(
      ['O_PATH', 'O_NOFOLLOW'],
      ['O_WRONLY', 'O_TRUNC'],
      ['O_DIRECTORY'],
    ),
  ],
);

export const open: Op = pick(
  [
    6,
    fc.record({
      op: fc.constant('open' as const),
      task,
      fd,
      path: pick([6, file], [1, directory], [1, path]),
      flags: openFlags,
    }),
  ],
  [
    1,
    fc.record({
      op: fc.constant('open' as const),
      task,
      fd,
      path: directory,
      flags: fc.constantFrom<OpenFlag[][]>(
        ['O_TMPFILE', 'O_RDWR'],
        ['O_TMPFILE', 'O_WRONLY'],
        ['O_TMPFILE'],
      ),
      mode,
    }),
  ],
);

export const close: Op = fc.record({ op: fc.constant('close' as const), task, fd });
export const dup: Op = fc.record({
  op: fc.constant('dup' as const),
  task,
  from: fd,
  to: fd,
  cloexec: fc.boolean(),
});
export const fstat: Op = fc.record({ op: fc.constant('fstat' as const), task, fd });
export const fwrite: Op = fc.record({ op: fc.constant('fwrite' as const), task, fd, content });
export const anonymous: Op = fc.record({
  op: fc.constant('anonymous' as const),
  task,
  fd,
  kind: fc.constantFrom(...ANONYMOUS_KINDS),
});
export const memfdCreate: Op = fc.record({
  op: fc.constant('memfdCreate' as const),
  task,
  fd,
  flags: fc.subarray([...MEMFD_FLAGS]),
});

const prot: Arbitrary<Protection[]> = fc.subarray<Protection>([
  'PROT_READ',
  'PROT_WRITE',
  'PROT_EXEC',
]);
const map = fc.integer({ min: 0, max: 2 });
export const mapping: Op = pick<Operation>(
  [
    4,
    fc.record({
      op: fc.constant('mmap' as const),
      task,
      map,
      fd,
      sharing: fc.constantFrom('MAP_SHARED' as const, 'MAP_PRIVATE' as const),
      prot,
    }),
  ],
  [
    1,
    fc.record({
      op: fc.constant('mmap' as const),
      task,
      map,
      sharing: fc.constantFrom('MAP_SHARED' as const, 'MAP_PRIVATE' as const),
      prot,
    }),
  ],
  [3, fc.record({ op: fc.constant('mprotect' as const), task, map, prot })],
  [1, fc.record({ op: fc.constant('munmap' as const), task, map })],
);
