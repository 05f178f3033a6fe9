// SPDX-License-Identifier: MIT
import { accountPages, charge, mayExpandVm, uncharge } from './accounting.ts';
import { OutOfMemory } from './allocation.ts';
import { isPageAligned, span } from './arguments.ts';
import type { Call, MmStep } from './call.ts';
import { PAGE_SIZE } from './constants.ts';
import {
  PROT_EXEC,
  PROT_GROWSDOWN,
  PROT_GROWSUP,
  PROT_READ,
  PROT_SEM,
  PROT_WRITE,
} from './flags.ts';
import { modifyVma } from './modify.ts';
import type { OperationOf } from './operation.ts';
import { populate } from './populate.ts';
import { isRefusal, refusal, type Refusal } from './refusal.ts';
import {
  VM_ACCESS_FLAGS,
  VM_ACCOUNT,
  VM_EXEC,
  VM_GROWSDOWN,
  VM_LOCKED,
  VM_NORESERVE,
  VM_READ,
  VM_SEALED,
  VM_SHARED,
  VM_WRITE,
} from './vm-flags.ts';
import { isAnonymous, type Vma } from './vma.ts';

/* mprotect(2). Reads beside do_mprotect_pkey() and mprotect_fixup(), mm/mprotect.c, Linux 6.18. */

const BOTH_GROW = refusal('EINVAL', 'mprotect.grows-both-ways');
const UNALIGNED = refusal('EINVAL', 'mprotect.unaligned');
const WRAPS = refusal('ENOMEM', 'mprotect.wraps');
const UNKNOWN = refusal('EINVAL', 'mprotect.unknown-protection');
const UNMAPPED = refusal('ENOMEM', 'mprotect.unmapped');
const NO_STACK = refusal('EINVAL', 'mprotect.not-growing-down');
const GROWS_UP = refusal('EINVAL', 'mprotect.grows-up');
const HOLE = refusal('ENOMEM', 'mprotect.hole');

const GROWS = PROT_GROWSDOWN | PROT_GROWSUP;
const KNOWN = PROT_READ | PROT_WRITE | PROT_EXEC | PROT_SEM;

/** mprotect(2). The VMAs before the one that is refused stay changed. */
export function mprotect(call: Call, operation: OperationOf<'mprotect'>): MmStep {
  const { mm } = call;
  const range = span(mm.machine, operation.address, operation.length);
  const grows = operation.prot & GROWS;
  const prot = operation.prot & ~GROWS;
  if (grows === GROWS) return call.refuse(BOTH_GROW);
  if (!isPageAligned(range.start)) return call.refuse(UNALIGNED);
  if (range.isEmpty) return call.value(0, 'mprotect.nothing');
  if (range.wraps || range.length === 0) return call.refuse(WRAPS);
  if ((prot & ~KNOWN) !== 0) return call.refuse(UNKNOWN);

  const first = mm.tree.find(range.start)?.entry;
  if (first === undefined) return call.refuse(UNMAPPED);
  let { start } = range;
  if (grows === PROT_GROWSDOWN) {
    if (first.start >= range.end) return call.refuse(UNMAPPED);
    start = first.start;
    if ((first.flags & VM_GROWSDOWN) === 0) return call.refuse(NO_STACK);
  } else {
    if (first.start > start) return call.refuse(UNMAPPED);
    if (grows === PROT_GROWSUP) return call.refuse(GROWS_UP);
  }
  return protect(call, start, range.end, prot);
}

/** Goes from VMA to VMA; each must begin where the one before it ended. */
function protect(call: Call, start: number, end: number, prot: number): MmStep {
  const { tree } = call.mm;
  let at = start;
  let vma = tree.load(at);
  while (vma !== null) {
    const to = Math.min(vma.end, end);
    const changed = protectOne(call, vma, at, to, prot);
    if (isRefusal(changed)) return call.refuse(changed);
    call.keepWhatIsDone();
    at = Math.max(changed.end, to);
    if (at >= end) return call.value(0, 'mprotect.changed');
    vma = call.mm.tree.load(at);
  }
  return call.refuse(HOLE);
}

const DENIED = refusal('EACCES', 'mprotect.denied');
const EXEC_GAIN = refusal('EACCES', 'mprotect.mdwe');
const SEALED = refusal('EPERM', 'mprotect.sealed');

