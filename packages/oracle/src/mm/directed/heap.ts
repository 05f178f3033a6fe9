// SPDX-License-Identifier: MIT
import { MAP_FIXED, MAP_PRIVATE, MCL_FUTURE } from '@kernel-models/mm';
import { ANON, brk, FORK_CHILD, FORK_PARENT, mmap, PAGE, pages, R, RW } from '../operations.ts';
import { at, GROWING, heap, P, type Directed } from './history.ts';

/** Histories of brk(2). */
export const BRK: readonly Directed[] = [
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
