// SPDX-License-Identifier: MIT
import type { Capability, Resource } from './operation.ts';

/** The interface that a process uses, and the kernel below it: i386 is a 32-bit process on x86-64. */
export type Abi = 'x86-64' | 'i386' | 'arm';

export const ABIS: readonly Abi[] = ['x86-64', 'i386', 'arm'];

/** Shape of the maple tree's nodes: `tuned` is of the same content and not the kernel's. */
export type TreeGeometry = 'kernel64' | 'kernel32' | 'tuned';

export const TREE_GEOMETRIES: readonly TreeGeometry[] = ['kernel64', 'kernel32', 'tuned'];

/** A resource limit, in bytes; 0xffffffffffffffff is RLIM_INFINITY. */
export interface Limit {
  readonly soft: bigint;
  readonly hard: bigint;
}

/** An open file that mmap(2) may name by its index. */
export interface FileSpec {
  /** Its size. It stays so. */
  readonly pages: number;
  /** The mode that it was opened in. */
  readonly access: 'r' | 'w' | 'rw';
  /** Two descriptors may be of one inode. */
  readonly inode: number;
}

/** A mapping that is there from the start. */
export interface VmaSpec {
  readonly start: bigint;
  readonly end: bigint;
  /** VmFlags, as /proc/PID/smaps prints them. */
  readonly flags: string;
  /** Bytes, as /proc/PID/maps prints it. */
  readonly offset: bigint;
  /** As in `SmapsVma`. `[heap]` and `[stack]` follow from the addresses. */
  readonly name: string;
  /** Whether some page of it was written, so that it has an anon_vma. */
  readonly faulted: boolean;
}

/** vm.overcommit_memory and what it counts with, in pages. */
export interface Overcommit {
  /** 0: a single request must not exceed memory and swap; 1: anything goes; 2: commitLimit holds. */
  readonly mode: 0 | 1 | 2;
  /** Memory and swap. */
  readonly totalPages: number;
  /** What this process and its waiting parents may have charged together. Mode 2 alone reads it. */
  readonly commitLimit: number;
}

/**
 * The process before the first operation, and the machine that it runs on. Measured by a probe, or
 * written by hand.
 */
export interface Setup {
  readonly abi: Abi;
  /** Absent: `kernel32` for arm, `kernel64` for the others. */
  readonly geometry?: TreeGeometry;
  readonly layout: 'top-down' | 'bottom-up';
  /** First address that is none of user space. */
  readonly taskSize: bigint;
  /** Top of the window for mappings, top-down. */
  readonly mmapBase: bigint;
  /** Bottom of the window for mappings, bottom-up. */
  readonly mmapLegacyBase: bigint;
  /** vm.mmap_min_addr. */
  readonly mmapMinAddr: bigint;
  /** CONFIG_LSM_MMAP_MIN_ADDR. */
  readonly lsmMmapMinAddr: bigint;
  /** Bytes that stay free below a VMA that grows down. */
  readonly stackGuardGap: bigint;
  readonly startData: bigint;
  readonly endData: bigint;
  readonly startBrk: bigint;
  readonly brk: bigint;
  readonly startStack: bigint;
  readonly limits: Readonly<Record<Resource, Limit>>;
  readonly capabilities: readonly Capability[];
  /** vm.max_map_count. */
  readonly maxMapCount: number;
  readonly overcommit: Overcommit;
  readonly files: readonly FileSpec[];
  readonly vmas: readonly VmaSpec[];
  /** NUMA nodes with memory, from 0 on. Absent: one. */
  readonly numaNodes?: number;
  /** Which allocations of the kernel fail, counted from 1 through the history. Absent: none. */
  readonly failAllocations?: readonly number[];
}
