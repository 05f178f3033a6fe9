// SPDX-License-Identifier: MIT
import { accountPages, charge } from './accounting.ts';
import { addVma } from './add-vma.ts';
import type { Call } from './call.ts';
import { PAGE_SIZE } from './constants.ts';
import { mergeNewRange, neighboursOf, type Neighbours, type Proposal } from './merge.ts';
import type { Remap } from './mremap.ts';
import { populate } from './populate.ts';
import { isRefusal, refusal, type Refusal } from './refusal.ts';
import { splitUnlimited } from './split.ts';
import { gather, removeGathered } from './unmap.ts';
import { VM_ACCOUNT, VM_LOCKED, VM_LOCKED_MASK } from './vm-flags.ts';
import { isAnonymous, NO_CHAIN, type Vma } from './vma.ts';

/*
 * The move itself: a copy of the mapping at the target, then the source goes, or with DONTUNMAP
 * stays without its pages. Reads beside move_vma(), copy_vma() and dontunmap_complete(),
 * mm/mremap.c and mm/vma.c, Linux 6.18.
 */

const SPLITS_SPECIAL = refusal('EINVAL', 'move.splits-special');
const OVERCOMMIT = refusal('ENOMEM', 'move.overcommit');

/**
 * Moves [address, address + oldLength) of a VMA to an empty range.
 *
 * @returns the target, or why not
 * @throws OutOfMemory
 */
export function moveVma(call: Call, remap: Remap, source: Vma, target: number): number | Refusal {
  const { features, mm } = call;
  const { address, oldLength, newLength, keepsSource } = remap;
  const end = address + oldLength;
  if (source.special !== null && (source.start !== address || source.end !== end)) {
    return SPLITS_SPECIAL;
  }
  const isCharged = (source.flags & VM_ACCOUNT) !== 0;
  const more = keepsSource ? newLength : newLength - oldLength;
  if (isCharged && !charge(mm, more / PAGE_SIZE)) return OVERCOMMIT;

  const isLocked = (source.flags & VM_LOCKED) !== 0;
  const splitsFirst = keepsSource && isLocked && features.dontunmapLocked === 'splits';
  const moved = splitsFirst ? cutOut(call, source, address, end) : source;
  if (isRefusal(moved)) return moved;
  copyVma(call, moved, remap, target);
  accountPages(mm, source.flags, newLength / PAGE_SIZE);

  if (keepsSource) {
    if (isLocked && features.dontunmapLocked === 'drifts') mm.lockedVm += newLength / PAGE_SIZE;
    leaveSource(call, address, end);
  } else {
    const gathered = gather(call, address, end);
    if (isRefusal(gathered)) return gathered;
    removeGathered(call, gathered, isCharged);
    if (isLocked) mm.lockedVm += newLength / PAGE_SIZE;
  }
  if (isLocked && newLength > oldLength) {
    call.keepWhatIsDone();
    populate(call, target + oldLength, target + newLength);
  }
  call.note('move.moved');
  return target;
}

/** Makes a part of a VMA one of its own. */
function cutOut(call: Call, vma: Vma, start: number, end: number): Vma | Refusal {
  let part = vma;
  if (start > part.start) {
    const halves = splitUnlimited(call, part, start);
    if (isRefusal(halves)) return halves;
    part = halves.high;
  }
  if (end < part.end) {
    const halves = splitUnlimited(call, part, end);
    if (isRefusal(halves)) return halves;
    part = halves.low;
  }
  return part;
}

/**
 * Maps at the target what the source shows from an address on. Memory that was never written to can
 * be taken for memory of the target's place, so that it may join its new neighbours.
 */
function copyVma(call: Call, source: Vma, remap: Remap, target: number): void {
  const { address, keepsSource, newLength } = remap;
  const { anonVma, backing, chain, flags, policy, special } = source;
  const isUntouched = isAnonymous(source) && anonVma === 0;
  const start = target;
  const end = target + newLength;
  const range: Proposal = {
    start,
    end,
    flags,
    pgoff: isUntouched ? target / PAGE_SIZE : source.pgoff + (address - source.start) / PAGE_SIZE,
    backing,
    anonVma,
    chain,
    policy,
  };
  if (mergeNewRange(call, range, partners(call, keepsSource ? source : null, start, end)) !== null)
    return;
  if (chain.length > 0) call.allocate();
  addVma(call, range, flags, special);
}

/**
 * Who may take the copy: kernels differ in whether a source that stays may.
 *
 * @param source null where it goes
 */
function partners(call: Call, source: Vma | null, start: number, end: number): Neighbours {
  const { prev, next } = neighboursOf(call, start, end);
  if (source === null) return { prev, next };
  const isBeside = prev?.start === source.start || next?.start === source.start;
  const { copyBesideSource } = call.features;
  if (!isBeside || copyBesideSource === 'joins-source') return { prev, next };
  if (copyBesideSource === 'alone') return { prev: null, next: null };
  return {
    prev: prev?.start === source.start ? null : prev,
    next: next?.start === source.start ? null : next,
  };
}

/**
 * What DONTUNMAP leaves behind: unlocked, and, where all of a VMA was moved, without an anon_vma.
 * Mirrors dontunmap_complete().
 */
function leaveSource(call: Call, address: number, end: number): void {
  const left = call.mm.tree.load(address);
  if (left === null) return;
  const flags = left.flags & ~VM_LOCKED_MASK;
  const isWhole = left.start === address && left.end === end;
  const isEmptied = isWhole && left.anonVma !== 0;
  const resets = isEmptied && isAnonymous(left) && call.features.dontunmapResetsPgoff;
  if (!isEmptied && flags === left.flags) return;
  call.store({
    ...left,
    flags,
    pgoff: resets ? left.start / PAGE_SIZE : left.pgoff,
    anonVma: isEmptied ? 0 : left.anonVma,
    chain: isEmptied ? NO_CHAIN : left.chain,
  });
  call.note('move.source-left');
}
