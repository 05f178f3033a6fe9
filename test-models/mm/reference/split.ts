// SPDX-License-Identifier: MIT
import type { Errno } from '@kernel-models/model-core';
import { cut, mergeExisting, type Change } from './merge.ts';
import { type Process, type Refusal, type Vma } from './state.ts';

/** Splits without a look at the number of VMAs: __split_vma(). */
export function splitAnyway(process: Process, vma: Vma, at: bigint): Refusal {
  if (vma.backing.kind === 'special') return 'EINVAL';
  cut(process, vma, at);
  return null;
}

/** Splits a VMA, if there may be one more: split_vma(). */
export function split(process: Process, vma: Vma, at: bigint): Refusal {
  if (process.vmas.length >= process.setup.maxMapCount) return 'ENOMEM';
  return splitAnyway(process, vma, at);
}

/**
 * Changes a part of a VMA: joins it with a neighbour, or splits it off. A split that succeeds stays
 * when the next one fails.
 *
 * @returns the VMA that covers the part then
 */
export function modify(
  process: Process,
  vma: Vma,
  start: bigint,
  end: bigint,
  change: Change,
): Vma | Errno {
  const merged = mergeExisting(process, vma, start, end, change);
  if (merged !== null) return merged;
  if (vma.start < start) {
    const refusal = split(process, vma, start);
    if (refusal !== null) return refusal;
  }
  const middle = process.vmas.find((other) => other.start === start) ?? vma;
  if (middle.end > end) {
    const refusal = split(process, middle, end);
    if (refusal !== null) return refusal;
  }
  Object.assign(middle, change);
  return middle;
}
