// SPDX-License-Identifier: MIT
import type { Call } from './call.ts';
import { PAGE_SIZE } from './constants.ts';
import { VM_ACCESS_FLAGS, VM_SOFTDIRTY } from './vm-flags.ts';
import { sameBacking, withAnonVma, type Vma } from './vma.ts';

/**
 * Gives a VMA the anon_vma that its first written page needs: a neighbour's where that one could
 * have been one VMA with it, so that they still may become one, or a new one. Mirrors
 * __anon_vma_prepare(), mm/rmap.c, and find_mergeable_anon_vma(), mm/vma.c, Linux 6.18.
 *
 * @returns the VMA as the tree now holds it
 * @throws OutOfMemory
 */
export function prepareAnonVma(call: Call, vma: Vma): Vma {
  if (vma.anonVma !== 0) return vma;
  call.allocate();
  const anonVma = reusableAnonVma(call, vma) ?? newAnonVma(call);
  const prepared = withAnonVma(vma, anonVma, [anonVma]);
  call.store(prepared);
  return prepared;
}

function newAnonVma(call: Call): number {
  call.note('anon-vma.new');
  call.allocate();
  return call.mm.nextId++;
}

/** The next VMA's is asked for first. */
function reusableAnonVma(call: Call, vma: Vma): number | undefined {
  const { tree } = call.mm;
  const next = tree.load(vma.end);
  if (next !== null && isReusable(next, vma, next)) {
    call.note('anon-vma.of-next');
    return next.anonVma;
  }
  const prev = vma.start > 0 ? tree.load(vma.start - 1) : null;
  if (prev !== null && isReusable(prev, prev, vma)) {
    call.note('anon-vma.of-previous');
    return prev.anonVma;
  }
  return undefined;
}

/** Mirrors reusable_anon_vma(): whether `owner`, one of the neighbours, can share what it has. */
function isReusable(owner: Vma, low: Vma, high: Vma): boolean {
  return (
    owner.anonVma !== 0 &&
    owner.chain.length === 1 &&
    low.policy === high.policy &&
    sameBacking(low.backing, high.backing) &&
    ((low.flags ^ high.flags) & ~(VM_ACCESS_FLAGS | VM_SOFTDIRTY)) === 0 &&
    high.pgoff === low.pgoff + (high.start - low.start) / PAGE_SIZE
  );
}
