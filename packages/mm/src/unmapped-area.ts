// SPDX-License-Identifier: MIT
import { isPageAligned, pageAlign, pageStart } from './arguments.ts';
import type { Call } from './call.ts';
import { MAP_32BIT_END, MAP_32BIT_START, PMD_SIZE } from './constants.ts';
import { MAP_32BIT, MAP_FIXED } from './flags.ts';
import { refusal, isRefusal, type Refusal } from './refusal.ts';
import { VM_GROWSDOWN } from './vm-flags.ts';
import { startGap, type Vma } from './vma.ts';

/*
 * Where a mapping goes. Reads beside __get_unmapped_area() and vm_unmapped_area(), mm/mmap.c and
 * mm/vma.c, and arch_get_unmapped_area*(), arch/x86/kernel/sys_x86_64.c, Linux 6.18.
 */

/** What is to be placed. */
export interface Wish {
  /** Where; 0: anywhere. With MAP_FIXED, here or nowhere. */
  readonly address: number;
  /** Bytes, page-aligned. */
  readonly length: number;
  readonly flags: number;
  /** Whether huge pages may back it: private anonymous memory. */
  readonly mayBeHuge: boolean;
}

const TOO_LONG = refusal('ENOMEM', 'unmapped-area.longer-than-space');
const BEYOND = refusal('ENOMEM', 'unmapped-area.beyond-task-size');
const UNALIGNED = refusal('EINVAL', 'unmapped-area.unaligned');
const BELOW_MIN = refusal('EPERM', 'unmapped-area.below-min-addr');
const NO_ROOM = refusal('ENOMEM', 'unmapped-area.no-room');

/**
 * The address of a new mapping. Mirrors __get_unmapped_area().
 *
 * @returns the address, or why there is none
 */
export function getUnmappedArea(call: Call, wish: Wish): number | Refusal {
  const { machine, capabilities } = call.mm;
  if (wish.length > machine.taskSize) return TOO_LONG;
  const address = (wish.flags & MAP_FIXED) !== 0 ? wish.address : place(call, wish);
  if (isRefusal(address)) return address;
  if (address > machine.taskSize - wish.length) return BEYOND;
  if (!isPageAligned(address)) return UNALIGNED;
  if (address < machine.sysctlMinAddr && !capabilities.includes('CAP_SYS_RAWIO')) return BELOW_MIN;
  return address;
}

/** A hint below the lowest address means the lowest one. Mirrors round_hint_to_min(). */
export function roundHintToMin(call: Call, address: number): number {
  const hint = pageStart(address);
  return hint !== 0 && hint < call.mm.machine.minAddr ? pageAlign(call.mm.machine.minAddr) : hint;
}

function place(call: Call, wish: Wish): number | Refusal {
  if (isForHugePages(call, wish)) {
    const aligned = hugeAligned(call, wish);
    if (aligned !== null) return aligned;
  }
  return arch(call, wish);
}

/** Large private memory without a hint is aligned for huge pages, in 64-bit processes since 6.7. */
function isForHugePages({ features, mm }: Call, wish: Wish): boolean {
  return (
    features.alignsHuge &&
    wish.mayBeHuge &&
    wish.address === 0 &&
    wish.length > 0 &&
    wish.length % PMD_SIZE === 0 &&
    mm.machine.abi === 'x86-64'
  );
}

/** Looks for room for a huge page more. Mirrors __thp_get_unmapped_area(), mm/huge_memory.c. */
function hugeAligned(call: Call, wish: Wish): number | null {
  const found = arch(call, { ...wish, length: wish.length + PMD_SIZE });
  if (isRefusal(found)) return null;
  call.note('unmapped-area.huge-aligned');
  const missing = (PMD_SIZE - (found % PMD_SIZE)) % PMD_SIZE;
  return missing === 0 && call.mm.machine.topDown ? found + PMD_SIZE : found + missing;
}

