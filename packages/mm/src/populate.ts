// SPDX-License-Identifier: MIT
import type { Call } from './call.ts';
import { faultIn } from './fault.ts';
import { VM_IO, VM_LOCKONFAULT, VM_PFNMAP, VM_SHARED, VM_WRITE } from './vm-flags.ts';
import { isAccessible } from './vma.ts';

/**
 * Touches every page of a range, as locking demands: private writable memory is written to. Mirrors
 * __mm_populate() and populate_vma_page_range(), mm/gup.c, Linux 6.18.
 *
 * @param end exclusive
 * @returns whether every page could be had
 */
export function populate(call: Call, start: number, end: number): boolean {
  let complete = true;
  for (let at = start; at < end;) {
    const vma = call.mm.tree.find(at, end - 1)?.entry;
    if (vma === undefined) break;
    const from = Math.max(at, vma.start);
    const to = Math.min(end, vma.end);
    at = vma.end;
    if ((vma.flags & (VM_IO | VM_PFNMAP | VM_LOCKONFAULT)) !== 0) continue;
    const writes = (vma.flags & (VM_WRITE | VM_SHARED)) === VM_WRITE;
    const touched = isAccessible(vma) && faultIn(call, vma, from, to, writes);
    complete = complete && touched;
  }
  return complete;
}
