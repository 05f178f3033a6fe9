// SPDX-License-Identifier: MIT
import { MAP_FIXED } from '@kernel-models/mm';
import {
  VM_ACCOUNT,
  VM_EXEC,
  VM_LOCKED,
  VM_MAYEXEC,
  VM_MAYREAD,
  VM_MAYWRITE,
  VM_MERGEABLE,
  VM_READ,
  VM_WRITE,
} from './vm-flags.ts';
import { mayCommit, mayExpand, mayLock } from './accounting.ts';
import { populate } from './fault.ts';
import { mergeNew } from './merge.ts';
import { startGap, unmappedArea } from './placement.ts';
import { alignUp, findVma, inRange, insert, PAGE, wrap } from './state.ts';
import type { Process, Refusal, Vma } from './state.ts';
import { unmap } from './unmap.ts';

const INFINITY = 0xffff_ffff_ffff_ffffn;
const HEAP = VM_READ | VM_WRITE | VM_MAYREAD | VM_MAYWRITE | VM_MAYEXEC | VM_ACCOUNT;

/** brk(2): the break after it. */
export function brk(process: Process, wanted: bigint): bigint {
  const { setup } = process;
  if (wanted < setup.startBrk) return process.brk;
  const { soft } = process.limits.DATA;
  const data = wanted - setup.startBrk + (setup.endData - setup.startData);
  if (soft !== INFINITY && data > soft) return process.brk;
  const newEnd = alignUp(process, wanted);
  const oldEnd = alignUp(process, process.brk);
  if (newEnd === oldEnd) process.brk = wanted;
  else if (wanted <= process.brk) shrink(process, wanted, newEnd, oldEnd);
  else grow(process, wanted, newEnd, oldEnd);
  return process.brk;
}

function shrink(process: Process, wanted: bigint, newEnd: bigint, oldEnd: bigint): void {
  const nothing = inRange(process, newEnd, oldEnd).length === 0;
  if (nothing && !process.rules.brkShrinksHoles) return;
  if (unmap(process, newEnd, oldEnd) === null) process.brk = wanted;
}

function grow(process: Process, wanted: bigint, newEnd: bigint, oldEnd: bigint): void {
  // A break near the end of addresses wraps to 0, and its length to more than user space has.
  if (checkLimits(process, oldEnd, wrap(process, newEnd - oldEnd)) !== null) return;
  const next = findVma(process, oldEnd);
  if (next !== undefined && newEnd + PAGE > startGap(process, next)) return;
  if (mapHeap(process, oldEnd, newEnd, process.setup.startBrk, 0) !== null) return;
  process.brk = wanted;
  if ((process.defFlags & VM_LOCKED) !== 0) populate(process, oldEnd, newEnd, false);
}

/** Whether the range is one of user space that may be locked, if new memory is. */
function checkLimits(process: Process, start: bigint, length: bigint): Refusal {
  const wanted = { hint: start, length, flags: MAP_FIXED, huge: null };
  const address = unmappedArea(process, wanted);
  if (typeof address === 'string') return address;
  return mayLock(process, process.defFlags, length / PAGE) ? null : 'EAGAIN';
}

/** do_brk_flags(): maps a free range, as part of its left neighbour if that ends above `floor`. */
function mapHeap(
  process: Process,
  start: bigint,
  end: bigint,
  floor: bigint,
  extra: number,
): Refusal {
  const { rules, setup } = process;
  const pages = (end - start) / PAGE;
  const flags = HEAP | process.defFlags | extra;
  if (!mayExpand(process, flags, pages)) return 'ENOMEM';
  if (process.vmas.length > setup.maxMapCount) return 'ENOMEM';
  if (!mayCommit(process, pages)) return 'ENOMEM';
  const mergeable = process.mergeAny ? VM_MERGEABLE : 0;
  const heap: Vma = {
    start,
    end,
    flags: rules.memoryMerge === 'before-merging' ? flags | mergeable : flags,
    pgoff: start / PAGE,
    backing: { kind: 'anonymous' },
    anonVma: null,
    chain: [],
    policy: null,
  };
  const below = process.vmas.findLast((vma) => vma.end <= start);
  // Until 6.0 the heap joined whatever was beside it, bss too.
  const isTooLow = below !== undefined && below.end <= floor && !rules.brkMergesRight;
  const tooLow = isTooLow ? { never: below } : {};
  const merged = mergeNew(process, heap, { ...tooLow, leftOnly: !rules.brkMergesRight });
  if (merged === null) insert(process, { ...heap, flags: flags | mergeable });
  if ((flags & VM_LOCKED) !== 0) process.lockedVm += pages;
  return null;
}

/** vm_brk_flags(): maps anonymous memory for the loader of programs. */
export function vmBrkFlags(
  process: Process,
  start: bigint,
  request: bigint,
  flags: number,
): Refusal {
  const length = alignUp(process, request);
  if (length < request) return 'ENOMEM';
  if (length === 0n) return null;
  if ((flags & ~VM_BRK_EXEC) !== 0) return 'EINVAL';
  const refusal = checkLimits(process, start, length);
  if (refusal !== null) return refusal;
  const end = wrap(process, start + length);
  const exec = flags === 0 ? 0 : VM_EXEC;
  const answer = unmap(process, start, end) ?? mapHeap(process, start, end, 0n, exec);
  if (answer !== null) return answer;
  if ((process.defFlags & VM_LOCKED) !== 0) populate(process, start, end, false);
  return null;
}

/** VM_EXEC as the caller in the kernel writes it. */
const VM_BRK_EXEC = 4;
