// SPDX-License-Identifier: MIT
import {
  VM_ACCOUNT,
  VM_GROWSDOWN,
  VM_LOCKED,
  VM_NORESERVE,
  VM_SHARED,
  VM_WRITE,
} from './vm-flags.ts';
import { capable, PAGE, pagesOf, type Process, type Reference, type Vma } from './state.ts';

/** Private and writable, and no stack: what RLIMIT_DATA counts. */
function isData(flags: number): boolean {
  return (flags & (VM_WRITE | VM_SHARED | VM_GROWSDOWN)) === VM_WRITE;
}

function sum(vmas: readonly Vma[]): bigint {
  return vmas.reduce((total, vma) => total + pagesOf(vma), 0n);
}

export function totalVm({ vmas }: Reference): bigint {
  return sum(vmas);
}

export function dataVm({ vmas }: Reference): bigint {
  return sum(vmas.filter(({ flags }) => isData(flags)));
}

export function stackVm({ vmas }: Reference): bigint {
  return sum(vmas.filter(({ flags }) => (flags & VM_GROWSDOWN) !== 0));
}

/** Whether RLIMIT_AS and RLIMIT_DATA have room for so many pages: may_expand_vm(). */
export function mayExpand(process: Reference, flags: number, pages: bigint): boolean {
  const { AS, DATA } = process.limits;
  if (totalVm(process) + pages > AS.soft / PAGE) return false;
  if (!isData(flags)) return true;
  const data = dataVm(process) + pages;
  return data <= DATA.soft / PAGE || (DATA.soft === 0n && data <= DATA.hard / PAGE);
}

/** Whether so many more pages may be locked, if these flags lock at all. */
export function mayLock(process: Reference, flags: number, pages: bigint): boolean {
  if ((flags & VM_LOCKED) === 0 || capable(process, 'CAP_IPC_LOCK')) return true;
  return process.lockedVm + pages <= process.limits.MEMLOCK.soft / PAGE;
}

/** Whether this process may lock memory at all. */
export function canLock(process: Reference): boolean {
  return process.limits.MEMLOCK.soft !== 0n || capable(process, 'CAP_IPC_LOCK');
}

/** Whether a mapping with these flags is charged against the overcommit limit. */
export function isCharged(flags: number): boolean {
  return (flags & (VM_WRITE | VM_SHARED | VM_NORESERVE)) === VM_WRITE;
}

/** Pages that the process and its waiting parents have charged: private ones, and shared objects. */
function committed(process: Reference): bigint {
  const vmas = [...process.vmas, ...process.ancestors.flat()];
  const objects = new Map<number, bigint>();
  for (const { backing, flags } of vmas) {
    if (backing.kind !== 'shmem' || (flags & VM_NORESERVE) !== 0) continue;
    objects.set(backing.serial, backing.pages);
  }
  const shared = [...objects.values()].reduce((total, pages) => total + pages, 0n);
  const accounted = sum(vmas.filter(({ flags }) => (flags & VM_ACCOUNT) !== 0));
  return accounted + shared + process.strandedCharge;
}

/** Whether the machine grants so many pages more: __vm_enough_memory(). */
export function mayCommit(process: Process | Reference, pages: bigint): boolean {
  const { mode, totalPages, commitLimit } = process.setup.overcommit;
  if (mode === 1) return true;
  if (mode === 0) return pages <= BigInt(totalPages);
  return committed(process) + pages <= BigInt(commitLimit);
}
