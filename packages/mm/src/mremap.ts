// SPDX-License-Identifier: MIT
import { accountPages, charge, mayExpandVm, mlockFutureOk } from './accounting.ts';
import { argument, isPageAligned, pageAlignLength } from './arguments.ts';
import type { Call, MmStep } from './call.ts';
import { MREMAP_RESERVE, PAGE_SIZE } from './constants.ts';
import { MAP_FIXED, MAP_SHARED, MREMAP_DONTUNMAP, MREMAP_FIXED, MREMAP_MAYMOVE } from './flags.ts';
import { mergeNewRange, neighboursOf } from './merge.ts';
import { moveVma } from './move-vma.ts';
import { unmapChecked } from './munmap.ts';
import type { OperationOf } from './operation.ts';
import { populate } from './populate.ts';
import { isRefusal, refusal, type Refusal } from './refusal.ts';
import { checkFixedRange, getUnmappedArea } from './unmapped-area.ts';
import {
  VM_ACCOUNT,
  VM_DONTEXPAND,
  VM_LOCKED,
  VM_MAYSHARE,
  VM_PFNMAP,
  VM_SEALED,
} from './vm-flags.ts';
import type { Vma } from './vma.ts';

/*
 * mremap(2). Reads beside do_mremap(), mm/mremap.c, Linux 6.18, which checks all arguments before it
 * looks at any VMA and moves several VMAs at once; and beside sys_mremap() of Linux 6.12, which does
 * neither. Both meet in the checks of a VMA, the growth in place and move-vma.ts.
 */

/** What is asked: struct vma_remap_struct. Lengths are rounded to pages. */
export interface Remap {
  readonly address: number;
  readonly oldLength: number;
  readonly newLength: number;
  readonly newAddress: number;
  readonly mayMove: boolean;
  readonly isFixed: boolean;
  readonly keepsSource: boolean;
}

const UNKNOWN_FLAG = refusal('EINVAL', 'mremap.unknown-flag');
const UNALIGNED = refusal('EINVAL', 'mremap.unaligned');
const EMPTY = refusal('EINVAL', 'mremap.empty');
const TOO_LONG = refusal('EINVAL', 'mremap.too-long');
const TARGET_BEYOND = refusal('EINVAL', 'mremap.target-beyond-task-size');
const TARGET_UNALIGNED = refusal('EINVAL', 'mremap.target-unaligned');
const NEEDS_MAYMOVE = refusal('EINVAL', 'mremap.needs-maymove');
const RESIZES = refusal('EINVAL', 'mremap.dontunmap-resizes');
const OVERLAPS = refusal('EINVAL', 'mremap.overlaps');
const COUNT = refusal('ENOMEM', 'mremap.map-count');

const KNOWN_FLAGS = MREMAP_MAYMOVE | MREMAP_FIXED | MREMAP_DONTUNMAP;

/** mremap(2): the value is where the mapping is now. */
export function mremap(call: Call, operation: OperationOf<'mremap'>): MmStep {
  const { machine } = call.mm;
  const remap: Remap = {
    address: argument(machine, operation.address),
    oldLength: pageAlignLength(machine, operation.oldLength),
    newLength: pageAlignLength(machine, operation.newLength),
    newAddress: argument(machine, operation.newAddress),
    mayMove: (operation.flags & MREMAP_MAYMOVE) !== 0,
    isFixed: (operation.flags & MREMAP_FIXED) !== 0,
    keepsSource: (operation.flags & MREMAP_DONTUNMAP) !== 0,
  };
  if ((operation.flags & ~KNOWN_FLAGS) !== 0) return call.refuse(UNKNOWN_FLAG);
  const result =
    call.features.mremapOrder === 'arguments-first'
      ? argumentsFirst(call, remap)
      : vmaFirst(call, remap, operation.oldLength !== operation.newLength);
  return isRefusal(result) ? call.refuse(result) : call.value(result, 'mremap.remapped');
}

/** Whether the caller says where to. Mirrors vrm_implies_new_addr(). */
function impliesNewAddress({ isFixed, keepsSource }: Remap): boolean {
  return isFixed || keepsSource;
}

