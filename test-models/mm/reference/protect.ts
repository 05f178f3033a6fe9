// SPDX-License-Identifier: MIT
import { PROT_GROWSDOWN, PROT_GROWSUP, PROT_SEM } from '@kernel-models/mm';
import type { Errno } from '@kernel-models/model-core';
import * as VM from './vm-flags.ts';
import { mayCommit, mayExpand } from './accounting.ts';
import { populate } from './fault.ts';
import { accessFlags } from './mmap.ts';
import { modify } from './split.ts';
import { alignUp, has, inRange, isAligned, PAGE, wrap } from './state.ts';
import type { Process, Refusal, Vma } from './state.ts';

/** Flags of memory that is not charged when it becomes writable. */
const NOT_CHARGED = VM.VM_ACCOUNT | VM.VM_WRITE | VM.VM_SHARED | VM.VM_NORESERVE;

/** mprotect(2). */
export function mprotect(process: Process, address: bigint, length: bigint, prot: number): Refusal {
  const down = (prot & PROT_GROWSDOWN) !== 0;
  const up = (prot & PROT_GROWSUP) !== 0;
  if (down && up) return 'EINVAL';
  if (!isAligned(address)) return 'EINVAL';
  if (length === 0n) return null;
  const end = wrap(process, address + alignUp(process, length));
  if (end <= address) return 'ENOMEM';
  if ((prot & ~(PROT_GROWSDOWN | PROT_GROWSUP | PROT_SEM | 7)) !== 0) return 'EINVAL';
  const first = inRange(process, address, end)[0];
  if (first === undefined) return 'ENOMEM';
  let start = address;
  if (down) {
    start = first.start;
    if (!has(first, VM.VM_GROWSDOWN)) return 'EINVAL';
  } else {
    if (first.start > start) return 'ENOMEM';
    if (up) return 'EINVAL';
  }
  return protectRange(process, start, end, accessFlags(prot));
}

function protectRange(process: Process, start: bigint, end: bigint, access: number): Refusal {
  let at = start;
  while (at < end) {
    const vma = inRange(process, at, end)[0];
    if (vma === undefined || vma.start > at) return 'ENOMEM';
    const to = vma.end < end ? vma.end : end;
    const changed = protectVma(process, vma, at, to, access);
    if (typeof changed === 'string') return changed;
    // What follows may have been joined with this one.
    at = changed.end;
  }
  return null;
}

/** Whether the VMA may not get this access: it was mapped without, or execution is refused. */
function isForbidden(process: Process, vma: Vma, access: number): boolean {
  const wantsMore =
    ((access & VM.VM_READ) !== 0 && !has(vma, VM.VM_MAYREAD)) ||
    ((access & VM.VM_WRITE) !== 0 && !has(vma, VM.VM_MAYWRITE)) ||
    ((access & VM.VM_EXEC) !== 0 && !has(vma, VM.VM_MAYEXEC));
  if (wantsMore) return true;
  if (!process.mdwe || (access & VM.VM_EXEC) === 0) return false;
  return (access & VM.VM_WRITE) !== 0 || !has(vma, VM.VM_EXEC);
}

function protectVma(
  process: Process,
  vma: Vma,
  start: bigint,
  end: bigint,
  access: number,
): Vma | Errno {
  if (isForbidden(process, vma, access)) return 'EACCES';
  if (has(vma, VM.VM_SEALED)) return 'EPERM';
  const old = vma.flags;
  let flags = (old & ~VM.VM_ACCESS) | access;
  if (flags === old) return vma;
  const pages = (end - start) / PAGE;
  if ((flags & VM.VM_WRITE) !== 0) {
    if (!mayExpand(process, flags, pages) && mayExpand(process, old, pages)) return 'ENOMEM';
    if ((old & NOT_CHARGED) === 0) {
      if (!mayCommit(process, pages)) return 'ENOMEM';
      flags |= VM.VM_ACCOUNT;
    }
  } else if (process.rules.mprotectUncharges && isUnfaultedMemory(vma)) {
    flags &= ~VM.VM_ACCOUNT;
  }
  const changed = modify(process, vma, start, end, { flags });
  if (typeof changed === 'string') return changed;
  const becomesWritable = (old & VM.VM_WRITE) === 0 && (flags & VM.VM_WRITE) !== 0;
  const lockedCopy = (old & (VM.VM_LOCKED | VM.VM_SHARED)) === VM.VM_LOCKED;
  if (lockedCopy && becomesWritable) populate(process, start, end, false);
  return changed;
}

function isUnfaultedMemory(vma: Vma): boolean {
  return vma.backing.kind === 'anonymous' && vma.anonVma === null;
}
