// SPDX-License-Identifier: MIT
import { PAGE_SIZE } from './constants.ts';
import { VM_ACCESS_FLAGS, VM_GROWSDOWN } from './vm-flags.ts';

/** What a mapping shows when it is not private anonymous memory. */
export interface Backing {
  /** Tells one open file, or one shared object, from every other. */
  readonly id: number;
  /** As in `SmapsVma`. */
  readonly name: string;
  /** Size; a touch behind it fails. Never changes. */
  readonly pages: number;
}

/** The chain of a VMA that was never written to. */
export const NO_CHAIN: readonly number[] = Object.freeze([]);

/**
 * One range of addresses with one set of attributes: struct vm_area_struct. Immutable; a change
 * makes another one, which the tree then holds in its place. Addresses are bytes, below 2^51.
 */
export interface Vma {
  readonly start: number;
  /** Exclusive. */
  readonly end: number;
  /** VM_* bits, an int32. */
  readonly flags: number;
  /** Pages: the offset in the file, or for private anonymous memory the place where it began. */
  readonly pgoff: number;
  /** vm_file, or the object of anonymous shared memory. Null: private anonymous memory. */
  readonly backing: Backing | null;
  /** The anon_vma that new pages belong to; 0: none, nothing of it was ever written. */
  readonly anonVma: number;
  /** anon_vma_chain: every anon_vma that pages of it may belong to, the parents' first. */
  readonly chain: readonly number[];
  /** Memory policy of mbind(2); null: the task's. Equal policies are equal texts. */
  readonly policy: string | null;
  /** Name of a special mapping, such as `[vdso]`, which cannot be split; null: none. */
  readonly special: string | null;
}

/*
 * Copies with other values, field by field: a spread costs three times as much, and a pair of
 * system calls makes six.
 */

/**
 * Whether a VMA is anonymous memory: neither a file's nor one of the kernel's own, as the vDSO is.
 * Mirrors vma_is_anonymous(), include/linux/mm.h.
 */
export function isAnonymous({ backing, special }: Vma): boolean {
  return backing === null && special === null;
}

/** The VMA over another range. */
export function withRange(vma: Vma, start: number, end: number, pgoff: number): Vma {
  const { anonVma, backing, chain, flags, policy, special } = vma;
  return { start, end, flags, pgoff, backing, anonVma, chain, policy, special };
}

/** The VMA with other flags and another policy. */
export function withFlags(vma: Vma, flags: number, policy: string | null = vma.policy): Vma {
  const { anonVma, backing, chain, end, pgoff, special, start } = vma;
  return { start, end, flags, pgoff, backing, anonVma, chain, policy, special };
}

/** The VMA with another anon_vma and the chain that goes with it. */
export function withAnonVma(vma: Vma, anonVma: number, chain: readonly number[]): Vma {
  const { backing, end, flags, pgoff, policy, special, start } = vma;
  return { start, end, flags, pgoff, backing, anonVma, chain, policy, special };
}

/** Pages of a VMA. Mirrors vma_pages(), include/linux/mm.h. */
export function vmaPages(vma: Vma): number {
  return (vma.end - vma.start) / PAGE_SIZE;
}

/** Whether any access is allowed. Mirrors vma_is_accessible(), include/linux/mm.h. */
export function isAccessible(vma: Vma): boolean {
  return (vma.flags & VM_ACCESS_FLAGS) !== 0;
}

/**
 * The first address that counts as taken: below a stack lies its guard gap. Mirrors vm_start_gap(),
 * include/linux/mm.h, Linux 6.18.
 *
 * @param stackGuardGap bytes
 */
export function startGap(vma: Vma, stackGuardGap: number): number {
  if ((vma.flags & VM_GROWSDOWN) === 0) return vma.start;
  return vma.start > stackGuardGap ? vma.start - stackGuardGap : 0;
}

/** Whether two mappings show the same open file, or none. */
export function sameBacking(a: Backing | null, b: Backing | null): boolean {
  return a === b || (a !== null && b !== null && a.id === b.id);
}
