// SPDX-License-Identifier: MIT
import { VM_LOCKED, VM_SEALED } from './vm-flags.ts';
import { splitAnyway } from './split.ts';
import {
  alignUp,
  has,
  inRange,
  isAligned,
  pagesOf,
  remove,
  type Process,
  type Refusal,
} from './state.ts';

/** munmap(2). */
export function munmap(process: Process, start: bigint, length: bigint): Refusal {
  const { taskSize } = process.setup;
  if (!isAligned(start) || start > taskSize || length > taskSize - start) return 'EINVAL';
  const rounded = alignUp(process, length);
  if (rounded === 0n) return 'EINVAL';
  return unmap(process, start, start + rounded);
}

/** Unmaps an aligned range, if every VMA in it allows that. */
export function unmap(process: Process, start: bigint, end: bigint): Refusal {
  const refusal = detachable(process, start, end);
  if (refusal !== null) return refusal;
  drop(process, start, end);
  return null;
}

/**
 * Splits the VMAs at the ends of a range, and asks each whether it may go. The splits stay, whatever
 * the answer.
 */
export function detachable(process: Process, start: bigint, end: bigint): Refusal {
  const first = inRange(process, start, end)[0];
  if (first === undefined) return null;
  if (first.start < start) {
    const punches = first.end > end;
    if (punches && process.vmas.length >= process.setup.maxMapCount) return 'ENOMEM';
    if (has(first, VM_SEALED)) return 'EPERM';
    const refusal = splitAnyway(process, first, start);
    if (refusal !== null) return refusal;
  }
  for (const vma of inRange(process, start, end)) {
    if (has(vma, VM_SEALED)) return 'EPERM';
    const refusal = vma.end > end ? splitAnyway(process, vma, end) : null;
    if (refusal !== null) return refusal;
  }
  return null;
}

/** Removes the VMAs of a range at whose ends they are split. */
export function drop(process: Process, start: bigint, end: bigint): void {
  for (const vma of inRange(process, start, end)) {
    if (has(vma, VM_LOCKED)) process.lockedVm -= pagesOf(vma);
    remove(process, vma);
  }
}
