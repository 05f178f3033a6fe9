// SPDX-License-Identifier: MIT
import type { Call } from './call.ts';
import type { Proposal } from './merge.ts';

/**
 * Puts a VMA of its own into the address space, where nothing is.
 *
 * @param flags those of the range, or with what only a VMA of its own has
 * @param special name of a special mapping, or null
 * @throws OutOfMemory
 */
export function addVma(
  call: Call,
  { anonVma, backing, chain, end, pgoff, policy, start }: Proposal,
  flags: number,
  special: string | null,
): void {
  call.allocate();
  call.store({ start, end, flags, pgoff, backing, anonVma, chain, policy, special });
  call.mm.mapCount++;
  call.mm.vmasAllocated++;
  call.note('vma.new');
}

/** Whether mmap(2) and brk(2) refuse one VMA more: the limit itself may be exceeded by one. */
export function isAtMapLimit({ features, mm }: Call): boolean {
  const { maxMapCount } = mm.machine;
  return features.countOffByOne ? mm.mapCount >= maxMapCount : mm.mapCount > maxMapCount;
}
