// SPDX-License-Identifier: MIT
import { accountPages, uncharge } from './accounting.ts';
import type { Call } from './call.ts';
import { refusal, isRefusal, type Refusal } from './refusal.ts';
import { splitUnlimited } from './split.ts';
import { VM_ACCOUNT, VM_LOCKED, VM_SEALED } from './vm-flags.ts';
import { vmaPages, type Vma } from './vma.ts';

/*
 * Unmapping in two steps, since a mapping that replaces others must know what they free before it
 * knows whether it may. Reads beside vms_gather_munmap_vmas() and vms_complete_munmap_vmas(),
 * mm/vma.c, Linux 6.18.
 */

const SEALED = refusal('EPERM', 'munmap.sealed');
const COUNT = refusal('ENOMEM', 'munmap.map-count');

/** The VMAs that lie wholly in a range, after those at its ends were cut: struct vma_munmap_struct. */
export interface Gathered {
  readonly start: number;
  /** Exclusive. */
  readonly end: number;
  readonly vmas: readonly Vma[];
  readonly pages: number;
  /** Pages with VM_ACCOUNT, whose charge comes back. */
  readonly accounted: number;
}

/**
 * Cuts the VMAs at the ends of a range and collects what lies between. Where a VMA is sealed, the
 * first cut stays.
 *
 * @throws OutOfMemory
 */
export function gather(call: Call, start: number, end: number): Gathered | Refusal {
  const { mm } = call;
  const vmas: Vma[] = [];
  let pages = 0;
  let accounted = 0;
  let vma = mm.tree.find(start, end - 1)?.entry ?? null;
  if (vma !== null && vma.start < start) {
    // Cutting a hole leaves one VMA more; cutting off an end does not.
    if (end < vma.end && isFull(call)) return COUNT;
    if ((vma.flags & VM_SEALED) !== 0) return SEALED;
    const halves = splitUnlimited(call, vma, start);
    if (isRefusal(halves)) return halves;
    call.keepWhatIsDone();
    vma = halves.high;
  }
  while (vma !== null) {
    if ((vma.flags & VM_SEALED) !== 0) return SEALED;
    if (vma.end > end) {
      const halves = splitUnlimited(call, vma, end);
      if (isRefusal(halves)) return halves;
      vma = halves.low;
    }
    vmas.push(vma);
    pages += vmaPages(vma);
    if ((vma.flags & VM_ACCOUNT) !== 0) accounted += vmaPages(vma);
    vma = vma.end < end ? (mm.tree.find(vma.end, end - 1)?.entry ?? null) : null;
  }
  return { start, end, vmas, pages, accounted };
}

function isFull({ features, mm }: Call): boolean {
  const { maxMapCount } = mm.machine;
  return features.countOffByOne ? mm.mapCount > maxMapCount : mm.mapCount >= maxMapCount;
}

/**
 * Takes what was gathered out of the tree and out of the counts.
 *
 * @param keepsCharge whether the mapping that replaces it takes over what was charged
 * @throws OutOfMemory
 */
export function removeGathered(call: Call, gathered: Gathered, keepsCharge: boolean = false): void {
  const { mm } = call;
  if (gathered.vmas.length === 0) return;
  call.clear(gathered.start, gathered.end);
  for (const vma of gathered.vmas) {
    accountPages(mm, vma.flags, -vmaPages(vma));
    if ((vma.flags & VM_LOCKED) !== 0) mm.lockedVm -= vmaPages(vma);
  }
  mm.mapCount -= gathered.vmas.length;
  mm.vmasFreed += gathered.vmas.length;
  if (!keepsCharge) uncharge(mm, gathered.accounted);
}

/**
 * Unmaps a range. Mirrors do_vmi_align_munmap(), mm/vma.c, Linux 6.18.
 *
 * @param end exclusive, page-aligned as `start`
 * @returns why not, or undefined
 * @throws OutOfMemory
 */
export function unmapRange(call: Call, start: number, end: number): Refusal | undefined {
  const gathered = gather(call, start, end);
  if (isRefusal(gathered)) return gathered;
  removeGathered(call, gathered);
  return undefined;
}
