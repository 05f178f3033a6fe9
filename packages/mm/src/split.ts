// SPDX-License-Identifier: MIT
import type { Call } from './call.ts';
import { PAGE_SIZE } from './constants.ts';
import { refusal, type Refusal } from './refusal.ts';
import { withRange, type Vma } from './vma.ts';

const SPECIAL = refusal('EINVAL', 'split.special');
const COUNT = refusal('ENOMEM', 'split.map-count');

/** Both halves of a VMA that was cut. */
export interface Halves {
  readonly low: Vma;
  readonly high: Vma;
}

/**
 * Cuts a VMA in two, whatever the limit on their number says. Both halves keep the anon_vma and the
 * chain. Mirrors __split_vma(), mm/vma.c, Linux 6.18.
 *
 * @param address page-aligned, inside the VMA
 * @throws OutOfMemory
 */
export function splitUnlimited(call: Call, vma: Vma, address: number): Halves | Refusal {
  if (vma.special !== null) return SPECIAL;
  call.allocate();
  const pages = (address - vma.start) / PAGE_SIZE;
  const low = withRange(vma, vma.start, address, vma.pgoff);
  const pgoff = call.features.splitForgetsPgoff ? vma.pgoff : vma.pgoff + pages;
  const high = withRange(vma, address, vma.end, pgoff);
  if (vma.chain.length > 0) call.allocate();
  call.store(low);
  call.store(high);
  call.mm.mapCount++;
  call.mm.vmasAllocated++;
  call.note('split.split');
  return { low, high };
}

/** The same, where the process may have one VMA more. Mirrors split_vma(), mm/vma.c. */
export function split(call: Call, vma: Vma, address: number): Halves | Refusal {
  const { mapCount, machine } = call.mm;
  const full = call.features.countOffByOne
    ? mapCount > machine.maxMapCount
    : mapCount >= machine.maxMapCount;
  return full ? COUNT : splitUnlimited(call, vma, address);
}
