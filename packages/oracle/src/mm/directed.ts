// SPDX-License-Identifier: MIT
import {
  MADV_DODUMP,
  MADV_DOFORK,
  MADV_DONTDUMP,
  MADV_DONTFORK,
  MADV_DONTNEED,
  MADV_FREE,
  MADV_KEEPONFORK,
  MADV_NOHUGEPAGE,
  MADV_NORMAL,
  MADV_RANDOM,
  MADV_SEQUENTIAL,
  MADV_WIPEONFORK,
  MAP_32BIT,
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
  MCL_CURRENT,
  MCL_FUTURE,
  MCL_ONFAULT,
  MPOL_BIND,
  MPOL_DEFAULT,
  MPOL_INTERLEAVE,
  MPOL_LOCAL,
  MPOL_PREFERRED,
  MREMAP_DONTUNMAP,
  MREMAP_FIXED,
  MREMAP_MAYMOVE,
  PROT_EXEC,
  PROT_GROWSDOWN,
  PROT_GROWSUP,
  PROT_READ,
  PROT_WRITE,
  type Capability,
  type FileSpec,
  type Operation,
  type Resource,
  type Limit,
  type Setup,
} from '@kernel-models/mm';
import { INFINITY } from './host.ts';
import * as op from './operations.ts';
import { ANON, NONE, page, pages, PAGE, R, RW } from './operations.ts';

const { advise, bind, brk, lock, map, mmap, move, moveLeaving, place, protect } = op;
const { read, remap, seal, unlock, unmap, write, FORK_CHILD, FORK_PARENT } = op;

/** What a history asks of its world. */
export interface Wishes {
  readonly limits?: Partial<Readonly<Record<Resource, Limit>>>;
  readonly capabilities?: readonly Capability[];
  readonly files?: readonly FileSpec[];
}

/** A history that was written for one behaviour. */
export interface Directed extends Wishes {
  readonly name: string;
  /** Without the looks at the address space that stand after each operation. */
  readonly operations: (process: Setup) => readonly Operation[];
}

const RWX = PROT_READ | PROT_WRITE | PROT_EXEC;
const GROWING = ANON | MAP_GROWSDOWN;
const SHARED_ANON = MAP_SHARED | MAP_ANONYMOUS;

/** A limit on both sides. */
function at(bytes: bigint): Limit {
  return { soft: bytes, hard: bytes };
}

function history(
  name: string,
  operations: readonly Operation[] | ((process: Setup) => readonly Operation[]),
  wishes: Wishes = {},
): Directed {
  return {
    name,
    operations: typeof operations === 'function' ? operations : () => operations,
    ...wishes,
  };
}

/** A history of a heap: `b` is the break so many bytes above its start. */
function heap(
  name: string,
  operations: (
    b: (bytes: bigint | number) => Operation,
    at: (page: number) => bigint,
  ) => readonly Operation[],
  wishes: Wishes = {},
): Directed {
  return history(
    name,
    ({ startBrk }) =>
      operations(
        (bytes) => brk(startBrk + BigInt(bytes)),
        (index) => startBrk + pages(index),
      ),
    wishes,
  );
}

const P = 4096;

