// SPDX-License-Identifier: MIT
import { accountPages, charge } from './accounting.ts';
import type { Call, MmStep } from './call.ts';
import type { OperationOf } from './operation.ts';
import { refusal } from './refusal.ts';
import { vmasOf } from './state.ts';
import { VM_ACCOUNT, VM_DONTCOPY, VM_LOCKED_MASK, VM_WIPEONFORK } from './vm-flags.ts';
import { NO_CHAIN, vmaPages, type Vma } from './vma.ts';

const OVERCOMMIT = refusal('ENOMEM', 'fork.overcommit');

/**
 * fork(2): the child's address space. Its tree is a copy, whose entries are then replaced one by
 * one. The parent's is as it was, but for the charge while the child lives. Mirrors dup_mmap(),
 * mm/mmap.c, Linux 6.18.
 */
export function fork(call: Call, { follow }: OperationOf<'fork'>): MmStep {
  const { mm } = call;
  const { committed } = mm;
  const parents = vmasOf(mm);
  const isChild = follow === 'child';
  call.allocate();

  mm.committedByParents += committed;
  mm.committed = 0;
  for (const vma of parents) {
    if ((vma.flags & VM_DONTCOPY) !== 0) {
      if (isChild) leaveOut(call, vma);
      continue;
    }
    if ((vma.flags & VM_ACCOUNT) !== 0 && !charge(mm, vmaPages(vma))) {
      mm.committedByParents -= committed;
      call.unwind();
      return call.refuse(OVERCOMMIT);
    }
    if (isChild) duplicate(call, vma);
    else call.allocate();
  }
  if (!isChild) {
    mm.committed = committed;
    mm.committedByParents -= committed;
    return call.value(0, 'fork.parent');
  }
  mm.lockedVm = 0;
  mm.defFlags = 0;
  mm.strandedCharge = 0;
  return call.value(0, 'fork.child');
}

/** MADV_DONTFORK: the child has a hole there. */
function leaveOut(call: Call, vma: Vma): void {
  call.clear(vma.start, vma.end);
  accountPages(call.mm, vma.flags, -vmaPages(vma));
  call.mm.mapCount--;
  call.note('fork.left-out');
}

/** The child's own anon_vma comes behind those of the parents. Mirrors anon_vma_fork(). */
function duplicate(call: Call, vma: Vma): void {
  call.allocate();
  const flags = vma.flags & ~VM_LOCKED_MASK;
  if (vma.anonVma === 0 || (vma.flags & VM_WIPEONFORK) !== 0) {
    call.store({ ...vma, flags, anonVma: 0, chain: NO_CHAIN });
  } else {
    call.allocate();
    const anonVma = call.mm.nextId++;
    call.store({ ...vma, flags, anonVma, chain: [...vma.chain, anonVma] });
  }
  call.mm.vmasAllocated++;
}
