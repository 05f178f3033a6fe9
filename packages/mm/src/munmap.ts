// SPDX-License-Identifier: MIT
import { argument, isPageAligned, pageAlignLength } from './arguments.ts';
import type { Call, MmStep } from './call.ts';
import type { OperationOf } from './operation.ts';
import { refusal, type Refusal } from './refusal.ts';
import { unmapRange } from './unmap.ts';

const UNALIGNED = refusal('EINVAL', 'munmap.unaligned');
const BEYOND = refusal('EINVAL', 'munmap.beyond-task-size');
const EMPTY = refusal('EINVAL', 'munmap.empty');

/** munmap(2). Mirrors do_vmi_munmap(), mm/vma.c, Linux 6.18. */
export function munmap(call: Call, { address, length }: OperationOf<'munmap'>): MmStep {
  const { machine } = call.mm;
  const start = argument(machine, address);
  const refused = unmapChecked(
    call,
    start,
    argument(machine, length),
    pageAlignLength(machine, length),
  );
  return refused === undefined ? call.value(0, 'munmap.unmapped') : call.refuse(refused);
}

/**
 * Unmaps a range after the checks that every unmapping makes.
 *
 * @param length bytes, as asked
 * @param rounded the same in whole pages
 */
export function unmapChecked(
  call: Call,
  start: number,
  length: number,
  rounded: number,
): Refusal | undefined {
  const { taskSize } = call.mm.machine;
  if (!isPageAligned(start)) return UNALIGNED;
  if (start > taskSize || length > taskSize - start) return BEYOND;
  if (rounded === 0) return EMPTY;
  return unmapRange(call, start, start + rounded);
}
