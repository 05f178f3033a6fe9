// SPDX-License-Identifier: MIT
import { MAP_32BIT, MAP_FIXED } from '@kernel-models/mm';
import { errnoName, type Errno } from '@kernel-models/model-core';
import { VM_GROWSDOWN } from './vm-flags.ts';
import {
  alignDown,
  alignUp,
  after,
  capable,
  findVma,
  has,
  isAligned,
  wrap,
  type Process,
  type Vma,
} from './state.ts';

const HUGE = 0x20_0000n;
const LOW_WINDOW = { start: 0x4000_0000n, end: 0x8000_0000n };

/** What is to be placed. */
export interface Wanted {
  /** Page aligned unless FIXED; 0 is none. */
  readonly hint: bigint;
  /** Page aligned. */
  readonly length: bigint;
  readonly flags: number;
  /** Private anonymous memory, which is aligned to huge pages; and where it would be in a file. */
  readonly huge: { readonly offset: bigint } | null;
}

/** The lowest address that is given out: the larger of the two configured minima. */
export function lowestAddress({ setup }: Process): bigint {
  const { mmapMinAddr, lsmMmapMinAddr } = setup;
  return mmapMinAddr > lsmMmapMinAddr ? mmapMinAddr : lsmMmapMinAddr;
}

/** Where a VMA begins for its neighbours below: a stack keeps room to grow. */
export function startGap({ setup }: Process, vma: Vma): bigint {
  if (!has(vma, VM_GROWSDOWN)) return vma.start;
  return vma.start > setup.stackGuardGap ? vma.start - setup.stackGuardGap : 0n;
}

/** Chooses or checks the address of a mapping: get_unmapped_area(). */
export function unmappedArea(process: Process, wanted: Wanted): bigint | Errno {
  const { setup } = process;
  if (wanted.length > setup.taskSize) return 'ENOMEM';
  const address = (wanted.flags & MAP_FIXED) === 0 ? place(process, wanted) : wanted.hint;
  if (address === null) return 'ENOMEM';
  const error = errorIn(process, address);
  if (error !== undefined) return error;
  if (address > setup.taskSize - wanted.length) return 'ENOMEM';
  if (!isAligned(address)) return 'EINVAL';
  if (address < setup.mmapMinAddr && !capable(process, 'CAP_SYS_RAWIO')) return 'EPERM';
  return address;
}

/**
 * The error that the kernel takes an address for: the last page of addresses is where functions put
 * error numbers. Undefined: it is an address, or a number that names no error.
 */
function errorIn(process: Process, address: bigint): Errno | undefined {
  return address === 0n ? undefined : errnoName(Number(wrap(process, -address)));
}

function place(process: Process, wanted: Wanted): bigint | null {
  const { rules, setup } = process;
  const { hint, length, flags, huge } = wanted;
  const aligns = rules.alignsHuge && setup.abi === 'x86-64' && hint === 0n && length % HUGE === 0n;
  if (aligns && huge !== null) {
    const address = alignedPlace(process, length, flags, huge.offset);
    if (address !== null) return address;
  }
  return plainPlace(process, hint, length, flags);
}

/** Looks for 2 MiB more than needed, and takes of it what is aligned as the file is. */
function alignedPlace(
  process: Process,
  length: bigint,
  flags: number,
  offset: bigint,
): bigint | null {
  const firstWhole = ((offset + HUGE - 1n) / HUGE) * HUGE;
  if (offset + length < firstWhole + HUGE) return null;
  const padded = plainPlace(process, 0n, length + HUGE, flags);
  if (padded === null) return null;
  const toAligned = BigInt.asUintN(21, offset - padded);
  const topDown = process.setup.layout === 'top-down';
  return topDown && toAligned === 0n ? padded + HUGE : padded + toAligned;
}

function plainPlace(process: Process, hint: bigint, length: bigint, flags: number): bigint | null {
  const { setup } = process;
  if (length > setup.taskSize) return null;
  const low = setup.abi === 'x86-64' && (flags & MAP_32BIT) !== 0;
  if (setup.layout === 'top-down' && !low) {
    const address = alignDown(hint);
    if (isFree(process, address, length, setup.taskSize)) return address;
    const found = searchTopDown(process, length);
    if (found !== null) return found;
  }
  const window = low ? LOW_WINDOW : { start: setup.mmapLegacyBase, end: setup.taskSize };
  if (length > window.end) return null;
  const address = alignUp(process, hint);
  if (isFree(process, address, length, window.end)) return address;
  return searchBottomUp(process, length, window.start, window.end);
}

/** Whether a hint can be taken. */
function isFree(process: Process, address: bigint, length: bigint, end: bigint): boolean {
  if (address === 0n || address > end - length) return false;
  const next = findVma(process, address);
  return next === undefined || address + length <= startGap(process, next);
}

/** What no VMA covers, from low to high. */
function gaps({ vmas }: Process): { start: bigint; end: bigint }[] {
  const starts = [0n, ...vmas.map(({ end }) => end)];
  const ends = [...vmas.map(({ start }) => start), 1n << 64n];
  return starts.map((start, index) => ({ start, end: ends[index] ?? start }));
}

function clamped(process: Process, low: bigint, high: bigint): { start: bigint; end: bigint }[] {
  return gaps(process).map(({ start, end }) => ({
    start: start > low ? start : low,
    end: end < high ? end : high,
  }));
}

function searchTopDown(process: Process, length: bigint): bigint | null {
  const low = lowestAddress(process);
  let high = process.setup.mmapBase;
  for (;;) {
    const gap = clamped(process, low, high).findLast(({ start, end }) => end - start >= length);
    if (gap === undefined) return null;
    const next = after(process, gap.end);
    if (next === undefined || !has(next, VM_GROWSDOWN) || startGap(process, next) >= gap.end) {
      return gap.end - length;
    }
    // All that lies above the guard gap's start is lost to the search, also below other VMAs.
    high = startGap(process, next);
  }
}

function searchBottomUp(
  process: Process,
  length: bigint,
  from: bigint,
  high: bigint,
): bigint | null {
  let low = from > lowestAddress(process) ? from : lowestAddress(process);
  for (;;) {
    const gap = clamped(process, low, high).find(({ start, end }) => end - start >= length);
    if (gap === undefined) return null;
    const next = after(process, gap.start);
    const last = gap.start + length - 1n;
    if (next === undefined || !has(next, VM_GROWSDOWN) || startGap(process, next) >= last) {
      return gap.start;
    }
    low = next.end;
  }
}
