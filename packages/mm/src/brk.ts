// SPDX-License-Identifier: MIT
import { accountPages, charge, mayExpandVm, mlockFutureOk } from './accounting.ts';
import { OutOfMemory } from './allocation.ts';
import { argument, pageAlign, pageAlignLength } from './arguments.ts';
import type { Call, MmStep } from './call.ts';
import { PAGE_SIZE } from './constants.ts';
import { addVma, isAtMapLimit } from './add-vma.ts';
import { canMergeAfter, mergeNewRange, neighboursOf, type Proposal } from './merge.ts';
import { flagsBeforeMerge, flagsOfNewVma } from './merge-any.ts';
import { wouldCrash } from './maple32.ts';
import type { OperationOf } from './operation.ts';
import { populate } from './populate.ts';
import { refusal, type Refusal } from './refusal.ts';
import { unmapRange } from './unmap.ts';
import { checkFixedRange } from './unmapped-area.ts';
import { VM_EXEC, VM_HEAP_FLAGS, VM_LOCKED, VM_SOFTDIRTY } from './vm-flags.ts';
import { NO_CHAIN, startGap, withRange, type Vma } from './vma.ts';

/*
 * brk(2): moves the end of the heap. Reads beside SYSCALL_DEFINE1(brk), do_brk_flags() and
 * vm_brk_flags(), mm/mmap.c and mm/vma.c, Linux 6.18. What the posting and earlier kernels do
 * otherwise hangs on `brkShrink` and `brkGrowth` of revisions.ts.
 */

/** brk(2). It has no errno: where it refuses, it returns the break as it was. */
export function brk(call: Call, { address }: OperationOf<'brk'>): MmStep {
  const { mm } = call;
  const request = argument(mm.machine, address);
  const old = mm.brk;
  const newEnd = pageAlign(request);
  const oldEnd = pageAlign(old);

  if (request < mm.startBrk) return call.value(old, 'brk.below-start');
  if (exceedsDataLimit(call, request)) return call.value(old, 'brk.rlimit-data');
  if (newEnd === oldEnd) {
    mm.brk = request;
    return call.value(request, 'brk.same-page');
  }
  if (request <= old) return shrink(call, request, newEnd, oldEnd);
  return grow(call, request, newEnd, oldEnd);
}

/** RLIMIT_DATA counts bytes here, before any rounding. Mirrors check_data_rlimit(). */
function exceedsDataLimit({ mm }: Call, request: number): boolean {
  return request - mm.startBrk + (mm.endData - mm.startData) > mm.rlimit.DATA;
}

/** Gives back [newEnd, oldEnd), whatever is mapped there. */
function shrink(call: Call, request: number, newEnd: number, oldEnd: number): MmStep {
  const { features, mm } = call;
  const old = mm.brk;
  const found = findShrunk(call, newEnd, oldEnd);
  if (found === 'dead') return call.oops('brk', 'brk.bug-on');
  if (found === 'nothing') return call.value(old, 'brk.nothing-mapped');
  mm.brk = request;
  if (unmapRange(call, newEnd, oldEnd) === undefined) return call.value(request, 'brk.shrunk');
  if (!features.keepsRefusedBreak) mm.brk = old;
  return call.value(old, 'brk.shrink-refused');
}

/** Whether there is anything to unmap, which brk(2) asks since the tree is a maple tree. */
function findShrunk({ features, mm }: Call, newEnd: number, oldEnd: number): ShrinkSearch {
  switch (features.brkShrink) {
    case 'munmap':
      return 'mapped';
    case 'refuse':
      return mm.tree.find(newEnd, oldEnd - 1) === null ? 'nothing' : 'mapped';
    case 'bug-on': {
      // The window includes the old end: who begins there is found where nothing is left of the heap.
      const vma = mm.tree.find(newEnd, oldEnd)?.entry;
      if (vma === undefined) return 'dead';
      return vma.start >= oldEnd ? 'nothing' : 'mapped';
    }
    case 'stranger':
      return mm.tree.find(newEnd, oldEnd) === null ? 'nothing' : 'mapped';
  }
}

