// SPDX-License-Identifier: MIT
import type { Call } from './call.ts';
import { PAGE_SIZE } from './constants.ts';
import type { Features } from './features.ts';
import { VM_SOFTDIRTY, VM_SPECIAL } from './vm-flags.ts';
import { sameBacking, withAnonVma, withRange, type Backing, type Vma } from './vma.ts';

/*
 * When a range becomes part of the VMA beside it. Reads beside vma_merge_new_range(),
 * vma_merge_existing_range() and is_mergeable_anon_vma(), mm/vma.c, Linux 6.18, and their
 * predecessors in mm/mmap.c, Linux 6.1.
 */

/** A range that looks for neighbours: struct vma_merge_struct. */
export interface Proposal {
  readonly start: number;
  /** Exclusive. */
  readonly end: number;
  readonly flags: number;
  readonly pgoff: number;
  readonly backing: Backing | null;
  /** The anon_vma of the pages that the range has already; 0: none. */
  readonly anonVma: number;
  readonly chain: readonly number[];
  readonly policy: string | null;
}

/** Whether a neighbour's attributes are those of the range. Mirrors is_mergeable_vma(). */
function isMergeable(vma: Vma, range: Proposal): boolean {
  return (
    vma.policy === range.policy &&
    ((vma.flags ^ range.flags) & ~VM_SOFTDIRTY) === 0 &&
    sameBacking(vma.backing, range.backing)
  );
}

/**
 * Whether the pages of a neighbour and of the range may have one anon_vma. Since 6.16 a side that
 * was never written to goes with anything, unless the other one has pages of a parent. Before, it
 * had to have a chain of exactly one entry, which unwritten memory has not.
 */
function isMergeableAnonVma(features: Features, vma: Vma, range: Proposal): boolean {
  switch (features.anonVmaRule) {
    case 'fork-child':
      if (vma.anonVma === 0 && range.anonVma !== 0) {
        return range.chain.length <= 1 || features.mergesForkChild;
      }
      if (vma.anonVma !== 0 && range.anonVma === 0) return vma.chain.length <= 1;
      return vma.anonVma === range.anonVma;
    case 'singular':
      if ((vma.anonVma === 0 || range.anonVma === 0) && vma.chain.length === 1) return true;
      return vma.anonVma === range.anonVma;
    case 'ignored':
      return true;
  }
}

/** Whether the range can follow the VMA that ends where it starts. Mirrors can_vma_merge_after(). */
export function canMergeAfter(features: Features, vma: Vma, range: Proposal): boolean {
  return (
    vma.end === range.start &&
    isMergeable(vma, range) &&
    vma.pgoff + (vma.end - vma.start) / PAGE_SIZE === range.pgoff &&
    isMergeableAnonVma(features, vma, range)
  );
}

/** Whether the range can precede the VMA that starts where it ends: can_vma_merge_before(). */
export function canMergeBefore(features: Features, vma: Vma, range: Proposal): boolean {
  return (
    vma.start === range.end &&
    isMergeable(vma, range) &&
    range.pgoff + (range.end - range.start) / PAGE_SIZE === vma.pgoff &&
    isMergeableAnonVma(features, vma, range)
  );
}

/** Whether the VMAs on both sides of a range can be one: the range fits each, they fit each other. */
function fitEachOther(features: Features, prev: Vma, next: Vma): boolean {
  return (
    prev.anonVma === 0 ||
    next.anonVma === 0 ||
    prev.anonVma === next.anonVma ||
    features.anonVmaRule === 'ignored'
  );
}

/** The survivor takes the anon_vma of whichever part had one. Mirrors dup_anon_vma(). */
function adopt(call: Call, vma: Vma, from: Pick<Vma, 'anonVma' | 'chain'>): Vma {
  if (vma.anonVma !== 0 || from.anonVma === 0) return vma;
  call.allocate();
  return withAnonVma(vma, from.anonVma, from.chain);
}

/** What lies beside a range: the VMA that ends below it, and the one that starts above. */
export interface Neighbours {
  readonly prev: Vma | null;
  readonly next: Vma | null;
}

/** The VMAs that touch a range. */
export function neighboursOf(call: Call, start: number, end: number): Neighbours {
  const { tree } = call.mm;
  return { prev: start > 0 ? tree.load(start - 1) : null, next: tree.load(end) };
}

/**
 * Makes a range that holds nothing part of a neighbour, left before right, or both.
 *
 * @returns the VMA that holds the range now, or null where none would take it
 * @throws OutOfMemory
 */
