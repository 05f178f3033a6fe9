// SPDX-License-Identifier: MIT
import { MAP_FIXED, MAP_SHARED, MREMAP_DONTUNMAP, MREMAP_FIXED } from '@kernel-models/mm';
import type { Errno } from '@kernel-models/model-core';
import * as VM from './vm-flags.ts';
import { mayCommit, mayExpand, mayLock } from './accounting.ts';
import { mergeNew, partOf } from './merge.ts';
import { unmappedArea } from './placement.ts';
import { splitAnyway } from './split.ts';
import { has, inRange, insert, PAGE, pagesOf, vmaAt } from './state.ts';
import type { Process, Refusal, Vma } from './state.ts';
import { unmap } from './unmap.ts';

/** VMAs that a move may need on its way. */
const RESERVE = 3;

/** What mremap(2) is asked for. Lengths are whole pages. */
export interface Remap {
  readonly address: bigint;
  readonly oldLength: bigint;
  readonly newLength: bigint;
  readonly flags: number;
  readonly newAddress: bigint;
}

export function isFixed({ flags }: Remap): boolean {
  return (flags & MREMAP_FIXED) !== 0;
}

export function leavesSource({ flags }: Remap): boolean {
  return (flags & MREMAP_DONTUNMAP) !== 0;
}

/** Whether the number of VMAs leaves room for a move to a given place. */
export function hasRoomForPlace({ vmas, setup }: Process): boolean {
  return vmas.length + 2 < setup.maxMapCount - RESERVE;
}

/** What a VMA must allow so that a part of it gets longer or is moved. */
export function mayResize(process: Process, vma: Vma, remap: Remap, needed: bigint): Refusal {
  const { address, oldLength, newLength } = remap;
  if (oldLength === 0n && !has(vma, VM.VM_SHARED | VM.VM_MAYSHARE)) return 'EINVAL';
  if (leavesSource(remap) && has(vma, VM.VM_DONTEXPAND | VM.VM_PFNMAP)) return 'EINVAL';
  if (needed > vma.end - address) return 'EFAULT';
  if (newLength === oldLength) return null;
  if (has(vma, VM.VM_DONTEXPAND | VM.VM_PFNMAP)) return 'EFAULT';
  const difference = newLength > oldLength ? newLength - oldLength : oldLength - newLength;
  if (!mayLock(process, vma.flags, difference / PAGE)) return 'EAGAIN';
  return mayExpand(process, vma.flags, difference / PAGE) ? null : 'ENOMEM';
}

/** Makes a VMA longer where it is. */
export function growInPlace(process: Process, vma: Vma, remap: Remap): Refusal | 'no room' {
  const { address, oldLength, newLength } = remap;
  const end = address + newLength;
  if (address + oldLength !== vma.end) return 'no room';
  if (inRange(process, vma.end, end).length > 0) return 'no room';
  const wanted = { hint: vma.start, length: end - vma.start, flags: MAP_FIXED, huge: null };
  if (typeof unmappedArea(process, wanted) === 'string') return 'no room';
  const pages = (newLength - oldLength) / PAGE;
  if (has(vma, VM.VM_ACCOUNT) && !mayCommit(process, pages)) return 'ENOMEM';
  const added = { ...vma, start: vma.end, end, pgoff: vma.pgoff + pagesOf(vma) };
  // A VMA that joins nobody, such as [vdso], does not even join what it grows by.
  if (mergeNew(process, added) === null) return 'ENOMEM';
  if (has(vma, VM.VM_LOCKED)) process.lockedVm += pages;
  return null;
}

/** The address that a moved part gets: chosen, hinted at, or given. */
export function placeFor(process: Process, vma: Vma, remap: Remap): bigint | Errno {
  const { address, newAddress, newLength } = remap;
  const offset = vma.pgoff * PAGE + (address - vma.start);
  const shared = has(vma, VM.VM_MAYSHARE) ? MAP_SHARED : 0;
  return unmappedArea(process, {
    hint: isFixed(remap) || leavesSource(remap) ? newAddress : 0n,
    length: newLength,
    flags: shared | (isFixed(remap) ? MAP_FIXED : 0),
    huge: fileless(vma) && shared === 0 ? { offset } : null,
  });
}

