// SPDX-License-Identifier: MIT
import { MCL_CURRENT, MCL_FUTURE, MCL_ONFAULT, MLOCK_ONFAULT } from '@kernel-models/mm';
import * as VM from './vm-flags.ts';
import { canLock, totalVm } from './accounting.ts';
import { populate } from './fault.ts';
import { modify } from './split.ts';
import { alignDown, alignUp, capable, has, inRange, PAGE, vmaAt, wrap } from './state.ts';
import type { Process, Refusal, Vma } from './state.ts';

/** The pages that a call means: whole ones, from the page of the address on. */
function wholePages(process: Process, address: bigint, length: bigint): readonly [bigint, bigint] {
  const start = alignDown(address);
  return [start, alignUp(process, wrap(process, length + (address - start)))];
}

/** mlock(2), and mlock2(2) with its flags. */
export function mlock(process: Process, address: bigint, length: bigint, flags: number): Refusal {
  if ((flags & ~MLOCK_ONFAULT) !== 0) return 'EINVAL';
  if (!canLock(process)) return 'EPERM';
  const onFault = (flags & MLOCK_ONFAULT) !== 0 ? VM.VM_LOCKONFAULT : 0;
  const [start, size] = wholePages(process, address, length);
  if (!capable(process, 'CAP_IPC_LOCK')) {
    const limit = process.limits.MEMLOCK.soft / PAGE;
    const locked = size / PAGE + process.lockedVm;
    if (locked > limit && locked - lockedIn(process, start, start + size) > limit) return 'ENOMEM';
  }
  const refusal = lockRange(process, start, size, VM.VM_LOCKED | onFault);
  if (refusal !== null) return refusal;
  return populate(process, start, start + size, true) ? null : 'ENOMEM';
}

/** munlock(2). */
export function munlock(process: Process, address: bigint, length: bigint): Refusal {
  const [start, size] = wholePages(process, address, length);
  return lockRange(process, start, size, 0);
}

function lockedIn(process: Process, start: bigint, end: bigint): bigint {
  return inRange(process, start, end)
    .filter((vma) => has(vma, VM.VM_LOCKED))
    .reduce((sum, vma) => {
      const from = vma.start > start ? vma.start : start;
      const to = vma.end < end ? vma.end : end;
      return sum + (to - from) / PAGE;
    }, 0n);
}

/** Locks or unlocks up to the first hole. */
function lockRange(process: Process, start: bigint, size: bigint, lock: number): Refusal {
  const end = wrap(process, start + size);
  if (end < start) return 'EINVAL';
  let at = start;
  while (at < end) {
    const vma = vmaAt(process, at);
    if (vma === undefined) return 'ENOMEM';
    const to = vma.end < end ? vma.end : end;
    const refusal = lockVma(process, vma, at, to, lock);
    if (refusal !== null) return refusal;
    at = to;
  }
  return null;
}

/** mlock_fixup(). */
function lockVma(process: Process, vma: Vma, start: bigint, end: bigint, lock: number): Refusal {
  const old = vma.flags;
  const flags = (old & ~VM.VM_LOCKED_MASK) | lock;
  if (flags === old || (old & (VM.VM_SPECIAL | VM.VM_DROPPABLE)) !== 0) return null;
  const changed = modify(process, vma, start, end, { flags });
  if (typeof changed === 'string') return changed;
  const pages = (end - start) / PAGE;
  const was = (old & VM.VM_LOCKED) !== 0;
  const is = (lock & VM.VM_LOCKED) !== 0;
  if (is && !was) process.lockedVm += pages;
  if (!is) process.lockedVm -= pages;
  return null;
}

/** mlockall(2). */
export function mlockall(process: Process, flags: number): Refusal {
  const known = MCL_CURRENT | MCL_FUTURE | MCL_ONFAULT;
  if (flags === 0 || (flags & ~known) !== 0 || flags === MCL_ONFAULT) return 'EINVAL';
  if (!canLock(process)) return 'EPERM';
  const current = (flags & MCL_CURRENT) !== 0;
  const fits = totalVm(process) <= process.limits.MEMLOCK.soft / PAGE;
  if (current && !fits && !capable(process, 'CAP_IPC_LOCK')) return 'ENOMEM';
  applyToAll(process, flags);
  if (current) populate(process, 0n, process.setup.taskSize, false);
  return null;
}

/** munlockall(2). */
export function munlockall(process: Process): void {
  applyToAll(process, 0);
}

function applyToAll(process: Process, flags: number): void {
  const lock = VM.VM_LOCKED | ((flags & MCL_ONFAULT) !== 0 ? VM.VM_LOCKONFAULT : 0);
  const current = (flags & MCL_CURRENT) !== 0;
  const future = (flags & MCL_FUTURE) !== 0;
  process.defFlags = future ? lock : 0;
  if (future && !current) return;
  for (const [start, end] of process.vmas.map((vma) => [vma.start, vma.end] as const)) {
    const vma = vmaAt(process, start);
    if (vma !== undefined) lockVma(process, vma, start, end, current ? lock : 0);
  }
}