type ShrinkSearch = 'mapped' | 'nothing' | 'dead';

/** Maps [oldEnd, newEnd). */
function grow(call: Call, request: number, newEnd: number, oldEnd: number): MmStep {
  const { mm } = call;
  const old = mm.brk;
  const limited = checkBrkLimits(call, oldEnd, newEnd - oldEnd);
  if (limited !== undefined) return call.value(old, limited.rule);
  if (!leavesGuardPage(call, oldEnd, newEnd)) return call.value(old, 'brk.guard-page');
  // Bss that ends where the heap begins is not looked at: the heap never becomes a part of it.
  const below = mm.tree.prev(oldEnd, mm.startBrk);
  if (call.features.treeBug === 'reuses-linked-node' && wouldCrash(mm.tree.maple, oldEnd)) {
    return call.oops('mas_update_gap', 'brk.tree-crash');
  }
  const refused = doBrkFlags(call, below, { start: oldEnd, end: newEnd }, 0);
  if (refused !== undefined) return call.value(old, refused.rule);
  mm.brk = request;
  if ((mm.defFlags & VM_LOCKED) !== 0) {
    call.keepWhatIsDone();
    populate(call, oldEnd, newEnd);
  }
  return call.value(request, 'brk.grown');
}

/** Whether one free page stays between the heap and what comes next, or its guard gap. */
function leavesGuardPage({ features, mm }: Call, oldEnd: number, newEnd: number): boolean {
  const { stackGuardGap } = mm.machine;
  const guard = features.leavesGuardPage ? PAGE_SIZE : 0;
  const window = features.searchesWholeWindow ? newEnd + guard + stackGuardGap : oldEnd + 1;
  const next = mm.tree.find(oldEnd, window - 1)?.entry;
  return next === undefined || newEnd + guard <= startGap(next, stackGuardGap);
}

const LIMIT_MEMLOCK = refusal('EAGAIN', 'brk.rlimit-memlock');
const LIMIT_SIZE = refusal('ENOMEM', 'brk.rlimit-size');
const COUNT = refusal('ENOMEM', 'brk.map-count');
const OVERCOMMIT = refusal('ENOMEM', 'brk.overcommit');

/** Mirrors check_brk_limits(), mm/mmap.c, Linux 6.18. */
function checkBrkLimits(call: Call, start: number, length: number): Refusal | undefined {
  const refused = checkFixedRange(call, start, length);
  if (refused !== undefined) return refused;
  return mlockFutureOk(call.mm, call.mm.defFlags, length) ? undefined : LIMIT_MEMLOCK;
}

/**
 * Maps an empty range: as a part of the VMA below where that one ends here and is alike, else as a
 * VMA of its own; never as a part of what lies above. Mirrors do_brk_flags(), mm/vma.c, Linux 6.18.
 *
 * @param below the VMA before the range that may be the heap
 * @param extraFlags VM_EXEC or nothing
 * @throws OutOfMemory
 */
function doBrkFlags(
  call: Call,
  below: Vma | null,
  { start, end }: { readonly start: number; readonly end: number },
  extraFlags: number,
): Refusal | undefined {
  const { mm } = call;
  const pages = (end - start) / PAGE_SIZE;
  const flags = flagsBeforeMerge(call, extraFlags | VM_HEAP_FLAGS | mm.defFlags);
  if (!mayExpandVm(mm, flags, pages)) return LIMIT_SIZE;
  if (isAtMapLimit(call)) return COUNT;
  if (!charge(mm, pages)) return OVERCOMMIT;
  const range: Proposal = {
    start,
    end,
    flags: flags | VM_SOFTDIRTY,
    pgoff: start / PAGE_SIZE,
    backing: null,
    anonVma: 0,
    chain: NO_CHAIN,
    policy: null,
  };
  if (!joinHeap(call, below, range)) addHeapVma(call, range);
  accountPages(mm, flags, pages);
  if ((flags & VM_LOCKED) !== 0) mm.lockedVm += pages;
  return undefined;
}

