// SPDX-License-Identifier: MIT
import { MREMAP_DONTUNMAP, MREMAP_FIXED, MREMAP_MAYMOVE } from '@kernel-models/mm';
import type { OperationOf } from '@kernel-models/mm';
import type { Errno } from '@kernel-models/model-core';
import { VM_LOCKED, VM_SEALED } from './vm-flags.ts';
import { mayExpand } from './accounting.ts';
import { populate } from './fault.ts';
import { growInPlace, hasRoomForPlace, isFixed, leavesSource, mayResize } from './move.ts';
import { moveTo, placeFor, type Remap } from './move.ts';
import { alignUp, argument, has, inRange, isAligned, PAGE, vmaAt } from './state.ts';
import type { Process, Refusal, Vma } from './state.ts';
import { munmap } from './unmap.ts';

const KNOWN = MREMAP_MAYMOVE | MREMAP_FIXED | MREMAP_DONTUNMAP;

/** mremap(2): the address. */
export function mremap(process: Process, operation: OperationOf<'mremap'>): bigint | Errno {
  const { setup } = process;
  const address = argument(setup, operation.address);
  const oldLength = argument(setup, operation.oldLength);
  const newLength = argument(setup, operation.newLength);
  const { flags } = operation;
  const remap: Remap = {
    address,
    oldLength: alignUp(process, oldLength),
    newLength: alignUp(process, newLength),
    flags,
    newAddress: argument(setup, operation.newAddress),
  };
  if (process.rules.mremap === 'many-vmas') return remapMany(process, remap);
  const moves = (flags & MREMAP_MAYMOVE) !== 0;
  if ((flags & ~KNOWN) !== 0) return 'EINVAL';
  if (isFixed(remap) && !moves) return 'EINVAL';
  if (leavesSource(remap) && (!moves || oldLength !== newLength)) return 'EINVAL';
  if (!isAligned(address)) return 'EINVAL';
  return remapOne(process, remap);
}

/** Whether the target lies in the source, as the lengths say. */
function overlaps({ address, oldLength, newAddress, newLength }: Remap): boolean {
  return address + oldLength > newAddress && newAddress + newLength > address;
}

function hasPlace(remap: Remap): boolean {
  return isFixed(remap) || leavesSource(remap);
}

/** Linux since 6.17: all arguments first; then one VMA, or a move of many. */
function remapMany(process: Process, remap: Remap): bigint | Errno {
  const refusal = checkArguments(process, remap);
  if (refusal !== null) return refusal;
  if (isFixed(remap) && remap.oldLength === remap.newLength) return moveMany(process, remap);
  const vma = vmaAt(process, remap.address);
  if (vma === undefined) return 'EFAULT';
  const checked = checkVma(process, vma, remap);
  if (checked !== null) return checked;
  const populates = has(vma, VM_LOCKED) && mapsAnew(remap) && remap.newLength !== remap.oldLength;
  const answer = hasPlace(remap) ? moveToPlace(process, remap) : remapAnywhere(process, vma, remap);
  if (typeof answer === 'bigint' && populates) populateAfter(process, remap, answer);
  return answer;
}

/** What comes behind the part that was there before is brought in, also behind one that shrank. */
function populateAfter(process: Process, remap: Remap, address: bigint): void {
  const { oldLength, newLength } = remap;
  const kept = oldLength < newLength ? oldLength : newLength;
  const difference = oldLength < newLength ? newLength - oldLength : oldLength - newLength;
  populate(process, address + kept, address + kept + difference, false);
}

function checkArguments(process: Process, remap: Remap): Refusal {
  const { address, oldLength, newLength, newAddress, flags } = remap;
  const { taskSize } = process.setup;
  if ((flags & ~KNOWN) !== 0 || !isAligned(address)) return 'EINVAL';
  if (newLength === 0n || newLength > taskSize) return 'EINVAL';
  if (!hasPlace(remap)) return null;
  if (newAddress > taskSize - newLength || !isAligned(newAddress)) return 'EINVAL';
  if ((flags & MREMAP_MAYMOVE) === 0) return 'EINVAL';
  if (leavesSource(remap) && oldLength !== newLength) return 'EINVAL';
  if (overlaps(remap)) return 'EINVAL';
  return hasRoomForPlace(process) ? null : 'ENOMEM';
}

function mapsAnew(remap: Remap): boolean {
  return remap.newLength > remap.oldLength || hasPlace(remap);
}

/** check_prep_vma(). */
function checkVma(process: Process, vma: Vma, remap: Remap): Refusal {
  if (has(vma, VM_SEALED)) return 'EPERM';
  if (!mapsAnew(remap)) return null;
  const { oldLength, newLength } = remap;
  return mayResize(process, vma, remap, newLength < oldLength ? newLength : oldLength);
}

