// SPDX-License-Identifier: MIT
import {
  MAP_ANONYMOUS,
  MAP_FIXED,
  MAP_PRIVATE,
  PROT_READ,
  PROT_WRITE,
  type Operation,
  type Setup,
} from '@kernel-models/mm';

/** Two operations, the second of which takes back what the first did. */
export interface Pair {
  readonly name: string;
  readonly first: (process: Setup) => Operation;
  readonly second: (process: Setup) => Operation;
}

const PAGE = 4096n;
const NO_ACCESS = 0;
const RW = PROT_READ | PROT_WRITE;

/** Where the many mappings are, and where the pair works. */
const FIELD = 0x3000_0000n;
const BESIDE = 0x5000_0000n;

/** Mappings of a process before there are many, and those of the pairs themselves. */
const FEW = 12;

/**
 * What gives a process about so many mappings: pages of one region, every second of them readable;
 * then what the pairs need.
 */
export function manyMappings({ startBrk }: Setup, count: number): readonly Operation[] {
  const odd = Math.max(0, Math.floor((count - FEW) / 2));
  const operations: Operation[] = [
    { op: 'brk', address: startBrk + PAGE },
    map(BESIDE, 3n * PAGE, RW),
    map(FIELD, BigInt(2 * odd + 1) * PAGE, NO_ACCESS),
  ];
  for (let index = 0; index < odd; index += 1) {
    const address = FIELD + BigInt(2 * index + 1) * PAGE;
    operations.push({ op: 'mprotect', address, length: PAGE, prot: PROT_READ });
  }
  return operations;
}

function map(address: bigint, length: bigint, prot: number): Operation {
  const flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED;
  return { op: 'mmap', address, length, prot, flags, fd: -1, offset: 0n };
}

/** What is done, on address spaces of every size. */
export const PAIRS: readonly Pair[] = [
  {
    name: 'brk: grow and shrink by a page',
    first: ({ startBrk }) => ({ op: 'brk', address: startBrk + 2n * PAGE }),
    second: ({ startBrk }) => ({ op: 'brk', address: startBrk + PAGE }),
  },
  {
    name: 'mmap and munmap a page',
    first: () => map(BESIDE + 16n * PAGE, PAGE, RW),
    second: () => ({ op: 'munmap', address: BESIDE + 16n * PAGE, length: PAGE }),
  },
  {
    name: 'mprotect: split in three and merge',
    first: () => ({ op: 'mprotect', address: BESIDE + PAGE, length: PAGE, prot: PROT_READ }),
    second: () => ({ op: 'mprotect', address: BESIDE + PAGE, length: PAGE, prot: RW }),
  },
];
