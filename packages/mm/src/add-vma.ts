// SPDX-License-Identifier: MIT
import type { Call } from './call.ts';
import type { Vma } from './vma.ts';

/**
 * Puts a VMA of its own into the address space, where nothing is.
 *
 * @throws OutOfMemory
 */
export function addVma(
  call: Call,
  { start, end, flags, pgoff, backing, anonVma, chain, policy, special }: Vma,
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
