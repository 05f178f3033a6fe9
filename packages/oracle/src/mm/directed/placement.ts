// SPDX-License-Identifier: MIT
import {
  MADV_DODUMP,
  MADV_DONTNEED,
  MAP_32BIT,
  MAP_ANONYMOUS,
  MAP_FIXED,
  MAP_SHARED,
  MAP_STACK,
  MREMAP_DONTUNMAP,
  MREMAP_MAYMOVE,
  type Operation,
} from '@kernel-models/mm';
import { ANON, map, mmap, NONE, page, PAGE, pages, place, R } from '../operations.ts';
import { GROWING, history, type Directed } from './history.ts';

/** Histories in which the kernel chooses the address. */
export const PLACEMENT: readonly Directed[] = [
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
