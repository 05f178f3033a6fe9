// SPDX-License-Identifier: MIT
import type { Abi, Overcommit } from './setup.ts';
import type { Backing } from './vma.ts';

/** A file that mmap(2) can name. */
export interface OpenFile extends Backing {
  readonly readable: boolean;
  readonly writable: boolean;
}

/** What does not change in a history. Addresses are bytes. */
export interface Machine {
  readonly abi: Abi;
  /** Bits of the address arithmetic: an i386 process runs on a 64-bit kernel. */
  readonly wordBits: 32 | 64;
  /** Whether arguments of system calls have 32 bits. */
  readonly narrow: boolean;
  readonly topDown: boolean;
  readonly taskSize: number;
  readonly mmapBase: number;
  readonly mmapLegacyBase: number;
  /** vm.mmap_min_addr: below it, MAP_FIXED needs CAP_SYS_RAWIO. */
  readonly sysctlMinAddr: number;
  /** The lowest address for placement, hints and growing stacks. */
  readonly minAddr: number;
  readonly stackGuardGap: number;
  readonly maxMapCount: number;
  readonly overcommit: Overcommit;
  readonly files: readonly OpenFile[];
  /** A mask of the NUMA nodes with memory. */
  readonly nodes: bigint;
}
