// SPDX-License-Identifier: MIT
import { OutOfMemory } from './allocation.ts';
import { canDoMlock, limitPages } from './accounting.ts';
import { span } from './arguments.ts';
import type { Call, MmStep } from './call.ts';
import { PAGE_SIZE } from './constants.ts';
import { MCL_CURRENT, MCL_FUTURE, MCL_ONFAULT, MLOCK_ONFAULT } from './flags.ts';
import { modifyVma } from './modify.ts';
import type { OperationOf, Range } from './operation.ts';
import { populate } from './populate.ts';
import { isRefusal, refusal, type Refusal } from './refusal.ts';
import { VM_DROPPABLE, VM_LOCKED, VM_LOCKED_MASK, VM_LOCKONFAULT, VM_SPECIAL } from './vm-flags.ts';
import type { Vma } from './vma.ts';

/* mlock(2) and its family. Reads beside mm/mlock.c, Linux 6.18. */

const MAY_NOT = refusal('EPERM', 'mlock.may-not');
const LIMIT = refusal('ENOMEM', 'mlock.rlimit-memlock');
const WRAPS = refusal('EINVAL', 'mlock.wraps');
const HOLE = refusal('ENOMEM', 'mlock.hole');
const NOT_POPULATED = refusal('ENOMEM', 'mlock.not-populated');
const NO_MEMORY = refusal('EAGAIN', 'mlock.no-memory');
const FLAGS = refusal('EINVAL', 'mlock2.flags');

/** mlock(2). Mirrors do_mlock(). */
export function mlock(call: Call, operation: Range, extraFlags: number = 0): MmStep {
  const { mm } = call;
  if (!canDoMlock(mm)) return call.refuse(MAY_NOT);
  const range = span(mm.machine, operation.address, operation.length, true);
  if (exceedsLimit(call, range.start, range.end, range.length)) return call.refuse(LIMIT);
  if (range.wraps) return call.refuse(WRAPS);
  if (range.length === 0) return call.value(0, 'mlock.nothing');
  const refused = applyLockFlags(call, range.start, range.end, VM_LOCKED | extraFlags);
  if (refused !== undefined) return call.refuse(refused);
  switch (populate(call, range.start, range.end)) {
    case 'all':
      return call.value(0, 'mlock.locked');
    case 'refused':
      return call.refuse(NOT_POPULATED);
    case 'no-memory':
      return call.refuse(NO_MEMORY);
  }
}

/** mlock2(2). */
export function mlock2(call: Call, operation: OperationOf<'mlock2'>): MmStep {
  if ((operation.flags & ~MLOCK_ONFAULT) !== 0) return call.refuse(FLAGS);
  const onFault = (operation.flags & MLOCK_ONFAULT) !== 0;
  return mlock(call, operation, onFault ? VM_LOCKONFAULT : 0);
}

/** munlock(2). */
export function munlock(call: Call, operation: Range): MmStep {
  const range = span(call.mm.machine, operation.address, operation.length, true);
  if (range.wraps) return call.refuse(WRAPS);
  if (range.length === 0) return call.value(0, 'mlock.nothing');
  const refused = applyLockFlags(call, range.start, range.end, 0);
  return refused === undefined ? call.value(0, 'mlock.unlocked') : call.refuse(refused);
}

/** What is locked already is not counted twice, but only looked for where the limit is near. */
function exceedsLimit({ mm }: Call, start: number, end: number, length: number): boolean {
  if (mm.capabilities.includes('CAP_IPC_LOCK')) return false;
  const limit = limitPages(mm.rlimit.MEMLOCK);
  const locked = mm.lockedVm + length / PAGE_SIZE;
  if (locked <= limit) return false;
  let counted = 0;
  for (let at = start; at < end;) {
    const vma = mm.tree.find(at, end - 1)?.entry;
    if (vma === undefined) break;
    if ((vma.flags & VM_LOCKED) !== 0) counted += Math.min(vma.end, end) - Math.max(vma.start, at);
    at = vma.end;
  }
  return locked - counted / PAGE_SIZE > limit;
}

