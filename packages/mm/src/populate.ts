// SPDX-License-Identifier: MIT
import { OutOfMemory } from './allocation.ts';
import type { Call } from './call.ts';
import { faultIn } from './fault.ts';
import { VM_IO, VM_LOCKONFAULT, VM_PFNMAP, VM_SHARED, VM_WRITE } from './vm-flags.ts';
import { isAccessible, type Vma } from './vma.ts';

/** Whether every page could be had, and why not. */
export type Populated = 'all' | 'refused' | 'no-memory';

/**
 * Touches every page of a range, as locking demands: private writable memory is written to. What
 * was had stays. Mirrors __mm_populate() and populate_vma_page_range(), mm/gup.c, Linux 6.18.
 *
 * @param end exclusive
 */
export function populate(call: Call, start: number, end: number): Populated {
  let populated: Populated = 'all';
  call.keepWhatIsDone();
  for (let at = start; at < end;) {
    const vma = call.mm.tree.find(at, end - 1)?.entry;
    if (vma === undefined) break;
    const from = Math.max(at, vma.start);
    const to = Math.min(end, vma.end);
    at = vma.end;
    if ((vma.flags & (VM_IO | VM_PFNMAP | VM_LOCKONFAULT)) !== 0) continue;
    const writes = (vma.flags & (VM_WRITE | VM_SHARED)) === VM_WRITE;
    const touched = isAccessible(vma) ? touchAll(call, vma, from, to, writes) : 'refused';
    if (populated === 'all') populated = touched;
  }
  return populated;
}

function touchAll(call: Call, vma: Vma, start: number, end: number, writes: boolean): Populated {
  try {
    const touched = faultIn(call, vma, start, end, writes);
    call.keepWhatIsDone();
    return touched ? 'all' : 'refused';
  } catch (error) {
    if (!(error instanceof OutOfMemory)) throw error;
    call.unwind();
    return 'no-memory';
  }
}
