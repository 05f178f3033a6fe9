// SPDX-License-Identifier: MIT
import type { Call } from './call.ts';
import { VM_DROPPABLE, VM_MAYSHARE, VM_MERGEABLE, VM_SHARED, VM_SPECIAL } from './vm-flags.ts';

/*
 * prctl(PR_SET_MEMORY_MERGE): every VMA that may have pages merged with equal ones is marked. Reads
 * beside ksm_vma_flags() and ksm_add_vma(), mm/ksm.c, Linux 6.18 and 6.12.
 */

/** Whether same-page merging can work on a mapping. Mirrors ksm_compatible(). */
export function isKsmCompatible(flags: number): boolean {
  return (flags & (VM_SHARED | VM_MAYSHARE | VM_DROPPABLE | VM_SPECIAL)) === 0;
}

function marked({ mm }: Call, flags: number): number {
  return mm.mergeAny && isKsmCompatible(flags) ? flags | VM_MERGEABLE : flags;
}

/** Flags of a new range as its neighbours see them. */
export function flagsBeforeMerge(call: Call, flags: number): number {
  return call.features.mergeAny === 'before' ? marked(call, flags) : flags;
}

/** Flags of a new VMA that no neighbour would take. */
export function flagsOfNewVma(call: Call, flags: number): number {
  return call.features.mergeAny === 'after' ? marked(call, flags) : flags;
}