const BRK: readonly Directed[] = [
  heap('break: bytes and pages', (b) => [b(1), b(P), b(P + 1), b(0x800), b(0), brk(0n), b(-1)]),
  heap('break: heap is gone above a page', (b, at) => [
    ...[b(4 * P), { op: 'munmap', address: at(2), length: pages(2) } as const],
    ...[b(3 * P), b(2 * P), b(P), b(5 * P), b(0), b(P)],
  ]),
  heap('break: heap is gone', (b, at) => [
    ...[b(4 * P), { op: 'munmap', address: at(0), length: pages(4) } as const],
    ...[b(5 * P), b(2 * P), b(0), b(6 * P)],
  ]),
  heap('break: a page is in the way', (b, at) => [
    b(P),
    mmap(at(4), PAGE, { flags: ANON | MAP_FIXED }),
    ...[b(2 * P), b(3 * P), b(3 * P + 1), b(8 * P), b(0)],
  ]),
  heap('break: a stack is in the way', (b, at) => [
    mmap(at(0x200), PAGE, { flags: GROWING | MAP_FIXED }),
    ...[b(0xff000), b(0x100000), b(0xff001), b(0)],
  ]),
  heap('break: read-only in the middle', (b, at) => [
    b(3 * P),
    mmap(at(1), PAGE, { prot: R, flags: ANON | MAP_FIXED }),
    ...[b(5 * P), b(4 * P), b(0)],
  ]),
  heap('break: read-only at the end', (b, at) => [
    b(3 * P),
    { op: 'mprotect', address: at(2), length: PAGE, prot: R },
    ...[b(5 * P), b(P), b(4 * P), b(0)],
  ]),
  heap('break: a mapping in the hole joins the heap', (b, at) => [
    b(4 * P),
    { op: 'munmap', address: at(2), length: pages(2) },
    mmap(at(2), pages(2), { flags: ANON | MAP_FIXED }),
    ...[b(6 * P), b(3 * P), b(0)],
  ]),
  heap('break: of a child', (b, at) => [
    b(2 * P),
    { op: 'touchWrite', address: at(0) },
    FORK_CHILD,
    ...[b(4 * P), b(6 * P), b(P), b(3 * P), b(0)],
  ]),
  heap('break: of a parent', (b, at) => [
    ...[b(2 * P), { op: 'touchWrite', address: at(0) } as const],
    ...[FORK_PARENT, b(4 * P), b(0)],
  ]),
  heap('break: under RLIMIT_DATA', (b) => [b(2 * P), b(4 * P), b(4 * P + 1), b(3 * P), b(9 * P)], {
    limits: { DATA: at(0x800n + 4n * PAGE) },
  }),
  heap('break: under RLIMIT_AS', (b) => [b(P), b(0x100 * P), b(0x80 * P), b(0)], {
    limits: { AS: at(0xc0n * PAGE) },
  }),
  heap(
    'break: locked',
    (b) => [{ op: 'mlockall', flags: MCL_FUTURE }, b(2 * P), b(4 * P), b(5 * P), b(P), b(0)],
    { limits: { MEMLOCK: at(4n * PAGE) } },
  ),
  heap('break: the page below belongs to the program', (b, at) => [
    { op: 'touchWrite', address: at(-1) },
    ...[b(2 * P), { op: 'touchWrite', address: at(0) } as const],
    { op: 'mprotect', address: at(0), length: pages(2), prot: R },
    { op: 'mprotect', address: at(0), length: pages(2), prot: RW },
    b(4 * P),
  ]),
  heap(
    'break: file at the top of the heap',
    (b, at) => [
      b(2 * P),
      mmap(at(1), PAGE, { flags: MAP_PRIVATE | MAP_FIXED, fd: 0 }),
      ...[b(4 * P), b(0)],
    ],
    { files: [{ pages: 4, access: 'rw', inode: 0 }] },
  ),
];

const L = 0;
const M = 2;
const RIGHT = 4;

const MERGING: readonly Directed[] = [
  history('merge: fresh into fresh', [map(L, 2), map(RIGHT, 2), map(M, 2), unmap(M, 2), map(M, 2)]),
  history('merge: left faulted', [map(L, 2), write(0), map(RIGHT, 2), map(M, 2)]),
  history('merge: right faulted', [map(L, 2), map(RIGHT, 2), write(4), map(M, 2)]),
  history('merge: both faulted apart', [
    ...[map(L, 2), map(RIGHT, 2), write(0), write(4), map(M, 2), write(2), unmap(M, 2), map(M, 2)],
  ]),
  history('merge: a neighbour lends its anon_vma', [
    ...[map(L, 2), write(0), map(M, 2, { prot: RWX }), write(2), protect(M, 2, RW)],
  ]),
  history('merge: ends faulted apart, middle protected', [
    ...[map(0, 6), protect(2, 2, R), write(0), write(4), protect(2, 2, RW), write(2)],
  ]),
  history('merge: accounted or not', [
    ...[map(L, 2, { flags: ANON | MAP_NORESERVE }), map(M, 2), map(RIGHT, 2)],
    map(8, 2, { prot: NONE }),
    ...[map(10, 2, { prot: NONE, flags: ANON | MAP_NORESERVE }), protect(8, 4, RW)],
  ]),
  history('merge: accounting is dropped and kept', [
    ...[map(0, 4), protect(0, 2, R), protect(0, 2, RW), write(0), protect(0, 2, R)],
    ...[map(6, 2, { prot: R }), map(4, 2, { prot: R }), protect(0, 8, RW)],
    ...[map(10, 2), protect(10, 2, R), map(12, 2, { prot: R }), protect(10, 4, RW)],
  ]),
  history('merge: shared memory', [
    ...[map(L, 2, { flags: SHARED_ANON }), map(M, 2, { flags: SHARED_ANON }), protect(0, 1, R)],
    ...[protect(0, 1, RW), write(0), unmap(1, 1)],
  ]),
  history(
    'merge: files',
    [
      ...[
        map(0, 1, { flags: MAP_SHARED, fd: 0 }),
        map(1, 1, { flags: MAP_SHARED, fd: 0, offset: 1 }),
      ],
      ...[
        map(2, 1, { flags: MAP_SHARED, fd: 0, offset: 3 }),
        map(3, 1, { flags: MAP_SHARED, fd: 1, offset: 4 }),
      ],
      ...[map(8, 1, { flags: MAP_PRIVATE, fd: 0 }), write(8)],
      ...[
        map(9, 1, { flags: MAP_PRIVATE, fd: 0, offset: 1 }),
        map(10, 1, { flags: MAP_PRIVATE, fd: 1, offset: 2 }),
      ],
    ],
    {
      files: [
        { pages: 8, access: 'rw', inode: 0 },
        { pages: 8, access: 'rw', inode: 0 },
      ],
    },
  ),
  history('merge: child beside what it inherited', [
    ...[map(0, 2), write(0), map(4, 2), FORK_CHILD, map(2, 1), map(6, 1), write(2), write(4)],
    ...[protect(0, 1, R), protect(0, 1, RW), unmap(0, 1), map(0, 1)],
  ]),
  history('merge: parent after a fork', [
    ...[map(0, 2), write(0), FORK_PARENT, map(2, 2), write(2), map(6, 2), map(4, 2)],
  ]),
  history('merge: grandchild', [
    ...[map(0, 4), write(0), FORK_CHILD, write(1), map(4, 1), FORK_CHILD, map(5, 1), write(5)],
    ...[protect(2, 1, R), protect(2, 1, RW), move(4, 1, 1, 8), move(8, 1, 1, 4)],
  ]),
  history('merge: locks keep apart', [
    map(0, 4),
    lock(0, 2),
    unlock(0, 2),
    lock(1, 2),
    unlock(0, 4),
  ]),
  history('merge: two faulted neighbours made alike', [
    ...[map(0, 2), map(2, 2, { prot: R }), write(0), protect(2, 2, RW), map(6, 2), write(6)],
    ...[protect(6, 2, R), map(8, 2), write(8), protect(6, 2, RW)],
  ]),
];

