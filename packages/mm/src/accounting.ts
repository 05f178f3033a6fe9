// SPDX-License-Identifier: MIT
import { PAGE_SHIFT, PAGE_SIZE } from './constants.ts';
import type { State, WorkingState } from './state.ts';
import { VM_EXEC, VM_GROWSDOWN, VM_LOCKED, VM_SHARED, VM_WRITE } from './vm-flags.ts';

/*
 * What an address space counts and what it may count to: vm_stat_account(), may_expand_vm() and
 * mlock_future_ok(), mm/mmap.c and mm/vma.c, __vm_enough_memory(), mm/util.c, Linux 6.18.
 */

/** Code: executable, not writable, no stack. */
export function isExecMapping(flags: number): boolean {
  return (flags & (VM_EXEC | VM_WRITE | VM_GROWSDOWN)) === VM_EXEC;
}

export function isStackMapping(flags: number): boolean {
  return (flags & VM_GROWSDOWN) !== 0;
}

/** Private writable memory that is no stack. */
export function isDataMapping(flags: number): boolean {
  return (flags & (VM_WRITE | VM_SHARED | VM_GROWSDOWN)) === VM_WRITE;
}

/**
 * Counts pages of a mapping in or out.
 *
 * @param pages negative where they go
 */
export function accountPages(mm: WorkingState, flags: number, pages: number): void {
  mm.totalVm += pages;
  if (isExecMapping(flags)) mm.execVm += pages;
  else if (isStackMapping(flags)) mm.stackVm += pages;
  else if (isDataMapping(flags)) mm.dataVm += pages;
}

/** A limit in whole pages. */
export function limitPages(bytes: number): number {
  return Math.floor(bytes / PAGE_SIZE);
}

/** Whether RLIMIT_AS and RLIMIT_DATA leave room for more pages. */
export function mayExpandVm(mm: State, flags: number, pages: number): boolean {
  if (mm.totalVm + pages > limitPages(mm.rlimit.AS)) return false;
  if (!isDataMapping(flags) || mm.dataVm + pages <= limitPages(mm.rlimit.DATA)) return true;
  // Valgrind sets the soft limit to 0: then the hard one counts.
  return (
    mm.rlimit.DATA === 0 && mm.dataVm + pages <= Number(mm.limits.DATA.hard >> BigInt(PAGE_SHIFT))
  );
}

/** Whether RLIMIT_MEMLOCK lets a mapping with these flags have more bytes. */
export function mlockFutureOk(mm: State, flags: number, bytes: number): boolean {
  if ((flags & VM_LOCKED) === 0 || mm.capabilities.includes('CAP_IPC_LOCK')) return true;
  return mm.lockedVm + bytes / PAGE_SIZE <= limitPages(mm.rlimit.MEMLOCK);
}

/** Whether the process may lock anything. Mirrors can_do_mlock(), mm/mlock.c, Linux 6.18. */
export function canDoMlock(mm: State): boolean {
  return mm.rlimit.MEMLOCK !== 0 || mm.capabilities.includes('CAP_IPC_LOCK');
}

/**
 * Whether pages can be charged against the overcommit limit. Mirrors __vm_enough_memory(),
 * mm/util.c, Linux 6.18, without the reserves that mode 2 keeps for the administrator.
 */
export function canCharge(mm: State, pages: number): boolean {
  const { mode, totalPages, commitLimit } = mm.machine.overcommit;
  if (mode === 0) return pages <= totalPages;
  return mode === 1 || mm.committed + mm.committedByParents + pages <= commitLimit;
}

/**
 * Charges pages.
 *
 * @returns whether they were granted
 */
export function charge(mm: WorkingState, pages: number): boolean {
  if (!canCharge(mm, pages)) return false;
  mm.committed += pages;
  return true;
}

/** Gives charged pages back. Mirrors vm_unacct_memory(). */
export function uncharge(mm: WorkingState, pages: number): void {
  mm.committed -= pages;
}
