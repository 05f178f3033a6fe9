// SPDX-License-Identifier: MIT
import {
  MAP_ANONYMOUS,
  MAP_FIXED,
  MAP_PRIVATE,
  MREMAP_DONTUNMAP,
  MREMAP_FIXED,
  MREMAP_MAYMOVE,
  PROT_EXEC,
  PROT_READ,
  PROT_WRITE,
  type Operation,
  type Resource,
} from '@kernel-models/mm';

/* Short names for operations, so that a history reads as one. Pages count from the arena's start. */

/** Bytes of a page. */
export const PAGE = 4096n;

/** Where most of what cases map is: free in every layout, far from everything else. */
export const ARENA = 0x1000_0000n;

/** Pages of the arena. Few, so that mappings meet. */
export const ARENA_PAGES = 64;

export const NONE = 0;
export const R: number = PROT_READ;
export const RW: number = PROT_READ | PROT_WRITE;
export const RWX: number = PROT_READ | PROT_WRITE | PROT_EXEC;

/** Bytes: more than a machine has memory. Never written, never locked. */
export const HUGE = 0x10_0000_0000n;

/** MAP_PRIVATE | MAP_ANONYMOUS. */
export const ANON: number = MAP_PRIVATE | MAP_ANONYMOUS;

/** Address of a page of the arena. */
export function page(index: number): bigint {
  return ARENA + BigInt(index) * PAGE;
}

/** Bytes of so many pages. */
export function pages(count: number): bigint {
  return BigInt(count) * PAGE;
}

interface MapOptions {
  readonly prot?: number;
  /** In the place of MAP_PRIVATE | MAP_ANONYMOUS. */
  readonly flags?: number;
  readonly fd?: number;
  /** Pages. */
  readonly offset?: number;
}

/** mmap(2) of bytes at an address. */
export function mmap(address: bigint, length: bigint, options: MapOptions = {}): Operation {
  const { prot = RW, flags = ANON, fd = -1, offset = 0 } = options;
  return { op: 'mmap', address, length, prot, flags, fd, offset: pages(offset) };
}

/** mmap(2) of pages, with MAP_FIXED, in the arena. */
export function map(at: number, count: number, options: MapOptions = {}): Operation {
  const { flags = ANON } = options;
  return mmap(page(at), pages(count), { ...options, flags: flags | MAP_FIXED });
}

/** mmap(2) wherever the kernel likes. */
export function place(count: number, options: MapOptions = {}): Operation {
  return mmap(0n, pages(count), options);
}

export function unmap(at: number, count: number): Operation {
  return { op: 'munmap', address: page(at), length: pages(count) };
}

export function protect(at: number, count: number, prot: number): Operation {
  return { op: 'mprotect', address: page(at), length: pages(count), prot };
}

export function advise(at: number, count: number, advice: number): Operation {
  return { op: 'madvise', address: page(at), length: pages(count), advice };
}

export function lock(at: number, count: number): Operation {
  return { op: 'mlock', address: page(at), length: pages(count) };
}

export function unlock(at: number, count: number): Operation {
  return { op: 'munlock', address: page(at), length: pages(count) };
}

export function seal(at: number, count: number): Operation {
  return { op: 'mseal', address: page(at), length: pages(count), flags: 0 };
}

export function bind(at: number, count: number, mode: number, nodes: bigint): Operation {
  return { op: 'mbind', address: page(at), length: pages(count), mode, nodes, flags: 0 };
}

/** A write, which gives memory its anon_vma. */
export function write(at: number): Operation {
  return { op: 'touchWrite', address: page(at) };
}

export function read(at: number): Operation {
  return { op: 'touchRead', address: page(at) };
}

export function brk(address: bigint): Operation {
  return { op: 'brk', address };
}

export function limit(resource: Resource, soft: bigint, hard: bigint = soft): Operation {
  return { op: 'setrlimit', resource, soft, hard };
}

export const FORK_CHILD: Operation = { op: 'fork', follow: 'child' };
export const FORK_PARENT: Operation = { op: 'fork', follow: 'parent' };

/** mremap(2) in the arena: from a page, so many pages, to so many. */
export function remap(
  at: number,
  oldCount: number,
  newCount: number,
  flags: number = 0,
  to: number = 0,
): Operation {
  return {
    op: 'mremap',
    address: page(at),
    oldLength: pages(oldCount),
    newLength: pages(newCount),
    flags,
    newAddress: page(to),
  };
}

/** mremap(2) to a fixed place. */
export function move(at: number, oldCount: number, newCount: number, to: number): Operation {
  return remap(at, oldCount, newCount, MREMAP_MAYMOVE | MREMAP_FIXED, to);
}

/** mremap(2) to a fixed place; the source stays, empty. */
export function moveLeaving(at: number, count: number, to: number): Operation {
  return remap(at, count, count, MREMAP_MAYMOVE | MREMAP_FIXED | MREMAP_DONTUNMAP, to);
}
