// SPDX-License-Identifier: MIT
import { accountPages, canCharge, charge, mayExpandVm } from './accounting.ts';
import { addVma } from './add-vma.ts';
import type { Call } from './call.ts';
import { PAGE_SIZE } from './constants.ts';
import { flagsBeforeMerge, flagsOfNewVma } from './merge-any.ts';
import { mergeNewRange, mergeNewRangeRightFirst, neighboursOf, type Proposal } from './merge.ts';
import { isRefusal, refusal, type Refusal } from './refusal.ts';
import { gather, removeGathered, unmapRange } from './unmap.ts';
import {
  VM_ACCOUNT,
  VM_EXEC,
  VM_LOCKED,
  VM_NORESERVE,
  VM_SHARED,
  VM_SOFTDIRTY,
  VM_WRITE,
} from './vm-flags.ts';
import { NO_CHAIN, type Backing } from './vma.ts';

/*
 * The second half of mmap(2): a mapping takes its place, over whatever is there. Reads beside
 * mmap_region(), mm/vma.c, Linux 6.18, and mmap_region(), mm/mmap.c, Linux 6.1.
 */

/** A mapping as it is about to be made. */
export interface Mapping {
  readonly start: number;
  readonly length: number;
  readonly flags: number;
  readonly pgoff: number;
  readonly backing: Backing | null;
}

/** Makes a mapping, as the kernel of the revision does: why not, or undefined. */
export function mmapRegion(call: Call, mapping: Mapping): Refusal | undefined {
  return call.features.unmapsBeforeCharging
    ? mapUnmappingFirst(call, mapping)
    : mapGathering(call, mapping);
}

const EXEC_GAIN = refusal('EACCES', 'mmap.mdwe');
const LIMIT_SIZE = refusal('ENOMEM', 'mmap.rlimit-size');
const OVERCOMMIT = refusal('ENOMEM', 'mmap.overcommit');
const SHARED_OVERCOMMIT = refusal('ENOMEM', 'mmap.shared-overcommit');
const UNMAP = refusal('ENOMEM', 'mmap.unmap-refused');

/** Writable and executable at once. Mirrors map_deny_write_exec(), include/linux/mman.h. */
function deniesExec({ mm }: Call, flags: number): boolean {
  return mm.mdwe && (flags & VM_EXEC) !== 0 && (flags & VM_WRITE) !== 0;
}

/** Private writable memory is charged, unless it was not to be. Mirrors accountable_mapping(). */
function isAccountable(flags: number): boolean {
  return (flags & (VM_NORESERVE | VM_SHARED | VM_WRITE)) === VM_WRITE;
}

/**
 * Whether a new shared object can be charged: all of it, at once, unless it has MAP_NORESERVE. The
 * charge is the object's and outlives the mapping, so the process does not count it.
 */
function canChargeShared({ mm }: Call, { backing, flags, length }: Mapping): boolean {
  const isNew = backing !== null && backing.id === mm.nextId;
  return !isNew || (flags & VM_NORESERVE) !== 0 || canCharge(mm, length / PAGE_SIZE);
}

/**
 * Maps a range over whatever is there: what it replaces is cut and counted first, and stays where
 * the new mapping is refused. Mirrors __mmap_region(), mm/vma.c, Linux 6.18.
 */
function mapGathering(call: Call, mapping: Mapping): Refusal | undefined {
  const { features, mm } = call;
  const { start, length } = mapping;
  if (deniesExec(call, mapping.flags)) return EXEC_GAIN;
  const gathered = gather(call, start, start + length);
  if (isRefusal(gathered)) return gathered;
  call.keepWhatIsDone();

  const pages = length / PAGE_SIZE;
  const replaced = features.ignoresReplaced ? 0 : gathered.pages;
  if (!mayExpandVm(mm, mapping.flags, pages - replaced)) return LIMIT_SIZE;
  const isCharged = isAccountable(mapping.flags);
  if (isCharged && !charge(mm, pages - gathered.accounted)) return OVERCOMMIT;
  if (!canChargeShared(call, mapping)) return SHARED_OVERCOMMIT;
  removeGathered(call, gathered, isCharged);
  addMapping(call, mapping, isCharged);
  return undefined;
}

/**
 * The same as 6.1 does it: the limit is asked before anything is touched, then the range is emptied
 * for good, then all of the new mapping is charged. Mirrors mmap_region(), mm/mmap.c, Linux 6.1.
 */
function mapUnmappingFirst(call: Call, mapping: Mapping): Refusal | undefined {
  const { mm } = call;
  const { start, length } = mapping;
  const pages = length / PAGE_SIZE;
  if (deniesExec(call, mapping.flags)) return EXEC_GAIN;
  if (!mayExpandVm(mm, mapping.flags, pages)) {
    const replaced = countPages(call, start, start + length);
    if (!mayExpandVm(mm, mapping.flags, pages - replaced)) return LIMIT_SIZE;
  }
  if (unmapRange(call, start, start + length) !== undefined) return UNMAP;
  call.keepWhatIsDone();
  const isCharged = isAccountable(mapping.flags);
  if (isCharged && !charge(mm, pages)) return OVERCOMMIT;
  if (!canChargeShared(call, mapping)) return SHARED_OVERCOMMIT;
  addMapping(call, mapping, isCharged);
  return undefined;
}

/** Pages that are mapped in a range. Mirrors count_vma_pages_range(), mm/mmap.c, Linux 6.1. */
function countPages({ mm }: Call, start: number, end: number): number {
  let pages = 0;
  for (let at = start; at < end;) {
    const vma = mm.tree.find(at, end - 1)?.entry;
    if (vma === undefined) break;
    pages += (Math.min(vma.end, end) - Math.max(vma.start, at)) / PAGE_SIZE;
    at = vma.end;
  }
  return pages;
}

/** Puts the mapping into its empty place: as part of a neighbour, or by itself. */
function addMapping(call: Call, mapping: Mapping, isCharged: boolean): void {
  const { features, mm } = call;
  const { start, length, pgoff, backing } = mapping;
  const end = start + length;
  const charged = mapping.flags | VM_SOFTDIRTY | (isCharged ? VM_ACCOUNT : 0);
  const range: Proposal = {
    start,
    end,
    flags: flagsBeforeMerge(call, charged),
    pgoff,
    backing,
    anonVma: 0,
    chain: NO_CHAIN,
    policy: null,
  };
  if (backing !== null && backing.id === mm.nextId) mm.nextId++;
  const beside = neighboursOf(call, start, end);
  const merged = features.triesRightFirst
    ? mergeNewRangeRightFirst(call, range, beside)
    : mergeNewRange(call, range, beside);
  if (merged === null) {
    addVma(call, range, flagsOfNewVma(call, range.flags), null);
  }
  accountPages(mm, range.flags, length / PAGE_SIZE);
  if ((range.flags & VM_LOCKED) !== 0) mm.lockedVm += length / PAGE_SIZE;
}