function fileless({ backing }: Vma): boolean {
  return backing.kind === 'anonymous' || backing.kind === 'special';
}

/**
 * Copies a part of a VMA to a free place, and unmaps the source unless DONTUNMAP leaves it:
 * move_vma().
 */
export function moveTo(
  process: Process,
  source: Vma,
  remap: Remap,
  target: bigint,
): bigint | Errno {
  const { rules, setup } = process;
  const { address, oldLength, newLength } = remap;
  const leaves = leavesSource(remap);
  const end = address + oldLength;
  if (process.vmas.length >= setup.maxMapCount - RESERVE) return 'ENOMEM';
  const whole = source.start === address && source.end === end;
  if (source.backing.kind === 'special' && !whole) return 'EINVAL';
  const charged = leaves ? newLength : newLength - oldLength;
  if (has(source, VM.VM_ACCOUNT) && !mayCommit(process, charged / PAGE)) return 'ENOMEM';

  let vma = source;
  if (leaves && rules.dontUnmapSplits && has(source, VM.VM_LOCKED)) {
    vma = isolate(process, source, address, end);
  }
  const locked = has(vma, VM.VM_LOCKED);
  const copy = copyTo(process, vma, remap, target);
  if (leaves) {
    const left = vmaAt(process, address) ?? vma;
    const pages = newLength / PAGE;
    if (locked && (rules.dontUnmapSplits || rules.dontUnmapDrifts)) process.lockedVm += pages;
    leaveSource(process, left, copy, address, end, locked);
    return target;
  }
  if (locked) process.lockedVm += newLength / PAGE;
  unmap(process, address, end);
  return target;
}

/** Splits a VMA at both ends of a range. */
function isolate(process: Process, vma: Vma, start: bigint, end: bigint): Vma {
  if (vma.start < start) splitAnyway(process, vma, start);
  const middle = vmaAt(process, start) ?? vma;
  if (middle.end > end) splitAnyway(process, middle, end);
  return middle;
}

/** copy_vma(): the copy, or the VMA that it was joined with. */
function copyTo(process: Process, vma: Vma, remap: Remap, target: bigint): Vma {
  const { address, newLength } = remap;
  const copy = {
    ...partOf(vma, address, vma.end),
    start: target,
    end: target + newLength,
  };
  // Memory without pages belongs nowhere yet, so it may be joined wherever it goes.
  if (vma.backing.kind === 'anonymous' && vma.anonVma === null) copy.pgoff = target / PAGE;
  const joins = leavesSource(remap) ? process.rules.dontUnmapJoins : 'any';
  const beside = copy.start === vma.end || copy.end === vma.start;
  const alone = joins === 'none-beside-source' && beside;
  const never = joins === 'not-source' ? { never: vma } : {};
  const merged = alone ? null : mergeNew(process, copy, { copiedFrom: vma, ...never });
  if (merged !== null) return merged;
  insert(process, copy);
  return copy;
}

/** What DONTUNMAP makes of the source: unlocked, and without pages if all of it was moved. */
function leaveSource(
  process: Process,
  source: Vma,
  copy: Vma,
  start: bigint,
  end: bigint,
  locked: boolean,
): void {
  const { rules } = process;
  source.flags &= ~VM.VM_LOCKED_MASK;
  if (locked && rules.dontUnmapSplits) process.lockedVm -= (end - start) / PAGE;
  if (source === copy || source.start !== start || source.end !== end) return;
  source.anonVma = null;
  source.chain = [];
  if (rules.dontUnmapResetsOffset && source.backing.kind === 'anonymous') {
    source.pgoff = start / PAGE;
  }
}