export function mergeNewRange(call: Call, range: Proposal, { prev, next }: Neighbours): Vma | null {
  if ((range.flags & VM_SPECIAL) !== 0) return null;
  const { features } = call;
  const left = prev !== null && canMergeAfter(features, prev, range) ? prev : null;
  let right = next !== null && canMergeBefore(features, next, range) ? next : null;
  if (left !== null && right !== null && !fitEachOther(features, left, right)) right = null;
  return join(call, range, left, right);
}

/**
 * The same as mmap(2) of 6.1 does it: the right neighbour is tried first, and the left one must go
 * with what was accepted there. Mirrors mmap_region(), mm/mmap.c, Linux 6.1.
 */
export function mergeNewRangeRightFirst(
  call: Call,
  range: Proposal,
  { prev, next }: Neighbours,
): Vma | null {
  if ((range.flags & VM_SPECIAL) !== 0) return null;
  const { features } = call;
  const right =
    next !== null && next.policy === null && canMergeBefore(features, next, range) ? next : null;
  const accepted =
    right === null ? range : { ...range, anonVma: right.anonVma, chain: right.chain };
  const left =
    prev !== null && prev.policy === null && canMergeAfter(features, prev, accepted) ? prev : null;
  return join(call, range, left, right);
}

function join(call: Call, range: Proposal, left: Vma | null, right: Vma | null): Vma | null {
  if (left !== null && right !== null) {
    const joined = adopt(
      call,
      adopt(call, withRange(left, left.start, right.end, left.pgoff), right),
      range,
    );
    call.store(joined);
    call.mm.mapCount--;
    call.mm.vmasFreed++;
    call.note('merge.both');
    return joined;
  }
  if (left !== null) {
    const grown = adopt(call, withRange(left, left.start, range.end, left.pgoff), range);
    call.store(grown);
    call.note('merge.left');
    return grown;
  }
  if (right !== null) {
    const grown = adopt(call, withRange(right, range.start, right.end, range.pgoff), range);
    call.store(grown);
    call.note('merge.right');
    return grown;
  }
  return null;
}

/**
 * Makes a part of a VMA, with attributes that it is about to have, part of a neighbour: all of the
 * VMA, or its lower or upper end.
 *
 * @param vma what holds the range so far
 * @returns the VMA that holds the range now, or null where none would take it
 * @throws OutOfMemory
 */
export function mergeExistingRange(call: Call, vma: Vma, range: Proposal): Vma | null {
  const touchesStart = range.start === vma.start;
  const touchesEnd = range.end === vma.end;
  if ((range.flags & VM_SPECIAL) !== 0 || (!touchesStart && !touchesEnd)) return null;
  const { features, mm } = call;
  const { prev, next } = neighboursOf(call, range.start, range.end);
  const left = touchesStart && prev !== null && canMergeAfter(features, prev, range) ? prev : null;
  let right = touchesEnd && next !== null && canMergeBefore(features, next, range) ? next : null;
  if (left !== null && right !== null && !fitEachOther(features, left, right)) right = null;

  if (left !== null && right !== null) {
    const joined = adopt(
      call,
      adopt(call, withRange(left, left.start, right.end, left.pgoff), right),
      vma,
    );
    call.store(joined);
    mm.mapCount -= 2;
    mm.vmasFreed += 2;
    call.note('merge.both');
    return joined;
  }
  if (left !== null) {
    const grown = adopt(call, withRange(left, left.start, range.end, left.pgoff), vma);
    call.store(grown);
    keepRest(call, touchesEnd ? null : cutBelow(vma, range.end));
    call.note('merge.left');
    return grown;
  }
  if (right !== null) {
    const grown = adopt(call, withRange(right, range.start, right.end, range.pgoff), vma);
    call.store(grown);
    keepRest(call, touchesStart ? null : withRange(vma, vma.start, range.start, vma.pgoff));
    call.note('merge.right');
    return grown;
  }
  return null;
}

/** The upper part of a VMA. */
function cutBelow(vma: Vma, address: number): Vma {
  return withRange(vma, address, vma.end, vma.pgoff + (address - vma.start) / PAGE_SIZE);
}

/** What a neighbour did not take of a VMA stays, or the VMA is gone. */
function keepRest(call: Call, rest: Vma | null): void {
  if (rest !== null) {
    call.store(rest);
    return;
  }
  call.mm.mapCount--;
  call.mm.vmasFreed++;
}
