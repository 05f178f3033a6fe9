// SPDX-License-Identifier: MIT
import type { Call } from './call.ts';
import { PAGE_SIZE } from './constants.ts';
import { mergeExistingRange } from './merge.ts';
import { isRefusal, type Refusal } from './refusal.ts';
import { split } from './split.ts';
import { withFlags, type Vma } from './vma.ts';

/** What a range of a VMA is to have. */
export interface Attributes {
  readonly flags: number;
  readonly policy: string | null;
}

/**
 * Gives a range of one VMA other attributes: it joins a neighbour that has them, or is cut out of
 * its VMA, first at its start, then at its end. A cut that was made stays where the second one is
 * refused. Mirrors vma_modify(), mm/vma.c, Linux 6.18.
 *
 * @returns the VMA that holds the range now
 * @throws OutOfMemory
 */
export function modifyVma(
  call: Call,
  vma: Vma,
  start: number,
  end: number,
  { flags, policy }: Attributes,
): Vma | Refusal {
  const { anonVma, backing, chain } = vma;
  const pgoff = vma.pgoff + (start - vma.start) / PAGE_SIZE;
  const range = { start, end, flags, pgoff, backing, anonVma, chain, policy };
  const merged = mergeExistingRange(call, vma, range);
  if (merged !== null) return merged;

  let part = vma;
  if (start > part.start) {
    const halves = split(call, part, start);
    if (isRefusal(halves)) return halves;
    call.keepWhatIsDone();
    part = halves.high;
  }
  if (end < part.end) {
    const halves = split(call, part, end);
    if (isRefusal(halves)) return halves;
    part = halves.low;
  }
  const changed = withFlags(part, flags, policy);
  call.store(changed);
  return changed;
}