/** Mirrors apply_vma_lock_flags(): up to the first hole. */
function applyLockFlags(
  call: Call,
  start: number,
  end: number,
  flags: number,
): Refusal | undefined {
  let at = start;
  while (at < end) {
    const vma = call.mm.tree.load(at);
    if (vma === null) return HOLE;
    const to = Math.min(vma.end, end);
    const changed = lockOne(call, vma, at, to, (vma.flags & ~VM_LOCKED_MASK) | flags);
    if (isRefusal(changed)) return changed;
    call.keepWhatIsDone();
    at = Math.max(changed.end, to);
  }
  return undefined;
}

/** Mirrors mlock_fixup(). */
function lockOne(call: Call, vma: Vma, start: number, end: number, flags: number): Vma | Refusal {
  const { mm } = call;
  if (flags === vma.flags || (vma.flags & (VM_SPECIAL | VM_DROPPABLE)) !== 0) return vma;
  const changed = modifyVma(call, vma, start, end, { flags, policy: vma.policy });
  if (isRefusal(changed)) return changed;
  const pages = (end - start) / PAGE_SIZE;
  if ((flags & VM_LOCKED) === 0) mm.lockedVm -= pages;
  else if ((vma.flags & VM_LOCKED) === 0) mm.lockedVm += pages;
  return changed;
}

const ALL_FLAGS = refusal('EINVAL', 'mlockall.flags');
const MAY_NOT_ALL = refusal('EPERM', 'mlockall.may-not');
const LIMIT_ALL = refusal('ENOMEM', 'mlockall.rlimit-memlock');

/** mlockall(2). */
export function mlockall(call: Call, { flags }: OperationOf<'mlockall'>): MmStep {
  const { mm } = call;
  const unknown = (flags & ~(MCL_CURRENT | MCL_FUTURE | MCL_ONFAULT)) !== 0;
  if (flags === 0 || unknown || flags === MCL_ONFAULT) return call.refuse(ALL_FLAGS);
  if (!canDoMlock(mm)) return call.refuse(MAY_NOT_ALL);
  const isCurrent = (flags & MCL_CURRENT) !== 0;
  const fits = mm.totalVm <= limitPages(mm.rlimit.MEMLOCK);
  if (isCurrent && !fits && !mm.capabilities.includes('CAP_IPC_LOCK')) {
    return call.refuse(LIMIT_ALL);
  }
  const locked = VM_LOCKED | ((flags & MCL_ONFAULT) !== 0 ? VM_LOCKONFAULT : 0);
  mm.defFlags = (flags & MCL_FUTURE) !== 0 ? locked : 0;
  if (isCurrent) {
    lockEverything(call, locked);
    populate(call, 0, mm.machine.taskSize);
  }
  return call.value(0, 'mlockall.locked');
}

/** munlockall(2). */
export function munlockall(call: Call): MmStep {
  call.mm.defFlags = 0;
  lockEverything(call, 0);
  return call.value(0, 'mlockall.unlocked');
}

/** Mirrors apply_mlockall_flags(): a VMA that refuses is passed over. */
function lockEverything(call: Call, flags: number): void {
  call.keepWhatIsDone();
  let at = 0;
  for (;;) {
    const vma = call.mm.tree.find(at)?.entry;
    if (vma === undefined) return;
    at = Math.max(vma.end, lockedUpTo(call, vma, (vma.flags & ~VM_LOCKED_MASK) | flags));
    call.keepWhatIsDone();
  }
}

/** @returns where the VMA ends that was locked or unlocked, and maybe joined */
function lockedUpTo(call: Call, vma: Vma, flags: number): number {
  try {
    const changed = lockOne(call, vma, vma.start, vma.end, flags);
    return isRefusal(changed) ? vma.end : changed.end;
  } catch (error) {
    if (!(error instanceof OutOfMemory)) throw error;
    call.unwind();
    return vma.end;
  }
}
