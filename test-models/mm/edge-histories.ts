// SPDX-License-Identifier: MIT
import type { Operation, Setup } from '@kernel-models/mm';
import {
  PAGE,
  INFINITY,
  HUGE,
  at,
  bytes,
  ANON,
  SHARED,
  STACK,
  LOCKED,
  NORESERVE,
  DROPPABLE,
  map,
  place,
  file,
  range,
  protect,
  write,
  remap,
  bind,
  advise,
  seal,
  limit,
  brk,
  lockAll,
  fork,
  MDWE,
  small,
  PAGES,
  moveVdso,
  NO_DATA,
  LOW_STACK,
  STRICT,
  ROUGH,
  most,
  WRITE_ONLY,
  R,
  RW,
  RX,
  RWX,
  MAYMOVE,
  FIXED,
  DONTUNMAP,
  stack,
  onVdso,
  scattered,
  shown,
} from './edge-operations.ts';

/** A history that ends at an edge, by what the edge is. */
type Row = readonly [name: string, history: readonly Operation[], changes?: Partial<Setup>];

/** Every edge, with what of a small process is otherwise. */
export const EDGES: readonly Row[] = [
  ['RLIMIT_AS, to the page', [limit('AS', PAGES + 4), map(0, 4), map(10, 1)]],
  ['RLIMIT_AS and what is replaced', [map(0, 6), limit('AS', PAGES + 8), map(4, 4)]],
  ['RLIMIT_AS, a page less', [map(0, 6), limit('AS', PAGES + 7), map(4, 4)]],
  ['RLIMIT_AS and DONTUNMAP', [limit('AS', PAGES + 4), map(0, 2), remap(0, 2, 2, DONTUNMAP)]],
  ['RLIMIT_AS, no room for both', [limit('AS', PAGES + 3), map(0, 2), remap(0, 2, 2, DONTUNMAP)]],
  ['RLIMIT_DATA, to the page', [limit('DATA', 6), map(0, 4), map(10, 1)]],
  ['RLIMIT_DATA of what is data already', [map(0, 2), limit('DATA', 1), protect(0, 1, RWX)]],
  ['RLIMIT_DATA of what becomes data', [map(0, 2, R), limit('DATA', 3), protect(0, 2, RW)]],
  ['a soft RLIMIT_DATA of 0', [limit('DATA', 0, bytes(6)), map(0, 4), map(10, 1)]],
  [
    'a heap of all RLIMIT_DATA',
    [limit('DATA', 4), brk(bytes(4) - 0x800n), brk(bytes(4) - 0x7ffn)],
    NO_DATA,
  ],
  [
    'a heap a byte longer',
    [limit('DATA', 4), brk(bytes(3) + 0x7ffn), brk(bytes(3) + 0x801n)],
    NO_DATA,
  ],
  ['a break below the heap over RLIMIT_DATA', [limit('DATA', 0), brk(-1n), brk(0n)], NO_DATA],
  ['RLIMIT_STACK, to the page', [map(20, 1, RW, STACK), limit('STACK', 3), write(18), write(17)]],
  ['RLIMIT_AS of a stack', [map(20, 1, RW, STACK), limit('AS', PAGES + 3), write(18), write(17)]],
  ['RLIMIT_MEMLOCK of mmap', [limit('MEMLOCK', 4), map(0, 4, RW, LOCKED), map(10, 1, RW, LOCKED)]],
  ['RLIMIT_MEMLOCK of brk', [limit('MEMLOCK', 4), lockAll(2), brk(bytes(4)), brk(bytes(5))]],
  [
    'RLIMIT_MEMLOCK of mlock, what is locked counted once',
    [
      map(0, 8),
      limit('MEMLOCK', 4),
      range('mlock', 0, 4),
      range('mlock', 1, 3),
      range('mlock', 2, 3),
    ],
  ],
  [
    'RLIMIT_MEMLOCK of mlock over a part of what is locked',
    [
      map(0, 4),
      map(4, 4, R),
      limit('MEMLOCK', 5),
      range('mlock', 0, 4),
      range('mlock', 3, 2),
      range('mlock', 2, 4),
    ],
  ],
  [
    'RLIMIT_MEMLOCK of mlock, and a range that wraps',
    [limit('MEMLOCK', 1), { op: 'mlock', address: at(0), length: INFINITY - 0x1000n }],
  ],
  [
    'RLIMIT_MEMLOCK of mremap',
    [limit('MEMLOCK', 4), map(0, 2, RW, LOCKED), remap(0, 2, 4, 0), remap(0, 4, 5, 0)],
  ],
  [
    'RLIMIT_MEMLOCK of mremap before RLIMIT_AS',
    [limit('MEMLOCK', 2), map(0, 2, RW, LOCKED), limit('AS', PAGES + 2), remap(0, 2, 4, 0)],
  ],
  [
    'RLIMIT_MEMLOCK of a stack',
    [limit('MEMLOCK', 3), map(20, 1, RW, STACK | 0x2000), write(18), write(17)],
  ],
  ['RLIMIT_MEMLOCK of everything', [limit('MEMLOCK', PAGES), lockAll(1)]],
  ['RLIMIT_MEMLOCK of everything but a page', [limit('MEMLOCK', PAGES - 1), lockAll(1)]],
  ['a RLIMIT_MEMLOCK of 0', [limit('MEMLOCK', 0), map(0, 1, RW, LOCKED), map(0, 1)]],
  ['the last VMA of mmap', [...scattered(6), map(0, 1)], most(8)],
  ['the last VMA of brk', [...scattered(4), brk(1n), map(0, 1), brk(0n), brk(1n)], most(8)],
  [
    'brk refused by the count before the charge',
    [...scattered(5), brk(bytes(40))],
    { ...STRICT, ...most(8) },
  ],
  [
    'brk refused by RLIMIT_AS before the count',
    [...scattered(5), limit('AS', 0), brk(1n)],
    most(8),
  ],
  ['a cut at the count', [map(0, 6), ...scattered(2), protect(2, 2, R), protect(0, 1, R)], most(8)],
  ['a hole at the count', [map(0, 6), ...scattered(3), range('munmap', 2, 1)], most(8)],
  ['a tail at the count', [map(0, 6), ...scattered(3), range('munmap', 4, 2)], most(8)],
  [
    'a sealed hole at the count',
    [map(0, 6), seal(0, 6), ...scattered(3), range('munmap', 2, 1)],
    most(8),
  ],
  ...[4, 5, 6, 7, 8, 9].flatMap((count): readonly Row[] => [
    [
      `a move to a place beside ${count} VMAs`,
      [map(0, 1), ...scattered(count), remap(0, 1, 1, FIXED)],
      most(16),
    ],
    [
      `a move for want of room beside ${count} VMAs`,
      [map(0, 1), map(1, 1, R), ...scattered(count), remap(0, 1, 2, MAYMOVE)],
      most(16),
    ],
  ]),
  ['the last charge', [map(0, 11), map(20, 1)], STRICT],
  ['the charge of what is replaced', [map(0, 11), map(0, 11), map(0, 12)], STRICT],
  [
    'the charge of memory that becomes writable',
    [map(0, 11, R), protect(0, 11, RW), map(20, 1)],
    STRICT,
  ],
  ['the charge of too much of it', [map(0, 12, R), protect(0, 12, RW), map(20, 11)], STRICT],
  ['the charge of growth', [map(0, 10), remap(0, 10, 11, 0), remap(0, 11, 12, 0)], STRICT],
  ['the charge of a move', [map(0, 5), map(5, 1, R), remap(0, 5, 9, MAYMOVE), map(30, 3)], STRICT],
  ['the charge of a child', [map(0, 3), fork('child'), map(10, 1)], STRICT],
  ['the charge of two', [map(0, 2), fork('child'), map(10, 2), map(20, 1)], STRICT],
  ['NORESERVE counts for nothing', [map(0, 12, RW, ANON | NORESERVE)], STRICT],
  ['NORESERVE', [map(0, 65, RW, ANON | NORESERVE), protect(0, 65, R), protect(0, 65, RW)], ROUGH],
  ['more than there is', [map(0, 64), map(0, 65)], ROUGH],
  ['a shared object of more than there is', [map(0, 65, RW, SHARED)], ROUGH],
  ['a shared object without reserve', [map(0, 65, RW, SHARED | NORESERVE)], ROUGH],
  [
    'shared memory becomes writable',
    [map(0, 64, R, SHARED), map(100, 12), protect(0, 64, RW)],
    ROUGH,
  ],

  ['a policy beside none', [map(0, 2), bind(0, 2), map(2, 2)]],
  ['none beside a policy', [map(4, 2), bind(4, 2), map(2, 2)]],
  ['a policy on both sides', [map(0, 2), map(4, 2), bind(0, 2), bind(4, 2), map(2, 2), bind(2, 2)]],
  ['a policy that is no more', [map(0, 4), bind(0, 2), bind(0, 4, 0, 0n)]],
  ['a policy over holes', [map(0, 1), map(2, 1), bind(0, 3), bind(0, 3, 0, 0n), bind(4, 2, 0, 0n)]],
  [
    'inherited and new',
    [map(0, 2), write(0), fork('child'), map(2, 2), write(2), protect(2, 2, R), protect(2, 2, RW)],
  ],
  [
    'inherited by two',
    [map(0, 2), write(0), fork('child'), fork('child'), map(2, 2), write(2), protect(0, 4, R)],
  ],
  [
    'written beside inherited',
    [map(0, 2), write(0), fork('child'), map(2, 2, RWX), write(2), protect(2, 2, RW)],
  ],
  [
    'moved beside inherited',
    [map(0, 4), write(0), fork('child'), map(20, 2), remap(20, 2, 2, FIXED, 4)],
  ],
  [
    'inherited moved beside new',
    [map(0, 2), write(0), fork('child'), map(4, 2), remap(0, 2, 2, FIXED, 6)],
  ],
  [
    'wiped in a child',
    [map(0, 2), write(0), advise(0, 2, 18), fork('child'), map(2, 2), ...shown(0, 2)],
  ],
  ['locked for ever, but for a child', [lockAll(2), fork('child'), map(0, 2)]],
  [
    'both sides written, apart',
    [map(0, 2), map(4, 2), write(0), write(4), map(2, 2), protect(2, 2, R), protect(2, 2, RW)],
  ],
  [
    'the right side lends its pages',
    [map(0, 2), map(4, 2), write(4), map(2, 2), map(8, 2), write(8), map(6, 2)],
  ],
  [
    'shared memory has no pages of its own',
    [map(0, 4, RW, SHARED), protect(1, 1, R), write(0), write(2), protect(1, 1, RW)],
  ],
  ['written with other rights', [map(0, 2), map(2, 2, RWX), write(2), write(0), protect(2, 2, RW)]],
  [
    'written where the offset differs',
    [map(0, 2), write(0), remap(0, 2, 2, FIXED, 10), map(12, 2), write(12), protect(10, 4, R)],
  ],

  ['a move over a hole', [map(0, 2), map(4, 2, R), remap(0, 6, 6, FIXED, 20)]],
  ['a move from a hole', [map(2, 2), remap(0, 4, 4, FIXED, 20)]],
  ['a move of nothing', [remap(0, 4, 4, FIXED, 20)]],
  ['a move to just above', [map(0, 2), remap(0, 2, 2, FIXED, 2)]],
  ['a move to just below', [map(2, 2), remap(2, 2, 2, FIXED, 0)]],
  ['a move onto itself', [map(1, 2), remap(1, 2, 2, FIXED, 0), remap(1, 2, 2, FIXED, 2)]],
  ['a shrinking move across the end', [map(0, 2), map(2, 2, R), remap(0, 4, 2, FIXED, 20)]],
  ['a move across the end', [map(0, 2), map(20, 2), remap(0, 4, 4, FIXED, 20)]],
  ['nothing, across the end', [map(0, 1), remap(0, 3, 3, 0)]],
  ['growth from within', [map(0, 3), remap(0, 2, 4, 0), remap(0, 2, 4, MAYMOVE)]],
  ['a copy of shared memory', [map(0, 2, RW, SHARED), remap(0, 0, 2, MAYMOVE)]],
  ['growth up to the next', [map(0, 1), map(2, 1), remap(0, 1, 2, 0), write(0)]],
  ['growth into the next', [map(0, 1), map(3, 1, R), remap(0, 1, 4, 0), remap(0, 1, 3, 0)]],
  [
    'growth beyond the last address',
    [
      {
        op: 'mremap',
        address: stack.end - PAGE,
        oldLength: PAGE,
        newLength: 2n * PAGE,
        flags: 0,
        newAddress: 0n,
      },
    ],
  ],
  [
    'a length beyond all addresses',
    [
      map(0, 1),
      {
        op: 'mremap',
        address: at(0),
        oldLength: PAGE,
        newLength: 1n << 48n,
        flags: 0,
        newAddress: 0n,
      },
      remap(8, 1, 1, 0),
    ],
  ],
  ['growth to a huge page elsewhere', [map(0, 1), map(1, 1, R), remap(0, 1, 512, MAYMOVE)]],
  [
    'growth of shared memory to a huge page',
    [map(0, 1, R, SHARED), map(1, 1, R), remap(0, 1, 512, MAYMOVE)],
  ],
  ['the first page of the vDSO', [moveVdso(0, 1, FIXED)]],
  ['the last page of the vDSO', [moveVdso(1, 1, FIXED)]],
  ['all of the vDSO', [moveVdso(0, 2, FIXED)]],
  ['the vDSO and more, kept', [moveVdso(0, 3, DONTUNMAP), moveVdso(0, 3, 5)]],
  ['unwritten memory moves as if it were new', [map(0, 2), ...shown(0, 2)]],
  ['written memory keeps its offset', [map(0, 2), write(0), ...shown(0, 2)]],
  [
    'what grows elsewhere is not touched',
    [map(40, 2), map(42, 1, R), remap(40, 2, 4, MAYMOVE), map(0, 2), ...shown(0, 2)],
  ],
  [
    'a part moved, the rest kept',
    [map(0, 4), write(0), remap(0, 2, 2, DONTUNMAP, 20), ...shown(2, 2), map(4, 2)],
  ],
  ['all moved, all kept', [map(0, 2), write(0), remap(0, 2, 2, DONTUNMAP, 20), ...shown(0, 2)]],

  ['populated', [map(0, 2, RW, ANON | 0x8000), ...shown(0, 2)]],
  ['populated if that is at hand', [map(0, 2, RW, ANON | 0x1_8000), ...shown(0, 2)]],
  ['locked', [map(0, 2, RW, LOCKED), range('munlock', 0, 2), ...shown(0, 2)]],
  ['locked by default', [lockAll(2), map(0, 2), { op: 'munlockall' }, ...shown(0, 2)]],
  [
    'locked on fault',
    [
      map(0, 2),
      { op: 'mlock2', address: at(0), length: bytes(2), flags: 1 },
      range('munlock', 0, 2),
      ...shown(0, 2),
    ],
  ],
  [
    'locked, then writable',
    [map(0, 2, R), range('mlock', 0, 2), protect(0, 2, RW), range('munlock', 0, 2), ...shown(0, 2)],
  ],
  [
    'locked, then executable',
    [map(0, 2, RW, ANON), range('mlock', 0, 2), protect(0, 2, RWX), range('munlock', 0, 2)],
  ],
  ['locked twice', [map(0, 4), range('mlock', 0, 2), range('mlock', 0, 4), range('munlock', 1, 2)]],
  ['default no more', [lockAll(2), lockAll(1), map(0, 2)]],
  ['default no more either', [lockAll(3), { op: 'munlockall' }, map(0, 2)]],
  ['on fault alone', [lockAll(4), lockAll(6), map(0, 2)]],
  ['droppable memory is not locked', [map(0, 2, RW, DROPPABLE), range('mlock', 0, 2)]],
  ['nor is the vDSO', [{ op: 'mlock', ...onVdso(0, 2) }, lockAll(1)]],

  [
    'down to a stack that begins behind the range',
    [map(2, 1, RW, STACK), protect(0, 2, 0x0100_0001)],
  ],
  ['down to a stack within the range', [map(1, 2, RW, STACK), protect(0, 2, 0x0100_0001)]],
  ['down from within a stack', [map(0, 4, RW, STACK), protect(2, 1, 0x0100_0001)]],
  [
    'a range that wraps, and protection unknown',
    [{ op: 'mprotect', address: at(0), length: INFINITY, prot: 0x10 }, protect(0, 1, 0x10)],
  ],
  ['sealed with what it has', [map(0, 2), seal(0, 2), protect(0, 2, RW)]],
  ['code that becomes writable', [map(0, 2, RX), MDWE, protect(0, 2, RWX)]],
  [
    'memory that becomes code',
    [map(0, 2, R), MDWE, protect(0, 2, RX), map(4, 1, RX), map(4, 1, RWX)],
  ],
  ['code that stays', [map(0, 2, RX), MDWE, protect(0, 1, R), protect(1, 1, RX)]],
  ['two refusals of a mapping', [map(0, 4), MDWE, seal(0, 4), map(1, 1, RWX)]],
  [
    'the vDSO made writable',
    [
      { op: 'mprotect', ...onVdso(0, 2), prot: RWX },
      { op: 'mprotect', ...onVdso(0, 2), prot: R },
    ],
  ],

  ['a seal over a hole', [map(0, 1), map(2, 1), seal(0, 3), range('munmap', 0, 1)]],
  ['a seal in the middle', [map(0, 6), seal(2, 2), range('munmap', 1, 4), map(0, 6, R)]],
  ['advice over a hole', [map(0, 1), map(2, 1), advise(0, 3, 16), advise(0, 4, 17)]],
  [
    'advice on sealed memory',
    [map(0, 2), map(2, 2, R), seal(0, 4), advise(0, 2, 4), advise(2, 2, 4)],
  ],
  ['advice at the count', [map(0, 6), ...scattered(3), advise(2, 1, 16)], most(8)],
  [
    'pages of the vDSO',
    [8, 4, 16, 17].map((advice) => ({ op: 'madvise', ...onVdso(0, 2), advice })),
  ],
  [
    'droppable memory',
    [map(0, 2, RW, DROPPABLE), advise(0, 2, 17), advise(0, 2, 16), map(2, 2, RW, DROPPABLE)],
  ],
  [
    'droppable memory that grows',
    [map(0, 2, RW, DROPPABLE | 0x100), map(0, 2, RW, DROPPABLE | 0x2000)],
  ],
  ['no huge pages', [map(0, 2), advise(0, 1, 15), advise(1, 1, 15), map(2, 2)]],
  [
    'merged with equals',
    [
      { op: 'setMemoryMerge', on: true },
      map(0, 2),
      map(2, 2, RW, SHARED),
      map(4, 2, RW, DROPPABLE),
      brk(1n),
      file(8, 1, R, 0x11),
    ],
  ],

  ['a stack at its gap', [map(0, 1), map(300, 1, RW, STACK), write(257), write(256)]],
  [
    'a stack above memory without access',
    [map(0, 1, 0), map(300, 1, RW, STACK), write(256), write(1)],
  ],
  ['a stack above another', [map(0, 1, RW, STACK), map(300, 1, RW, STACK), write(256)]],
  [
    'the lowest stack',
    [
      { op: 'touchWrite', address: 0x1_0000n },
      { op: 'touchWrite', address: 0xf000n },
    ],
    LOW_STACK,
  ],
  [
    'below a stack that grew',
    [map(20, 1, RW, STACK), write(18), map(16, 2, RW, STACK), map(21, 1, RW, STACK)],
  ],
  [
    'a stack that was refused',
    [
      map(20, 1, RW, STACK),
      limit('STACK', 1),
      write(18),
      limit('STACK', 9),
      remap(20, 1, 1, FIXED, 60),
      map(61, 1, RW, STACK),
    ],
  ],
  [
    'the end of a file',
    [
      file(0, 9, R, 0x12),
      ...[7, 8].map((page): Operation => ({ op: 'touchRead', address: at(page) })),
    ],
  ],

  [
    'a file that can only be written',
    [file(0, 1, R, 0x12), file(0, 1, R, 0x112), file(0, 1, RW, 0x11)],
    WRITE_ONLY,
  ],
  [
    'a file that can only be read',
    [file(0, 1, RW, 0x11, 1), file(0, 1, R, 0x11, 1), protect(0, 1, RW), file(2, 1, RW, 0x12, 1)],
  ],
  ['flags that nobody knows', [file(0, 1, R, 0x8_0011), file(0, 1, R, 0x8_0013)]],
  [
    'offsets of a 32-bit kernel',
    [
      map(0, 1, R, 0x12, { fd: 0, offset: 0xffff_efff_000n }),
      map(0, 2, R, 0x12, { fd: 0, offset: 0xffff_efff_000n }),
    ],
    { abi: 'arm' },
  ],
  [
    'an error number for an address',
    [INFINITY, INFINITY - 4094n, INFINITY - 4095n].map((address) =>
      map(0, 1, RW, ANON, { address }),
    ),
  ],
  [
    'an error number, and too long',
    [map(0, 1, RW, ANON, { address: INFINITY, length: 1n << 48n })],
  ],
  ['a place that is taken', [map(1, 1), map(0, 2, RW, 0x10_0022), map(0, 1, RW, 0x10_0022)]],
  [
    'the lowest addresses',
    [map(0, 1, RW, ANON, { address: 0x1000n }), map(0, 1, RW, ANON, { address: 0n })],
  ],
  [
    'the lowest hints',
    [
      place(PAGE, { address: 0xf000n }),
      place(PAGE, { address: 0x1_0000n }),
      place(PAGE, { address: 1n }),
    ],
  ],
  [
    'the last address',
    [
      map(0, 1, RW, ANON, { address: small.taskSize - PAGE }),
      map(0, 2, RW, ANON, { address: small.taskSize - PAGE }),
    ],
  ],
  [
    'a hint that just fits',
    [map(4, 1), place(bytes(2), { address: at(2) }), place(bytes(2), { address: at(3) })],
  ],
  [
    'a hint below a stack',
    [
      map(300, 1, RW, STACK),
      place(bytes(2), { address: at(42) }),
      place(bytes(3), { address: at(42) }),
    ],
  ],
  ['below 2 GiB', [place(PAGE, { flags: 0x62 }), place(PAGE, { flags: 0x62 })]],
  [
    'huge pages',
    [place(HUGE), place(HUGE), place(2n * HUGE), place(HUGE + PAGE), place(HUGE, { flags: 0x21 })],
  ],
  ['huge pages from below', [place(HUGE), place(HUGE), place(PAGE)], { layout: 'bottom-up' }],
  ['below a stack, from above', [place(PAGE, { flags: 0x122 }), place(PAGE), place(bytes(300))]],
  [
    'below a stack, from below',
    [place(PAGE, { flags: 0x122 }), place(PAGE), place(bytes(300))],
    { layout: 'bottom-up' },
  ],

  [
    'a heap up to its guard page',
    [map(0, 1, RW, ANON, { address: 0x40_9000n }), brk(bytes(4)), brk(bytes(4) + 1n)],
  ],
  [
    'a heap up to a guard gap',
    [map(0, 1, RW, STACK, { address: 0x60_4000n }), brk(0xf_f000n), brk(0xf_f001n)],
  ],
  [
    'a heap over a hole',
    [
      brk(bytes(4)),
      { op: 'munmap', address: 0x40_6000n, length: bytes(2) },
      brk(bytes(3)),
      brk(bytes(1)),
      brk(bytes(6)),
    ],
  ],
  [
    'a heap before a stranger',
    [
      brk(bytes(2)),
      map(0, 1, RW, ANON, { address: 0x40_6000n }),
      { op: 'munmap', address: 0x40_4000n, length: bytes(2) },
      brk(bytes(1)),
      brk(0n),
    ],
  ],
  [
    'a heap beside written bss',
    [brk(bytes(1)), { op: 'touchWrite', address: 0x40_4000n }, brk(bytes(2))],
  ],
  [
    'a sealed heap',
    [
      brk(bytes(2)),
      { op: 'mseal', address: 0x40_5000n, length: PAGE, flags: 0 },
      brk(bytes(1)),
      brk(bytes(3)),
      brk(0n),
    ],
  ],
];
