// SPDX-License-Identifier: MIT
import {
  MADV_DODUMP,
  MADV_KEEPONFORK,
  MAP_ANONYMOUS,
  MAP_DROPPABLE,
  MAP_FIXED,
  MAP_FIXED_NOREPLACE,
  MAP_GROWSDOWN,
  MAP_LOCKED,
  MAP_NORESERVE,
  MAP_POPULATE,
  MAP_PRIVATE,
  MAP_SHARED,
  MAP_SHARED_VALIDATE,
  MAP_STACK,
  MAP_SYNC,
  MCL_FUTURE,
  PROT_GROWSDOWN,
  type Operation,
} from '@kernel-models/mm';
import * as op from '../operations.ts';
import {
  advise,
  ANON,
  FORK_CHILD,
  lock,
  map,
  mmap,
  NONE,
  page,
  PAGE,
  place,
  protect,
  R,
  read,
  RW,
  unmap,
  write,
  HUGE,
} from '../operations.ts';
import { at, FILES, history, type Directed } from './history.ts';

/** Histories of arguments that are refused, rounded or ignored. */
export const ARGUMENTS: readonly Directed[] = [
  history('mmap: lengths', ({ taskSize }) => [
    ...[mmap(0n, 0n), mmap(0n, 1n), mmap(0n, taskSize), mmap(0n, taskSize + 1n)],
    ...[mmap(0n, 0xffff_ffff_ffff_f001n), mmap(0n, 0xffff_ffff_ffff_f000n)],
    ...[map(0, 0), mmap(page(0) + 1n, PAGE, { flags: ANON | MAP_FIXED })],
  ]),
  history('mmap: fixed places', ({ taskSize }) => [
    mmap(taskSize - PAGE, PAGE, { flags: ANON | MAP_FIXED_NOREPLACE }),
    mmap(taskSize, PAGE, { flags: ANON | MAP_FIXED }),
    mmap(taskSize - PAGE, 2n * PAGE, { flags: ANON | MAP_FIXED }),
    mmap(0x1000n, PAGE, { flags: ANON | MAP_FIXED }),
    mmap(0x8000n, PAGE, { flags: ANON | MAP_FIXED }),
    mmap(0n, PAGE, { flags: ANON | MAP_FIXED }),
  ]),
  history(
    'mmap: low places with the right to them',
    [
      mmap(0x1000n, PAGE, { flags: ANON | MAP_FIXED }),
      mmap(0n, PAGE, { flags: ANON | MAP_FIXED }),
      { op: 'dropCap', capability: 'CAP_SYS_RAWIO' },
      mmap(0x2000n, PAGE, { flags: ANON | MAP_FIXED }),
      mmap(0n, PAGE, { flags: ANON | MAP_FIXED }),
    ],
    { capabilities: ['CAP_SYS_RAWIO'] },
  ),
  history('mmap: types', [
    ...[0, MAP_SHARED, MAP_PRIVATE, MAP_SHARED_VALIDATE, 4, MAP_DROPPABLE, 15].map((type) =>
      place(1, { flags: MAP_ANONYMOUS | type }),
    ),
    ...[MAP_GROWSDOWN | MAP_SHARED, MAP_GROWSDOWN | MAP_PRIVATE].map((type) =>
      place(1, { flags: MAP_ANONYMOUS | type }),
    ),
    place(1, { flags: ANON | MAP_STACK }),
    place(1, { prot: 0xff, flags: ANON }),
    place(1, { prot: PROT_GROWSDOWN | RW }),
  ]),
  history(
    'mmap: files and their modes',
    [
      ...[0, 1, 2, 3, -1].flatMap((fd) =>
        [MAP_SHARED, MAP_PRIVATE].flatMap((flags) =>
          [R, RW].map((prot) => place(1, { prot, flags, fd })),
        ),
      ),
      place(1, { flags: MAP_SHARED_VALIDATE | MAP_SYNC, fd: 0 }),
      place(1, { flags: MAP_SHARED_VALIDATE, fd: 0 }),
      place(1, { flags: MAP_SHARED | MAP_GROWSDOWN, fd: 0 }),
      place(1, { flags: MAP_DROPPABLE, fd: 0 }),
      { ...mmap(0n, PAGE, { flags: MAP_SHARED, fd: 0 }), offset: 0x800n } as Operation,
      {
        ...mmap(0n, 2n * PAGE, { flags: MAP_SHARED, fd: 0 }),
        offset: 0xfff_ffff_f000n,
      } as Operation,
      {
        ...mmap(0n, 2n * PAGE, { flags: MAP_SHARED, fd: 0 }),
        offset: 0xffff_ffff_ffff_f000n,
      } as Operation,
    ],
    { files: FILES },
  ),
  history(
    'mmap: touching files and past their end',
    [
      map(0, 8, { flags: MAP_SHARED, fd: 0 }),
      ...[write(3), read(4), write(4), unmap(0, 8)],
      map(0, 8, { flags: MAP_PRIVATE, fd: 1 }),
      ...[read(3), write(3), read(4), write(4), protect(0, 2, R), write(0)],
      map(16, 2, { prot: R, flags: MAP_SHARED, fd: 1 }),
      ...[protect(16, 2, RW), write(16), read(16)],
    ],
    { files: FILES },
  ),
  history('mmap: droppable memory', [
    map(0, 2, { flags: MAP_ANONYMOUS | MAP_DROPPABLE }),
    ...[write(0), map(2, 2, { flags: MAP_ANONYMOUS | MAP_DROPPABLE }), map(4, 2)],
    map(6, 1, { flags: MAP_ANONYMOUS | MAP_DROPPABLE | MAP_LOCKED }),
    map(6, 1, { flags: MAP_ANONYMOUS | MAP_DROPPABLE | MAP_GROWSDOWN }),
    ...[lock(0, 2), advise(0, 2, MADV_DODUMP), advise(0, 2, MADV_KEEPONFORK), FORK_CHILD, write(0)],
  ]),
  history('mmap: not over another', [
    map(0, 2),
    mmap(page(1), PAGE, { flags: ANON | MAP_FIXED_NOREPLACE }),
    mmap(page(2), PAGE, { flags: ANON | MAP_FIXED_NOREPLACE }),
    mmap(page(0), 4n * PAGE, { flags: ANON | MAP_FIXED_NOREPLACE | MAP_FIXED }),
  ]),
  history(
    'mmap: locked',
    [
      place(2, { flags: ANON | MAP_LOCKED }),
      place(3, { flags: ANON | MAP_LOCKED }),
      place(2, { prot: NONE, flags: ANON | MAP_LOCKED }),
      op.limit('MEMLOCK', 0n),
      ...[
        place(1, { flags: ANON | MAP_LOCKED }),
        place(1),
        { op: 'mlockall', flags: MCL_FUTURE } as const,
      ],
    ],
    { limits: { MEMLOCK: at(4n * PAGE) } },
  ),
  history(
    'mmap: locked by right',
    [
      place(8, { flags: ANON | MAP_LOCKED }),
      { op: 'dropCap', capability: 'CAP_IPC_LOCK' },
      place(1, { flags: ANON | MAP_LOCKED }),
      ...[map(0, 2), lock(0, 2)],
    ],
    { limits: { MEMLOCK: at(0n) }, capabilities: ['CAP_IPC_LOCK'] },
  ),
  history('mmap: populated memory has its anon_vma', [
    map(0, 2, { flags: ANON | MAP_POPULATE }),
    map(4, 2, { flags: ANON | MAP_POPULATE }),
    map(2, 2),
    map(8, 2, { prot: R, flags: ANON | MAP_POPULATE }),
    map(12, 2, { prot: R }),
    map(10, 2, { prot: R, flags: ANON | MAP_POPULATE }),
  ]),
  history('mmap: more than there is', [
    mmap(0n, HUGE),
    mmap(0n, HUGE, { prot: NONE }),
    mmap(0n, HUGE, { flags: ANON | MAP_NORESERVE }),
    mmap(0n, HUGE, { prot: R }),
    mmap(0n, HUGE, { flags: MAP_ANONYMOUS | MAP_SHARED }),
  ]),
];