/** @returns the VMA that holds the range now */
function protectOne(call: Call, vma: Vma, start: number, end: number, prot: number): Vma | Refusal {
  const wanted =
    ((prot & PROT_READ) !== 0 ? VM_READ : 0) |
    ((prot & PROT_WRITE) !== 0 ? VM_WRITE : 0) |
    ((prot & PROT_EXEC) !== 0 ? VM_EXEC : 0);
  const flags = (vma.flags & ~VM_ACCESS_FLAGS) | wanted;
  // Each VM_MAY* flag stands four bits above the access that it allows.
  if ((wanted & ~(vma.flags >> 4)) !== 0) return DENIED;
  if (gainsExec(call, vma.flags, flags)) return EXEC_GAIN;
  return fixup(call, vma, start, end, flags);
}

/** Mirrors map_deny_write_exec(), include/linux/mman.h, Linux 6.18. */
function gainsExec({ mm }: Call, old: number, flags: number): boolean {
  if (!mm.mdwe || (flags & VM_EXEC) === 0) return false;
  return (flags & VM_WRITE) !== 0 || (old & VM_EXEC) === 0;
}

const LIMIT_SIZE = refusal('ENOMEM', 'mprotect.rlimit-size');
const OVERCOMMIT = refusal('ENOMEM', 'mprotect.overcommit');

/** Mirrors mprotect_fixup(). */
function fixup(call: Call, vma: Vma, start: number, end: number, wanted: number): Vma | Refusal {
  const { mm } = call;
  const pages = (end - start) / PAGE_SIZE;
  let flags = wanted;
  if ((vma.flags & VM_SEALED) !== 0) return SEALED;
  if (flags === vma.flags) return vma;

  let charged = 0;
  if ((flags & VM_WRITE) !== 0) {
    if (!mayExpandVm(mm, flags, pages) && mayExpandVm(mm, vma.flags, pages)) return LIMIT_SIZE;
    if ((vma.flags & (VM_ACCOUNT | VM_WRITE | VM_SHARED | VM_NORESERVE)) === 0) {
      charged = pages;
      if (!charge(mm, charged)) return OVERCOMMIT;
      flags |= VM_ACCOUNT;
    }
  } else if (dropsAccount(call, vma)) {
    flags &= ~VM_ACCOUNT;
  }

  const changed = modifyOrUncharge(call, vma, { start, end, flags }, charged);
  if (isRefusal(changed)) return changed;
  if ((vma.flags & VM_ACCOUNT) !== 0 && (flags & VM_ACCOUNT) === 0) uncharge(mm, pages);
  accountPages(mm, vma.flags, -pages);
  accountPages(mm, flags, pages);
  const becomesWritable = (vma.flags & (VM_WRITE | VM_SHARED)) === 0 && (flags & VM_WRITE) !== 0;
  if (becomesWritable && (flags & (VM_LOCKED | VM_SHARED)) === VM_LOCKED) {
    call.keepWhatIsDone();
    populate(call, start, end);
    return mm.tree.load(start) ?? changed;
  }
  return changed;
}

/** Changes the VMA; what was charged for it comes back where that fails, also after a first cut. */
function modifyOrUncharge(
  call: Call,
  vma: Vma,
  { start, end, flags }: { readonly start: number; readonly end: number; readonly flags: number },
  charged: number,
): Vma | Refusal {
  const { mm } = call;
  const committed = mm.committed - charged;
  try {
    const changed = modifyVma(call, vma, start, end, { flags, policy: vma.policy });
    if (isRefusal(changed)) mm.committed = committed;
    return changed;
  } catch (error) {
    if (!(error instanceof OutOfMemory)) throw error;
    call.unwind();
    mm.committed = committed;
    call.keepWhatIsDone();
    throw error;
  }
}

/** Memory that was charged and never written to needs no charge while it cannot be written to. */
function dropsAccount({ features }: Call, vma: Vma): boolean {
  if (!isAnonymous(vma) || (vma.flags & VM_ACCOUNT) === 0) return false;
  switch (features.dropsAccount) {
    case 'never':
      return false;
    case 'unfaulted':
      return vma.anonVma === 0;
    case 'always':
      return true;
  }
}