/** Makes the new range a part of a VMA that is there, if one will have it. */
function joinHeap(call: Call, below: Vma | null, range: Proposal): boolean {
  const { features } = call;
  switch (features.brkGrowth) {
    case 'left':
      if (below === null || !canMergeAfter(features, below, range)) return false;
      break;
    case 'flags-only':
      // As posted: where the VMA ends, what it shows and whose policy it has is not asked.
      if (below === null || !hasHeapFlags(below, range)) return false;
      break;
    case 'both-sides':
      return mergeNewRange(call, range, neighboursOf(call, range.start, range.end)) !== null;
  }
  expand(call, below, range);
  return true;
}

function hasHeapFlags(vma: Vma, range: Proposal): boolean {
  return vma.chain.length <= 1 && ((vma.flags ^ range.flags) & ~VM_SOFTDIRTY) === 0;
}

/** Lengthens the heap by one store. What earlier kernels forgot to undo where it fails, stays. */
function expand(call: Call, heap: Vma, range: Proposal): void {
  const { features, mm } = call;
  const grown = withRange(heap, heap.start, range.end, heap.pgoff);
  try {
    call.store(grown);
  } catch (error) {
    if (!(error instanceof OutOfMemory) || features.failedExpansion === 'undone') throw error;
    const { committed } = mm;
    call.unwind();
    mm.committed = committed;
    if (features.failedExpansion === 'longer') call.storeLonger(heap, grown);
    call.keepWhatIsDone();
    throw error;
  }
  call.note('merge.left');
}

function addHeapVma(call: Call, range: Proposal): void {
  addVma(call, range, flagsOfNewVma(call, range.flags), null);
  if (call.features.countsHeapTwice) call.mm.mapCount++;
}

const BRK_FLAGS = refusal('EINVAL', 'vm-brk-flags.flags');

/**
 * vm_brk_flags(): maps a range of anonymous memory for a program's bss, over whatever was there.
 * Mirrors vm_brk_flags(), mm/mmap.c, Linux 6.18.
 */
export function vmBrkFlags(call: Call, operation: OperationOf<'vmBrkFlags'>): MmStep {
  const { features, mm } = call;
  const { machine } = mm;
  const start = argument(machine, operation.address);
  const length = pageAlignLength(machine, operation.length);
  if (length === 0) {
    return argument(machine, operation.length) === 0
      ? call.value(0, 'vm-brk-flags.nothing')
      : call.errno('ENOMEM', 'vm-brk-flags.length');
  }
  if ((operation.flags & ~VM_EXEC) !== 0) {
    // The posting moved this check behind the lock, and returned from there.
    if (features.forgetsToUnlock) mm.lockHeld = true;
    return call.refuse(BRK_FLAGS);
  }
  const limited = checkBrkLimits(call, start, length);
  if (limited !== undefined) return call.refuse(limited);
  const end = start + length;
  const refused = unmapRange(call, start, end);
  if (refused !== undefined) return call.refuse(refused);
  const prev = mm.tree.prev(start);
  const below = prev !== null && mayBeBss(call, prev, start, operation.flags) ? prev : null;
  const failed = doBrkFlags(call, below, { start, end }, operation.flags);
  if (failed !== undefined) return call.refuse(failed);
  if ((mm.defFlags & VM_LOCKED) !== 0) {
    call.keepWhatIsDone();
    populate(call, start, end);
  }
  return call.value(0, 'vm-brk-flags.mapped');
}

/** The posting compared with the caller's flags alone, without those that every heap has. */
function mayBeBss({ features }: Call, prev: Vma, start: number, flags: number): boolean {
  return !features.comparesBareFlags || (prev.end === start && prev.flags === flags);
}