const FILES: readonly FileSpec[] = [
  { pages: 4, access: 'rw', inode: 0 },
  { pages: 4, access: 'r', inode: 1 },
  { pages: 4, access: 'w', inode: 2 },
];

const HUGE = 0x10_0000_0000n;

const ARGUMENTS: readonly Directed[] = [
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

const PLACEMENT: readonly Directed[] = [
  history('placement: one below the other', [
    ...[place(2), place(3), place(1), place(2, { prot: R }), place(2, { flags: ANON | MAP_STACK })],
  ]),
  history('placement: hints', ({ taskSize }) => [
    ...[map(4, 2), mmap(page(0), 4n * PAGE), mmap(page(2), 4n * PAGE), mmap(page(6) + 5n, PAGE)],
    ...[mmap(0x1000n, PAGE), mmap(0x8000n, PAGE, { prot: R }), mmap(0xf000n, 2n * PAGE)],
    ...[mmap(taskSize - PAGE, PAGE), mmap(taskSize, PAGE), mmap(page(30) - 1n, PAGE)],
  ]),
  history('placement: hints below a stack', [
    map(600, 2, { flags: GROWING }),
    mmap(page(600 - 256), PAGE),
    mmap(page(600 - 257), PAGE),
    mmap(page(599), PAGE),
    mmap(page(602), PAGE),
    mmap(page(300), pages(44)),
    mmap(page(298), pages(46), { prot: R }),
  ]),
  history('placement: a guard gap hides holes', ({ mmapBase, layout, mmapLegacyBase }) => {
    const top = layout === 'top-down' ? mmapBase - 0x400000n : mmapLegacyBase + 0x400000n;
    return [
      mmap(top, pages(2), { flags: GROWING | MAP_FIXED }),
      mmap(top - pages(3), PAGE, { prot: R, flags: ANON | MAP_FIXED }),
      mmap(top - pages(300), PAGE, { prot: R, flags: ANON | MAP_FIXED }),
      ...[mmap(0n, 0x3d0000n), mmap(0n, pages(200)), mmap(0n, pages(300)), mmap(0n, PAGE)],
    ];
  }),
  history('placement: in 32 bits', [
    ...[place(1, { flags: ANON | MAP_32BIT }), place(3, { flags: ANON | MAP_32BIT, prot: R })],
    mmap(0x5000_0000n, PAGE, { flags: ANON | MAP_32BIT }),
    mmap(0x9000_0000n, PAGE, { flags: ANON | MAP_32BIT }),
    mmap(0n, 0x4000_0000n, { prot: NONE, flags: ANON | MAP_32BIT }),
    mmap(0n, 0x3000_0000n, { prot: NONE, flags: ANON | MAP_32BIT }),
  ]),
  history('placement: huge pages', [
    ...[mmap(0n, 0x20_0000n), mmap(0n, 0x20_1000n), place(1), mmap(0n, 0x40_0000n, { prot: R })],
    mmap(0n, 0x20_0000n, { flags: MAP_ANONYMOUS | MAP_SHARED }),
    ...[mmap(0n, 0x20_0000n, { prot: NONE }), mmap(page(0), 0x20_0000n), mmap(page(0), 0x20_0000n)],
    place(3),
    mmap(0n, 0x60_0000n),
  ]),
  history('placement: special mappings are whole', (process) => {
    const special = process.vmas.filter(({ name }) => name.startsWith('[v'));
    return special.flatMap(({ start, end }): Operation[] => [
      { op: 'munmap', address: start, length: PAGE },
      { op: 'mprotect', address: start, length: PAGE, prot: R },
      { op: 'mlock', address: start, length: PAGE },
      { op: 'madvise', address: start, length: end - start, advice: MADV_DONTNEED },
      { op: 'madvise', address: start, length: end - start, advice: MADV_DODUMP },
      {
        op: 'mremap',
        address: start,
        oldLength: end - start,
        newLength: end - start + PAGE,
        flags: MREMAP_MAYMOVE,
        newAddress: 0n,
      },
      {
        op: 'mremap',
        address: start,
        oldLength: end - start,
        newLength: end - start,
        flags: MREMAP_MAYMOVE | MREMAP_DONTUNMAP,
        newAddress: 0n,
      },
      { op: 'munmap', address: start, length: end - start },
      place(2),
    ]);
  }),
];

const PROTECTING: readonly Directed[] = [
  history('mprotect: arguments', [
    map(0, 4),
    ...[protect(0, 4, PROT_GROWSDOWN | PROT_GROWSUP), protect(0, 0, R), protect(0, 1, 0x40)],
    { op: 'mprotect', address: page(0) + 1n, length: PAGE, prot: R },
    { op: 'mprotect', address: page(0), length: 0xffff_ffff_ffff_f000n, prot: R },
    { op: 'mprotect', address: page(0), length: 1n, prot: R },
    ...[protect(8, 1, R), protect(3, 4, R), protect(0, 2, R | 8), protect(0, 1, R | PROT_GROWSUP)],
  ]),
  history('mprotect: over a hole', [
    ...[map(0, 2), map(3, 2), protect(0, 5, R), protect(2, 2, R), protect(2, 1, R)],
  ]),
  history(
    'mprotect: what a file allows',
    [
      map(0, 1, { prot: RW }),
      map(1, 1, { prot: R, flags: MAP_SHARED, fd: 1 }),
      map(2, 1, { prot: RW }),
      ...[protect(0, 3, NONE), protect(0, 3, RW), protect(0, 3, R)],
    ],
    { files: FILES },
  ),
  history('mprotect: a stack from its start', [
    map(20, 4, { flags: GROWING }),
    ...[protect(22, 1, R | PROT_GROWSDOWN), protect(10, 1, R | PROT_GROWSDOWN), map(30, 2)],
    ...[protect(30, 1, R | PROT_GROWSDOWN), protect(23, 8, NONE | PROT_GROWSDOWN)],
  ]),
  history(
    'mprotect: RLIMIT_DATA',
    [map(0, 2, { prot: NONE }), map(4, 8, { prot: R }), protect(4, 8, RW), protect(0, 2, RW)],
    { limits: { DATA: at(8n * PAGE) } },
  ),
  history('mprotect: write to execute is refused', [
    ...[
      { op: 'setMdwe' } as const,
      map(0, 2, { prot: RWX }),
      map(0, 2),
      protect(0, 1, R | PROT_EXEC),
    ],
    ...[map(4, 1, { prot: R | PROT_EXEC }), protect(4, 1, R | PROT_EXEC), protect(4, 1, RW)],
  ]),
  history('mprotect: memory that cannot be accounted', [
    mmap(0n, HUGE, { prot: NONE }),
    mmap(0x2_0000_0000n, HUGE, { prot: R, flags: ANON | MAP_FIXED }),
    { op: 'mprotect', address: 0x2_0000_0000n, length: HUGE, prot: RW },
    { op: 'mprotect', address: 0x2_0000_0000n, length: PAGE, prot: RW },
  ]),
  history('mprotect: locked memory becomes writable', [
    ...[map(0, 2, { prot: R }), lock(0, 2), map(4, 2), write(4), protect(0, 2, RW), map(2, 2)],
  ]),
];

const GROWTH: readonly Directed[] = [
  history('growth: down to the next', [
    ...[map(20, 2, { flags: GROWING }), write(19), read(15), write(10), map(9, 1, { prot: NONE })],
    ...[write(10), write(9), map(0, 1), write(8), write(5)],
  ]),
  history('growth: guard gap below', [
    map(600, 2, { flags: GROWING }),
    ...[map(300, 1), write(599), write(557), write(556), write(400), map(301, 1, { prot: NONE })],
    ...[write(500), unmap(300, 1), write(500), write(302)],
  ]),
  history('growth: to another stack', [
    ...[
      map(20, 2, { flags: GROWING }),
      map(10, 2, { flags: GROWING }),
      write(12),
      write(9),
      write(3),
    ],
  ]),
  history(
    'growth: RLIMIT_STACK',
    [map(40, 2, { flags: GROWING }), write(39), write(36), write(35), write(30)],
    { limits: { STACK: { soft: 6n * PAGE, hard: INFINITY } } },
  ),
  history(
    'growth: RLIMIT_MEMLOCK',
    [map(40, 2, { flags: GROWING }), lock(40, 2), write(39), write(37), write(36)],
    { limits: { MEMLOCK: at(4n * PAGE) } },
  ),
  history('growth: RLIMIT_AS', [map(40, 2, { flags: GROWING }), write(38), write(20), write(30)], {
    limits: { AS: at(0x40n * PAGE) },
  }),
  history('growth: of the stack that the process has', ({ vmas }) => {
    const stack = vmas.at(-1);
    if (stack === undefined) return [];
    return [PAGE, 4n * PAGE, 0x10_0000n, 0x80_0000n, 0x60_0000n].map((below): Operation => ({
      op: 'touchWrite',
      address: stack.start - below,
    }));
  }),
  history('growth: below what may be mapped', [
    mmap(0x14000n, PAGE, { flags: GROWING | MAP_FIXED }),
    ...[0x13000n, 0x10000n, 0xf000n, 0x1000n].map((address): Operation => ({
      op: 'touchWrite',
      address,
    })),
  ]),
  history('growth: a read-only stack', [
    ...[map(20, 2, { prot: R, flags: GROWING }), write(19), read(19), read(18), protect(19, 2, RW)],
  ]),
];

const MOVING: readonly Directed[] = [
  history('mremap: arguments', ({ taskSize }) => [
    map(0, 4),
    ...[remap(0, 4, 0), remap(0, 4, 4, 8), remap(0, 0, 4, MREMAP_MAYMOVE), remap(10, 1, 1)],
    ...[remap(0, 4, 4, MREMAP_FIXED, 10), remap(0, 4, 4, MREMAP_DONTUNMAP), remap(0, 8, 4)],
    remap(0, 4, 5, MREMAP_MAYMOVE | MREMAP_DONTUNMAP, 10),
    ...[
      move(0, 4, 4, 2),
      move(0, 2, 2, 2),
      move(0, 4, 4, 0),
      move(10, 1, 1, 20),
      move(10, 1, 1, 10),
    ],
    { ...remap(0, 1, 1), address: page(0) + 1n } as Operation,
    { ...remap(0, 1, 1), newLength: taskSize + PAGE } as Operation,
    { ...remap(10, 1, 1), newLength: taskSize + PAGE } as Operation,
    { ...move(0, 1, 1, 9), newAddress: taskSize } as Operation,
    { ...move(10, 1, 1, 9), newAddress: taskSize } as Operation,
    { ...move(0, 1, 1, 9), newAddress: page(9) + 1n } as Operation,
    { ...moveLeaving(0, 1, 9), oldLength: 4000n } as Operation,
    { ...move(0, 1, 1, 9), oldLength: 1n, newLength: 2n } as Operation,
  ]),
  history('mremap: in place', [
    ...[map(0, 4), remap(0, 4, 8), remap(0, 8, 3), map(4, 1), remap(0, 3, 4), remap(0, 5, 6)],
    ...[map(20, 2), map(24, 2), remap(20, 2, 4), remap(20, 6, 7), remap(20, 2, 4), remap(21, 1, 2)],
    ...[remap(20, 8, 2), remap(20, 1, 40)],
  ]),
  history('mremap: makes way', [
    ...[map(0, 4), map(4, 1, { prot: R }), write(0), remap(0, 4, 8, MREMAP_MAYMOVE)],
    ...[map(10, 6), remap(12, 2, 4, MREMAP_MAYMOVE), remap(10, 2, 2, MREMAP_MAYMOVE)],
  ]),
  history('mremap: to a place', [
    ...[map(0, 6), write(2), move(2, 2, 2, 20), move(20, 2, 2, 2), map(30, 2, { prot: R })],
    ...[move(0, 2, 4, 29), move(4, 2, 1, 40), move(0, 4, 4, 50)],
  ]),
  history('mremap: faulted memory keeps its offset', [
    ...[map(0, 2), write(0), map(10, 2), move(0, 2, 2, 12), map(20, 2), move(20, 2, 2, 14)],
    ...[move(12, 2, 2, 0), map(2, 2)],
  ]),
  history('mremap: several VMAs and holes', [
    ...[map(0, 2), map(3, 2, { prot: R }), map(6, 2), write(3), move(0, 8, 8, 20)],
    ...[move(2, 4, 4, 40), move(1, 4, 4, 40), move(19, 4, 4, 50)],
  ]),
  history('mremap: several VMAs, other lengths', [
    ...[map(0, 2), map(2, 2, { prot: R }), move(0, 4, 5, 20), move(0, 4, 2, 30), move(0, 4, 6, 40)],
    ...[remap(0, 4, 4, MREMAP_MAYMOVE), remap(0, 4, 4)],
  ]),
  history('mremap: a second mapping of shared memory', [
    ...[map(0, 4, { flags: SHARED_ANON }), remap(0, 0, 4, MREMAP_MAYMOVE), remap(0, 0, 4)],
    ...[
      move(0, 0, 2, 20),
      map(30, 4),
      move(30, 0, 4, 40),
      remap(0, 4, 8, MREMAP_MAYMOVE),
      write(2),
    ],
  ]),
  history('mremap: shared memory past its end', [
    ...[map(0, 2, { flags: SHARED_ANON }), remap(0, 2, 4), write(1), write(3), read(3)],
  ]),
  history('mremap: leaves an empty source', [
    ...[map(0, 4), write(0), moveLeaving(0, 4, 20), write(0), map(4, 2), moveLeaving(1, 2, 30)],
    remap(20, 4, 4, MREMAP_MAYMOVE | MREMAP_DONTUNMAP, 50),
    remap(0, 4, 4, MREMAP_MAYMOVE | MREMAP_DONTUNMAP),
  ]),
  history('mremap: leaves a locked source', [
    ...[map(0, 4), lock(0, 4), moveLeaving(0, 4, 20), unmap(0, 4), unmap(20, 4)],
  ]),
  history('mremap: leaves part of a locked source', [
    ...[map(0, 6), lock(0, 6), moveLeaving(2, 2, 20), unmap(0, 6), unmap(20, 2)],
  ]),
  history(
    'mremap: eats the budget of RLIMIT_MEMLOCK',
    [
      ...[map(0, 2), lock(0, 2), moveLeaving(0, 2, 20), unmap(0, 2), unmap(20, 2)],
      ...[map(0, 3), lock(0, 3), lock(0, 2), unlock(0, 3)],
    ],
    { limits: { MEMLOCK: at(4n * PAGE) } },
  ),
  history('mremap: a source with a stale offset', [
    ...[map(0, 2), write(0), move(0, 2, 2, 20), moveLeaving(20, 2, 40), map(22, 2), map(18, 2)],
    ...[write(20), unmap(16, 10), map(20, 2)],
  ]),
  history('mremap: leaves a source next to its target', [
    ...[map(0, 2), moveLeaving(0, 2, 2), map(10, 2), lock(10, 2), moveLeaving(10, 2, 12)],
    ...[unmap(10, 4), map(20, 2), map(24, 2), moveLeaving(20, 2, 22)],
  ]),
  history(
    'mremap: limits',
    [
      ...[map(0, 4), lock(0, 2), remap(0, 2, 3), remap(0, 2, 8, MREMAP_MAYMOVE)],
      remap(0, 2, 2, MREMAP_MAYMOVE | MREMAP_DONTUNMAP),
      ...[move(0, 2, 8, 20), remap(2, 2, 60), op.limit('AS', 0x40n * PAGE), remap(2, 2, 60)],
      moveLeaving(2, 2, 20),
    ],
    { limits: { MEMLOCK: at(3n * PAGE) } },
  ),
  history('mremap: a target is gone though the call fails', [
    ...[map(0, 2), map(20, 4), move(0, 4, 4, 20), map(20, 4), move(0, 8, 6, 20), map(20, 4)],
    ...[move(0, 8, 2, 20), map(40, 8), move(1, 4, 3, 42)],
  ]),
  history(
    'mremap: files',
    [
      map(0, 4, { flags: MAP_SHARED, fd: 0 }),
      ...[remap(0, 4, 6), move(2, 2, 2, 20), move(0, 2, 4, 18), remap(18, 2, 2), write(18)],
      map(40, 2, { flags: MAP_PRIVATE, fd: 0 }),
      ...[
        write(40),
        moveLeaving(40, 2, 50),
        write(40),
        map(42, 2, { flags: MAP_PRIVATE, fd: 0, offset: 2 }),
      ],
    ],
    { files: FILES },
  ),
];

const REFUSED: readonly Directed[] = [
  history(
    'refused: mmap over others, RLIMIT_DATA',
    [map(0, 4), map(8, 4), map(2, 8, { prot: RW }), map(1, 2), map(3, 6, { prot: R })],
    { limits: { DATA: at(10n * PAGE) } },
  ),
  history(
    'refused: mmap over others, RLIMIT_AS',
    [map(0, 4), map(8, 4), map(2, 60), map(2, 8), map(1, 2, { prot: R })],
    { limits: { AS: at(0x44n * PAGE) } },
  ),
  history('refused: mmap over others, memory', [
    mmap(0x2_0000_0000n, pages(4), { flags: ANON | MAP_FIXED }),
    mmap(0x2_0000_2000n, HUGE, { flags: ANON | MAP_FIXED }),
    mmap(0x2_0000_1000n, PAGE, { prot: R, flags: ANON | MAP_FIXED }),
  ]),
  history('refused: mlock and madvise stop or go on at holes', [
    ...[map(0, 2), map(3, 2), lock(0, 5), unlock(0, 5), advise(0, 5, MADV_RANDOM), lock(2, 1)],
    ...[advise(2, 1, MADV_NORMAL), advise(0, 5, MADV_NORMAL), bind(0, 5, MPOL_BIND, 1n)],
  ]),
  history('refused: sealed in the middle', [
    ...[map(0, 8), seal(3, 2), unmap(1, 6), unmap(0, 2), map(2, 4), protect(0, 8, R), lock(2, 4)],
    ...[move(3, 2, 2, 20), move(20, 2, 2, 4), advise(3, 1, MADV_DONTNEED), write(3), seal(1, 8)],
    ...[protect(2, 1, R), seal(2, 1), advise(2, 1, MADV_DONTNEED), advise(2, 1, MADV_FREE)],
  ]),
  heap('refused: sealed heap', (b, at) => [
    b(4 * P),
    { op: 'mseal', address: at(2), length: PAGE, flags: 0 },
    ...[b(3 * P), b(P), b(5 * P), b(0)],
  ]),
];

const LOCKING: readonly Directed[] = [
  history('mlock: arguments', [
    map(0, 4),
    ...[lock(0, 0), lock(8, 1), { op: 'mlock', address: page(1) + 5n, length: 1n } as const],
    { op: 'mlock', address: page(0), length: 0xffff_ffff_ffff_f000n },
    { op: 'mlock2', address: page(0), length: PAGE, flags: 2 },
    { op: 'mlock2', address: page(2), length: PAGE, flags: 1 },
    ...[map(10, 2, { prot: NONE }), lock(10, 2), unlock(0, 12), unlock(0, 2)],
    ...[0, 8, MCL_ONFAULT, MCL_CURRENT | MCL_ONFAULT].map((flags): Operation => ({
      op: 'mlockall',
      flags,
    })),
    { op: 'munlockall' },
  ]),
  history(
    'mlock: RLIMIT_MEMLOCK',
    [
      map(0, 8),
      lock(0, 4),
      lock(0, 4),
      lock(2, 3),
      unlock(0, 2),
      lock(3, 4),
      op.limit('MEMLOCK', 0n),
      lock(0, 1),
    ],
    { limits: { MEMLOCK: at(4n * PAGE) } },
  ),
  history('mlock: everything, and what comes', [
    map(0, 2),
    { op: 'mlockall', flags: MCL_CURRENT },
    ...[
      map(2, 2),
      { op: 'mlockall', flags: MCL_FUTURE } as const,
      map(4, 2),
      map(6, 1, { prot: NONE }),
    ],
    ...[{ op: 'mlockall', flags: MCL_FUTURE | MCL_ONFAULT } as const, map(8, 2), FORK_CHILD],
    ...[map(10, 2), { op: 'munlockall' } as const, map(12, 1)],
  ]),
  history('mlock: locking faults memory in', [
    ...[map(0, 2), lock(0, 2), unlock(0, 2), map(4, 2), lock(4, 2), unlock(4, 2), map(2, 2)],
    ...[map(10, 2, { prot: R }), lock(10, 2), protect(10, 2, RW)],
  ]),
];

const ADVICE = [
  ...[MADV_RANDOM, MADV_SEQUENTIAL, MADV_NORMAL, MADV_DONTFORK, MADV_DOFORK, MADV_NOHUGEPAGE],
  ...[MADV_DONTDUMP, MADV_DODUMP, MADV_WIPEONFORK, MADV_KEEPONFORK, MADV_DONTNEED, MADV_FREE],
  ...[99],
];

const ADVISING: readonly Directed[] = [
  history('madvise: each advice', [map(0, 4), write(1), ...ADVICE.map((one) => advise(1, 2, one))]),
  history('madvise: on locked memory', [
    ...[map(0, 4), lock(0, 4), ...ADVICE.map((one) => advise(1, 2, one))],
  ]),
  history(
    'madvise: on files and shared memory',
    [
      map(0, 2, { flags: MAP_SHARED, fd: 0 }),
      map(2, 2, { flags: SHARED_ANON }),
      map(4, 2, { flags: MAP_PRIVATE, fd: 0 }),
      ...[0, 2, 4].flatMap((at) => ADVICE.map((one) => advise(at, 1, one))),
    ],
    { files: FILES },
  ),
  history('madvise: arguments', [
    map(0, 2),
    { op: 'madvise', address: page(0) + 1n, length: PAGE, advice: MADV_NORMAL },
    { op: 'madvise', address: page(0), length: 0xffff_ffff_ffff_ffffn, advice: MADV_NORMAL },
    { op: 'madvise', address: page(0), length: 0n, advice: MADV_NORMAL },
    { op: 'madvise', address: page(0), length: 0n, advice: 99 },
    { op: 'madvise', address: page(0), length: 5n, advice: MADV_RANDOM },
  ]),
  history('mbind: policies keep apart', [
    ...[map(0, 4), bind(0, 2, MPOL_BIND, 1n), bind(2, 2, MPOL_PREFERRED, 1n)],
    ...[bind(2, 2, MPOL_BIND, 1n), bind(0, 4, MPOL_DEFAULT, 0n), bind(1, 1, MPOL_LOCAL, 0n)],
    ...[bind(0, 1, MPOL_INTERLEAVE, 1n), bind(0, 1, MPOL_BIND, 2n), bind(0, 1, 77, 1n)],
    ...[bind(0, 1, MPOL_DEFAULT, 1n), bind(0, 1, MPOL_BIND, 0n), bind(0, 6, MPOL_DEFAULT, 0n)],
    { ...bind(0, 1, MPOL_BIND, 1n), address: page(0) + 1n } as Operation,
    { ...bind(0, 1, MPOL_BIND, 1n), length: 0n } as Operation,
    { ...bind(0, 1, MPOL_BIND, 1n), flags: 0x40 } as Operation,
  ]),
  history('mseal: arguments', [
    map(0, 4),
    { ...seal(0, 1), flags: 1 } as Operation,
    { ...seal(0, 1), address: page(0) + 1n } as Operation,
    { ...seal(0, 1), length: 0n } as Operation,
    { ...seal(0, 1), length: 0xffff_ffff_ffff_f000n } as Operation,
    ...[seal(2, 4), seal(6, 1), seal(1, 1), seal(1, 1), seal(0, 4), FORK_CHILD, unmap(1, 1)],
  ]),
];

const FORKING: readonly Directed[] = [
  history('fork: what a child gets', [
    ...[map(0, 2), write(0), map(4, 2), advise(4, 2, MADV_DONTFORK), map(8, 2), lock(8, 2)],
    ...[map(12, 2), write(12), advise(12, 2, MADV_WIPEONFORK), FORK_CHILD, write(0), write(12)],
    ...[map(14, 2), map(2, 2), map(10, 2)],
  ]),
  history(
    'fork: limits of a child',
    [{ op: 'mlockall', flags: MCL_FUTURE }, map(0, 2), FORK_CHILD, map(2, 2), lock(0, 3)],
    { limits: { MEMLOCK: at(4n * PAGE) } },
  ),
  history('fork: moved memory of a child', [
    ...[map(0, 4), write(0), FORK_CHILD, move(0, 2, 2, 20), move(20, 2, 2, 0), map(4, 2)],
    ...[map(10, 2), write(10), move(2, 2, 2, 12), protect(10, 1, R), protect(10, 1, RW)],
  ]),
  history('merging pages: new memory', [
    map(0, 2),
    { op: 'setMemoryMerge', on: true },
    ...[map(2, 2), map(4, 2), map(8, 2), { op: 'setMemoryMerge', on: false } as const, map(6, 2)],
  ]),
  heap('merging pages: a heap', (b) => [
    ...[b(P), { op: 'setMemoryMerge', on: true } as const, b(3 * P), b(5 * P), FORK_CHILD],
    ...[b(6 * P), { op: 'setMemoryMerge', on: false } as const, b(8 * P), b(P)],
  ]),
];

/** Histories for every row of the tables of rules, and for every difference of revisions. */
export const DIRECTED: readonly Directed[] = [
  ...BRK,
  ...MERGING,
  ...ARGUMENTS,
  ...PLACEMENT,
  ...PROTECTING,
  ...GROWTH,
  ...MOVING,
  ...REFUSED,
  ...LOCKING,
  ...ADVISING,
  ...FORKING,
];