function overlaps({ address, oldLength, newAddress, newLength }: Remap): boolean {
  return address + oldLength > newAddress && newAddress + newLength > address;
}

/** A move may need three VMAs more, and mapping over the target two. */
function isTooFull({ mm }: Call, extra: number): boolean {
  return mm.mapCount + extra >= mm.machine.maxMapCount - MREMAP_RESERVE;
}

/* Since Linux 6.17 */

function argumentsFirst(call: Call, remap: Remap): number | Refusal {
  const refused = checkParameters(call, remap);
  if (refused !== undefined) return refused;
  if (remap.isFixed && remap.oldLength === remap.newLength) return moveOnly(call, remap);
  const vma = checkedVma(call, remap);
  if (isRefusal(vma)) return vma;
  if (impliesNewAddress(remap)) return remapTo(call, remap);
  if (remap.newLength < remap.oldLength) return shrink(call, remap);
  return remap.newLength === remap.oldLength ? remap.address : expand(call, remap, vma);
}

/** Mirrors check_mremap_params(). */
function checkParameters(call: Call, remap: Remap): Refusal | undefined {
  const { taskSize } = call.mm.machine;
  if (!isPageAligned(remap.address)) return UNALIGNED;
  if (remap.newLength === 0) return EMPTY;
  if (remap.newLength > taskSize) return TOO_LONG;
  if (!impliesNewAddress(remap)) return undefined;
  if (remap.newAddress > taskSize - remap.newLength) return TARGET_BEYOND;
  if (!isPageAligned(remap.newAddress)) return TARGET_UNALIGNED;
  if (!remap.mayMove) return NEEDS_MAYMOVE;
  if (remap.keepsSource && remap.oldLength !== remap.newLength) return RESIZES;
  if (overlaps(remap)) return OVERLAPS;
  return isTooFull(call, 2) ? COUNT : undefined;
}

const UNMAPPED = refusal('EFAULT', 'mremap.unmapped');
const SEALED = refusal('EPERM', 'mremap.sealed');
const STARTS_WITH_HOLE = refusal('EFAULT', 'mremap.starts-with-hole');

/**
 * Moves everything in a range, VMA by VMA; holes between them are holes at the target. What was
 * moved before one is refused stays moved. Mirrors remap_move().
 */
function moveOnly(call: Call, remap: Remap): number | Refusal {
  const end = remap.address + remap.oldLength;
  let first: number | null = null;
  for (let at = remap.address; at < end;) {
    const vma = call.mm.tree.find(at, end - 1)?.entry;
    if (vma === undefined) break;
    if (first === null && vma.start > at) return STARTS_WITH_HOLE;
    const address = Math.max(vma.start, at);
    const length = Math.min(vma.end, end) - address;
    const piece = {
      ...remap,
      address,
      oldLength: length,
      newLength: length,
      newAddress: remap.newAddress + (address - remap.address),
    };
    const checked = checkedVma(call, piece);
    if (isRefusal(checked)) return checked;
    const moved = remapTo(call, piece);
    if (isRefusal(moved)) return moved;
    call.keepWhatIsDone();
    first ??= moved;
    at = address + length;
  }
  return first ?? UNMAPPED;
}

/** The VMA to work on, if it may be. Mirrors check_prep_vma(). */
function checkedVma(call: Call, remap: Remap): Vma | Refusal {
  const vma = call.mm.tree.load(remap.address);
  if (vma === null) return UNMAPPED;
  if ((vma.flags & VM_SEALED) !== 0) return SEALED;
  const grows = remap.newLength > remap.oldLength;
  if (!grows && !impliesNewAddress(remap)) return vma;
  const needed = Math.min(remap.oldLength, grows ? Infinity : remap.newLength);
  return checkSource(call, vma, remap, needed) ?? vma;
}