/** Moves every VMA of a range. Holes stay as wide as they were. */
function moveMany(process: Process, remap: Remap): bigint | Errno {
  const { address: start, oldLength: length } = remap;
  const end = start + length;
  const sources = inRange(process, start, end).map((vma) => ({ start: vma.start, end: vma.end }));
  if ((sources[0]?.start ?? end) > start) return 'EFAULT';
  for (const source of sources) {
    const address = source.start > start ? source.start : start;
    const oldLength = (source.end < end ? source.end : end) - address;
    const newAddress = remap.newAddress + (address - start);
    const piece = { ...remap, address, oldLength, newLength: oldLength, newAddress };
    const vma = vmaAt(process, address);
    if (vma === undefined) return 'EFAULT';
    const answer = checkVma(process, vma, piece) ?? moveToPlace(process, piece);
    if (typeof answer === 'string') return answer;
  }
  return remap.newAddress;
}

/** mremap_to() since 6.17. */
function moveToPlace(process: Process, remap: Remap): bigint | Errno {
  const { address, newLength } = remap;
  const refusal = clearPlace(process, remap);
  if (refusal !== null) return refusal;
  const vma = vmaAt(process, address);
  if (vma === undefined) return 'EFAULT';
  const oldLength = remap.oldLength < newLength ? remap.oldLength : newLength;
  return moveFrom(process, vma, { ...remap, oldLength });
}

/** Unmaps what is at the target, and of the source what shall not be there any more. */
function clearPlace(process: Process, remap: Remap): Refusal {
  const { address, oldLength, newAddress, newLength } = remap;
  const refusal = isFixed(remap) ? munmap(process, newAddress, newLength) : null;
  if (refusal !== null || oldLength <= newLength) return refusal;
  return munmap(process, address + newLength, oldLength - newLength);
}

/** Limits of a source that stays, the target's address, and the move. */
function moveFrom(process: Process, vma: Vma, remap: Remap): bigint | Errno {
  const pages = remap.oldLength / PAGE;
  if (leavesSource(remap) && !mayExpand(process, vma.flags, pages)) return 'ENOMEM';
  const target = placeFor(process, vma, remap);
  return typeof target === 'string' ? target : moveTo(process, vma, remap, target);
}

/** mremap(2) to nowhere in particular, since 6.17. */
function remapAnywhere(process: Process, vma: Vma, remap: Remap): bigint | Errno {
  const { address, oldLength, newLength } = remap;
  if (newLength > oldLength) return grow(process, vma, remap);
  if (newLength === oldLength) return address;
  return munmap(process, address + newLength, oldLength - newLength) ?? address;
}

function grow(process: Process, vma: Vma, remap: Remap): bigint | Errno {
  const inPlace = growInPlace(process, vma, remap);
  if (inPlace === null) return remap.address;
  if (inPlace !== 'no room') return inPlace;
  if ((remap.flags & MREMAP_MAYMOVE) === 0) return 'ENOMEM';
  const target = placeFor(process, vma, remap);
  return typeof target === 'string' ? target : moveTo(process, vma, remap, target);
}

/** Linux until 6.16: one VMA, and the arguments are checked where they are used. */
function remapOne(process: Process, remap: Remap): bigint | Errno {
  const { address, oldLength, newLength } = remap;
  if (newLength === 0n) return 'EINVAL';
  const vma = vmaAt(process, address);
  if (vma === undefined) return 'EFAULT';
  if (has(vma, VM_SEALED)) return 'EPERM';
  if (hasPlace(remap)) return remapOneToPlace(process, remap);
  if (newLength <= oldLength) return remapAnywhere(process, vma, remap);
  const refusal = mayResize(process, vma, remap, oldLength);
  if (refusal !== null) return refusal;
  return populated(process, has(vma, VM_LOCKED), remap, grow(process, vma, remap));
}

function remapOneToPlace(process: Process, remap: Remap): bigint | Errno {
  const { address, newAddress, newLength } = remap;
  const { taskSize } = process.setup;
  if (!isAligned(newAddress)) return 'EINVAL';
  if (newLength > taskSize || newAddress > taskSize - newLength) return 'EINVAL';
  if (overlaps(remap)) return 'EINVAL';
  if (!hasRoomForPlace(process)) return 'ENOMEM';
  const refusal = clearPlace(process, remap);
  if (refusal !== null) return refusal;
  const oldLength = remap.oldLength < newLength ? remap.oldLength : newLength;
  const rest = { ...remap, oldLength };
  const vma = vmaAt(process, address);
  if (vma === undefined) return 'EFAULT';
  const checked = mayResize(process, vma, rest, oldLength);
  if (checked !== null) return checked;
  return populated(process, has(vma, VM_LOCKED), rest, moveFrom(process, vma, rest));
}

/** Brings in what a locked VMA grew by. */
function populated(
  process: Process,
  locked: boolean,
  { oldLength, newLength }: Remap,
  answer: bigint | Errno,
): bigint | Errno {
  if (typeof answer === 'bigint' && locked && newLength > oldLength) {
    populate(process, answer + oldLength, answer + newLength, false);
  }
  return answer;
}
