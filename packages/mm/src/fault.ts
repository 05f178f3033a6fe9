// SPDX-License-Identifier: MIT
import { accountPages, charge, mayExpandVm, mlockFutureOk } from './accounting.ts';
import { prepareAnonVma } from './anon-vma.ts';
import { argument, pageStart } from './arguments.ts';
import type { Call, MmStep } from './call.ts';
import { PAGE_SIZE } from './constants.ts';
import { refusal, isRefusal, type Refusal } from './refusal.ts';
import { VM_ACCOUNT, VM_GROWSDOWN, VM_LOCKED, VM_MAYSHARE, VM_WRITE } from './vm-flags.ts';
import { isAccessible, withRange, type Vma } from './vma.ts';

/*
 * Faults: an access to a page that is not there. Reads beside lock_mm_and_find_vma(),
 * mm/mmap_lock.c, expand_downwards(), mm/vma.c, and handle_mm_fault(), mm/memory.c, Linux 6.18.
 */

const BEYOND = refusal('EFAULT', 'touch.beyond-task-size');
const UNMAPPED = refusal('EFAULT', 'touch.unmapped');
const DENIED = refusal('EFAULT', 'touch.denied');
const BEYOND_EOF = refusal('EFAULT', 'touch.beyond-end-of-file');

/** An access of one byte, by the kernel for the process. */
export function touch(call: Call, address: bigint, writes: boolean): MmStep {
  const { machine } = call.mm;
  const at = argument(machine, address);
  if (at >= machine.taskSize) return call.refuse(BEYOND);
  const vma = findOrExpand(call, at);
  if (isRefusal(vma)) return call.refuse(vma);
  if (writes ? (vma.flags & VM_WRITE) === 0 : !isAccessible(vma)) return call.refuse(DENIED);
  const page = pageStart(at);
  if (!faultIn(call, vma, page, page + PAGE_SIZE, writes)) return call.refuse(BEYOND_EOF);
  return call.value(0, writes ? 'touch.written' : 'touch.read');
}

/**
 * Makes pages of a VMA present. A write to a private mapping needs an anon_vma first, and has it
 * then even where the page cannot be had.
 *
 * @param end exclusive
 * @returns false where the file behind the mapping ends before the range does
 * @throws OutOfMemory
 */
export function faultIn(
  call: Call,
  vma: Vma,
  start: number,
  end: number,
  writes: boolean,
): boolean {
  if (writes && (vma.flags & VM_MAYSHARE) === 0) prepareAnonVma(call, vma);
  if (vma.backing === null) return true;
  const lastPage = vma.pgoff + (end - vma.start) / PAGE_SIZE - 1;
  return start < end && lastPage < vma.backing.pages;
}

/** The VMA at an address, once a stack above has grown to it. */
function findOrExpand(call: Call, address: number): Vma | Refusal {
  const vma = call.mm.tree.find(address)?.entry;
  if (vma === undefined) return UNMAPPED;
  if (vma.start <= address) return vma;
  if ((vma.flags & VM_GROWSDOWN) === 0) return UNMAPPED;
  return expandDownwards(call, vma, pageStart(address));
}

const BELOW_MIN = refusal('EFAULT', 'stack.below-min-addr');
const GUARD_GAP = refusal('EFAULT', 'stack.guard-gap');
const OFFSET = refusal('EFAULT', 'stack.offset');
const LIMIT_SIZE = refusal('EFAULT', 'stack.rlimit-size');
const LIMIT_STACK = refusal('EFAULT', 'stack.rlimit-stack');
const LIMIT_MEMLOCK = refusal('EFAULT', 'stack.rlimit-memlock');
const OVERCOMMIT = refusal('EFAULT', 'stack.overcommit');

/**
 * Makes a stack begin at a lower page. It may grow up to another stack, or to memory without
 * access, but keeps its guard gap from everything else. Mirrors expand_downwards() and
 * acct_stack_growth(), mm/vma.c, Linux 6.18.
 *
 * @throws OutOfMemory
 */
function expandDownwards(call: Call, stack: Vma, page: number): Vma | Refusal {
  const { mm } = call;
  if (page < mm.machine.minAddr) return BELOW_MIN;
  const below = mm.tree.prev(stack.start);
  if (below !== null && keepsDistance(below) && page - below.end < mm.machine.stackGuardGap) {
    return GUARD_GAP;
  }
  // It stays even where a limit refuses the growth.
  const vma = prepareAnonVma(call, stack);
  call.keepWhatIsDone();

  const pages = (vma.start - page) / PAGE_SIZE;
  if (pages > vma.pgoff) return OFFSET;
  if (!mayExpandVm(mm, vma.flags, pages)) return LIMIT_SIZE;
  if (vma.end - page > mm.rlimit.STACK) return LIMIT_STACK;
  if (!mlockFutureOk(mm, vma.flags, pages * PAGE_SIZE)) return LIMIT_MEMLOCK;
  if (!charge(mm, pages)) return OVERCOMMIT;
  // Growth is charged whether or not the stack gives the charge back one day.
  if ((vma.flags & VM_ACCOUNT) === 0) mm.strandedCharge += pages;

  const grown = withRange(vma, page, vma.end, vma.pgoff - pages);
  call.store(grown);
  accountPages(mm, vma.flags, pages);
  if ((vma.flags & VM_LOCKED) !== 0) mm.lockedVm += pages;
  call.note('stack.grown');
  return grown;
}

function keepsDistance(below: Vma): boolean {
  return (below.flags & VM_GROWSDOWN) === 0 && isAccessible(below);
}