const DUPLICATES_PRIVATE = refusal('EINVAL', 'mremap.duplicates-private');
const KEEPS_SPECIAL = refusal('EINVAL', 'mremap.dontunmap-special');
const CROSSES_END = refusal('EFAULT', 'mremap.crosses-end');
const RESIZES_SPECIAL = refusal('EFAULT', 'mremap.resizes-special');
const LIMIT_MEMLOCK = refusal('EAGAIN', 'mremap.rlimit-memlock');
const LIMIT_SIZE = refusal('ENOMEM', 'mremap.rlimit-size');

/**
 * What every growing or moving mapping is asked. Mirrors the second half of check_prep_vma(), and
 * vma_to_resize(), mm/mremap.c, Linux 6.12.
 *
 * @param needed bytes that the VMA must have from the address on
 */
function checkSource(call: Call, vma: Vma, remap: Remap, needed: number): Refusal | undefined {
  const { mm } = call;
  if (remap.oldLength === 0 && (vma.flags & VM_MAYSHARE) === 0) return DUPLICATES_PRIVATE;
  const isSpecial = (vma.flags & (VM_DONTEXPAND | VM_PFNMAP)) !== 0;
  if (remap.keepsSource && isSpecial) return KEEPS_SPECIAL;
  if (needed > vma.end - remap.address) return CROSSES_END;
  if (remap.newLength <= remap.oldLength) return undefined;
  if (isSpecial) return RESIZES_SPECIAL;
  const delta = remap.newLength - remap.oldLength;
  if (!mlockFutureOk(mm, vma.flags, delta)) return LIMIT_MEMLOCK;
  if (!mayExpandVm(mm, vma.flags, delta / PAGE_SIZE)) return LIMIT_SIZE;
  return undefined;
}

/** To where the caller says. Mirrors mremap_to(). */
function remapTo(call: Call, remap: Remap): number | Refusal {
  const { mm } = call;
  const moved = clearTheWay(call, remap);
  if (isRefusal(moved)) return moved;
  const source = mm.tree.load(moved.address);
  if (source === null) return UNMAPPED;
  const pages = moved.oldLength / PAGE_SIZE;
  if (moved.keepsSource && !mayExpandVm(mm, source.flags, pages)) return LIMIT_SIZE;
  return placeAndMove(call, moved, source);
}

/** Empties a fixed target and cuts off what the new length leaves over: what is to be moved then. */
function clearTheWay(call: Call, remap: Remap): Remap | Refusal {
  if (remap.isFixed) {
    const refused = emptyTarget(call, remap);
    if (refused !== undefined) return refused;
  }
  if (remap.oldLength <= remap.newLength) return remap;
  const shrunk = shrink(call, remap);
  return isRefusal(shrunk) ? shrunk : { ...remap, oldLength: remap.newLength };
}

/** The target's own mappings are gone for good, whatever comes after. */
function emptyTarget(call: Call, { newAddress, newLength }: Remap): Refusal | undefined {
  const refused = unmapChecked(call, newAddress, newLength, newLength);
  if (refused === undefined) call.keepWhatIsDone();
  return refused;
}

/** Unmaps the tail, over whatever VMAs and holes it reaches. */
function shrink(call: Call, remap: Remap): number | Refusal {
  const tail = remap.oldLength - remap.newLength;
  const refused = unmapChecked(call, remap.address + remap.newLength, tail, tail);
  if (refused !== undefined) return refused;
  call.keepWhatIsDone();
  return remap.address;
}

const NO_ROOM = refusal('ENOMEM', 'mremap.no-room-in-place');

/** Longer: in place where that is possible, else elsewhere. Mirrors expand_vma(). */
function expand(call: Call, remap: Remap, vma: Vma): number | Refusal {
  if (canExpandInPlace(call, remap, vma)) {
    return expandInPlace(call, remap, vma) ?? remap.address;
  }
  return remap.mayMove ? placeAndMove(call, remap, vma) : NO_ROOM;
}

/** Mirrors vma_expandable(). */
function canExpandInPlace(call: Call, remap: Remap, vma: Vma): boolean {
  if (remap.address + remap.oldLength !== vma.end) return false;
  const end = remap.address + remap.newLength;
  if (call.mm.tree.find(vma.end, end - 1) !== null) return false;
  return checkFixedRange(call, vma.start, end - vma.start) === undefined;
}