function arch(call: Call, wish: Wish): number | Refusal {
  const { machine } = call.mm;
  const low32 = (wish.flags & MAP_32BIT) !== 0 && machine.abi === 'x86-64';
  if (!machine.topDown || low32) return bottomUp(call, wish, low32);
  if (wish.length > machine.taskSize) return NO_ROOM;
  if (hintFits(call, pageStart(wish.address), wish.length, machine.taskSize)) {
    return pageStart(wish.address);
  }
  const found = highestRoom(call, wish.length, machine.minAddr, machine.mmapBase);
  return found ?? bottomUp(call, wish, false);
}

/** Mirrors arch_get_unmapped_area(), also the way out of a full top-down window. */
function bottomUp(call: Call, wish: Wish, low32: boolean): number | Refusal {
  const { machine } = call.mm;
  const begin = low32 ? MAP_32BIT_START : machine.mmapLegacyBase;
  const end = low32 ? MAP_32BIT_END : machine.taskSize;
  if (wish.length > end) return NO_ROOM;
  const hint = pageAlign(wish.address);
  if (hintFits(call, hint, wish.length, end)) return hint;
  return lowestRoom(call, wish.length, Math.max(begin, machine.minAddr), end) ?? NO_ROOM;
}

/** Whether the caller's own choice is free: what lies below it is no obstacle, not even a stack. */
function hintFits(call: Call, hint: number, length: number, end: number): boolean {
  if (hint === 0 || hint > end - length) return false;
  const { machine, tree } = call.mm;
  const next = tree.find(hint)?.entry ?? null;
  if (next !== null && hint + length > startGap(next, machine.stackGuardGap)) return false;
  call.note('unmapped-area.hint');
  return true;
}

/**
 * The highest room in a window. Where it reaches into the gap that a stack above must keep, the
 * whole window ends at that gap from then on: free addresses above it are not looked at again.
 * Mirrors unmapped_area_topdown().
 */
function highestRoom(call: Call, length: number, low: number, top: number): number | null {
  const { machine, tree } = call.mm;
  const cursor = tree.cursor();
  let high = top;
  for (;;) {
    cursor.set(0);
    if (high <= low || cursor.emptyAreaRev(low, high - 1, length) < 0) return null;
    const end = cursor.last + 1;
    const above = stackAbove(call, end);
    if (above === null || startGap(above, machine.stackGuardGap) >= end) {
      call.note('unmapped-area.highest');
      return end - length;
    }
    if (call.features.idealPlacement) {
      const trimmed = startGap(above, machine.stackGuardGap) - length;
      if (trimmed >= low && tree.find(trimmed, trimmed + length - 1) === null) return trimmed;
      high = end - length;
    } else {
      high = startGap(above, machine.stackGuardGap);
    }
    call.note('unmapped-area.below-guard-gap');
  }
}

/** The lowest room in a window, by the mirrored rule. Mirrors unmapped_area(). */
function lowestRoom(call: Call, length: number, bottom: number, high: number): number | null {
  const { machine, tree } = call.mm;
  const cursor = tree.cursor();
  let low = bottom;
  for (;;) {
    cursor.set(0);
    if (low >= high || cursor.emptyArea(low, high - 1, length) < 0) return null;
    const start = cursor.index;
    const above = stackAbove(call, start + length);
    if (above === null || startGap(above, machine.stackGuardGap) >= start + length - 1) {
      call.note('unmapped-area.lowest');
      return start;
    }
    low = above.end;
    call.note('unmapped-area.above-stack');
  }
}

/** The next VMA at or above an address, if it is a stack. */
function stackAbove({ mm }: Call, address: number): Vma | null {
  const next = mm.tree.find(address)?.entry ?? null;
  return next !== null && (next.flags & VM_GROWSDOWN) !== 0 ? next : null;
}

/** What brk(2) asks instead: whether a range is one that MAP_FIXED would accept. */
export function checkFixedRange(call: Call, start: number, length: number): Refusal | undefined {
  const area = getUnmappedArea(call, {
    address: start,
    length,
    flags: MAP_FIXED,
    mayBeHuge: false,
  });
  return isRefusal(area) ? area : undefined;
}
