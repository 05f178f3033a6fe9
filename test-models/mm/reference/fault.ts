// SPDX-License-Identifier: MIT
import { VM_ACCESS, VM_ACCOUNT, VM_GROWSDOWN, VM_LOCKED, VM_SHARED, VM_WRITE } from './vm-flags.ts';
import { VM_IO, VM_LOCKONFAULT, VM_PFNMAP } from './vm-flags.ts';
import { mayCommit, mayExpand, mayLock } from './accounting.ts';
import { lowestAddress } from './placement.ts';
import {
  alignDown,
  before,
  findVma,
  has,
  inRange,
  PAGE,
  pagesOf,
  type Process,
  type Refusal,
  type Vma,
} from './state.ts';

/** An access of one byte by the kernel for the process. */
export function touch(process: Process, address: bigint, writes: boolean): Refusal {
  if (address >= process.setup.taskSize) return 'EFAULT';
  const vma = findVma(process, address);
  if (vma === undefined) return 'EFAULT';
  const page = alignDown(address);
  if (page < vma.start && !growDown(process, vma, page)) return 'EFAULT';
  if (!has(vma, writes ? VM_WRITE : VM_ACCESS)) return 'EFAULT';
  return faultIn(process, vma, page, writes) ? null : 'EFAULT';
}

/** Brings one page in. False: there is no such page of the file. */
function faultIn(process: Process, vma: Vma, page: bigint, writes: boolean): boolean {
  // A private copy needs its anon_vma before the file is asked for the page.
  if (writes && !has(vma, VM_SHARED)) prepareAnonVma(process, vma);
  return vma.pgoff + (page - vma.start) / PAGE < backingPages(process, vma);
}

/** Pages that there are behind a VMA. */
function backingPages({ setup }: Process, { backing }: Vma): bigint {
  if (backing.kind === 'file') return BigInt(setup.files[backing.index]?.pages ?? 0);
  return backing.kind === 'shmem' ? backing.pages : 1n << 64n;
}

/** Gives a VMA an anon_vma: a neighbour's, right before left, if they could be one VMA. */
export function prepareAnonVma(process: Process, vma: Vma): void {
  if (vma.anonVma !== null) return;
  const { vmas } = process;
  const next = vmas.find((other) => couldBeOne(vma, other) && lends(other));
  const prev = vmas.find((other) => couldBeOne(other, vma) && lends(other));
  const anonVma = next?.anonVma ?? prev?.anonVma ?? process.serial++;
  vma.anonVma = anonVma;
  vma.chain = [anonVma];
}

function lends(vma: Vma): boolean {
  return vma.anonVma !== null && vma.chain.length === 1;
}

/** anon_vma_compatible(): alike but for access, and adjacent. */
function couldBeOne(left: Vma, right: Vma): boolean {
  return (
    left.end === right.start &&
    left.pgoff + pagesOf(left) === right.pgoff &&
    left.policy === right.policy &&
    sameFile(left, right) &&
    ((left.flags ^ right.flags) & ~VM_ACCESS) === 0
  );
}

function sameFile({ backing: a }: Vma, { backing: b }: Vma): boolean {
  if (a.kind === 'file' && b.kind === 'file') return a.index === b.index;
  if (a.kind === 'shmem' && b.kind === 'shmem') return a.serial === b.serial;
  return a.kind === b.kind;
}

/** expand_stack(): makes a VMA longer below. */
function growDown(process: Process, vma: Vma, page: bigint): boolean {
  if (!has(vma, VM_GROWSDOWN)) return false;
  if (page < lowestAddress(process)) return false;
  const prev = before(process, vma.start);
  const minds = prev !== undefined && !has(prev, VM_GROWSDOWN) && has(prev, VM_ACCESS);
  if (minds && page - prev.end < process.setup.stackGuardGap) return false;
  prepareAnonVma(process, vma);
  const pages = (vma.start - page) / PAGE;
  if (pages > vma.pgoff) return false;
  if (!mayExpand(process, vma.flags, pages)) return false;
  if (vma.end - page > process.limits.STACK.soft) return false;
  if (!mayLock(process, vma.flags, pages)) return false;
  if (!mayCommit(process, pages)) return false;
  // The charge is made whatever the stack's flags are.
  if (!has(vma, VM_ACCOUNT)) process.strandedCharge += pages;
  vma.start = page;
  vma.pgoff -= pages;
  if (has(vma, VM_LOCKED)) process.lockedVm += pages;
  return true;
}

/**
 * Brings all pages of a range in. False: some VMA in it has pages that cannot be had.
 *
 * @param stops whether that is the end of it
 */
export function populate(process: Process, start: bigint, end: bigint, stops: boolean): boolean {
  for (const vma of inRange(process, start, end)) {
    if (has(vma, VM_IO | VM_PFNMAP)) continue;
    if (has(vma, VM_LOCKONFAULT)) continue;
    const from = vma.start > start ? vma.start : start;
    const to = vma.end < end ? vma.end : end;
    if (!populateVma(process, vma, from, to) && stops) return false;
  }
  return true;
}

function populateVma(process: Process, vma: Vma, start: bigint, end: bigint): boolean {
  if (!has(vma, VM_ACCESS)) return false;
  // Shared memory is not copied when it is written to, so it is only read.
  const writes = has(vma, VM_WRITE) && !has(vma, VM_SHARED);
  const first = faultIn(process, vma, start, writes);
  return first && faultIn(process, vma, end - PAGE, writes);
}