const OVERCOMMIT = refusal('ENOMEM', 'mremap.overcommit');

/** Joins the new part to the VMA, and to the one behind it where they are alike. */
function expandInPlace(call: Call, remap: Remap, vma: Vma): Refusal | undefined {
  const { mm } = call;
  const start = vma.end;
  const end = remap.address + remap.newLength;
  const pages = (end - start) / PAGE_SIZE;
  const { anonVma, backing, chain, flags, policy } = vma;
  if ((flags & VM_ACCOUNT) !== 0 && !charge(mm, pages)) return OVERCOMMIT;
  const pgoff = vma.pgoff + (vma.end - vma.start) / PAGE_SIZE;
  const range = { start, end, flags, pgoff, backing, anonVma, chain, policy };
  mergeNewRange(call, range, neighboursOf(call, start, end));
  accountPages(mm, flags, pages);
  call.note('mremap.grown-in-place');
  if ((flags & VM_LOCKED) !== 0) {
    mm.lockedVm += pages;
    call.keepWhatIsDone();
    populate(call, start, end);
  }
  return undefined;
}

/** Finds a place and moves there. Mirrors vrm_set_new_addr() and move_vma(). */
function placeAndMove(call: Call, remap: Remap, source: Vma): number | Refusal {
  const target = getUnmappedArea(call, {
    address: impliesNewAddress(remap) ? remap.newAddress : 0,
    length: remap.newLength,
    flags: (remap.isFixed ? MAP_FIXED : 0) | ((source.flags & VM_MAYSHARE) !== 0 ? MAP_SHARED : 0),
    mayBeHuge: source.backing === null,
  });
  if (isRefusal(target)) return target;
  if (isTooFull(call, 0)) return COUNT;
  return moveVma(call, remap, source, target);
}

/* Until Linux 6.16 */

/** Mirrors sys_mremap(), mm/mremap.c, Linux 6.12. */
function vmaFirst(call: Call, remap: Remap, lengthsDiffer: boolean): number | Refusal {
  if (impliesNewAddress(remap) && !remap.mayMove) return NEEDS_MAYMOVE;
  if (remap.keepsSource && lengthsDiffer) return RESIZES;
  if (!isPageAligned(remap.address)) return UNALIGNED;
  if (remap.newLength === 0) return EMPTY;
  const vma = call.mm.tree.load(remap.address);
  if (vma === null) return UNMAPPED;
  if ((vma.flags & VM_SEALED) !== 0) return SEALED;
  if (impliesNewAddress(remap)) return remapToOld(call, remap);
  if (remap.newLength === remap.oldLength) return remap.address;
  if (remap.newLength < remap.oldLength) return shrink(call, remap);
  const refused = checkSource(call, vma, remap, remap.oldLength);
  return refused ?? expand(call, remap, vma);
}

/** Empties the target before it looks at the source. Mirrors mremap_to(), Linux 6.12. */
function remapToOld(call: Call, remap: Remap): number | Refusal {
  const { mm } = call;
  const { taskSize } = mm.machine;
  if (!isPageAligned(remap.newAddress)) return TARGET_UNALIGNED;
  if (remap.newLength > taskSize) return TOO_LONG;
  if (remap.newAddress > taskSize - remap.newLength) return TARGET_BEYOND;
  if (overlaps(remap)) return OVERLAPS;
  if (isTooFull(call, 2)) return COUNT;
  const moved = clearTheWay(call, remap);
  if (isRefusal(moved)) return moved;
  const source = mm.tree.load(moved.address);
  if (source === null) return UNMAPPED;
  const refused = checkSource(call, source, moved, moved.oldLength);
  if (refused !== undefined) return refused;
  const pages = moved.oldLength / PAGE_SIZE;
  if (moved.keepsSource && !mayExpandVm(mm, source.flags, pages)) return LIMIT_SIZE;
  return placeAndMove(call, moved, source);
}
