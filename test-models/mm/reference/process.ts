// SPDX-License-Identifier: MIT
import type { Limit, OperationOf, Resource } from '@kernel-models/mm';
import * as VM from './vm-flags.ts';
import { mayCommit } from './accounting.ts';
import { canShareSamePages } from './mmap.ts';
import { capable, has, pagesOf, type Process, type Refusal, type Vma } from './state.ts';

/** fork(2): the process becomes its child, or stays the parent of one that is gone again. */
export function fork(process: Process, follow: OperationOf<'fork'>['follow']): Refusal {
  const parent = process.vmas;
  const inherited = parent.filter((vma) => !has(vma, VM.VM_DONTCOPY));
  const charged = inherited.filter((vma) => has(vma, VM.VM_ACCOUNT));
  let granted = 0n;
  for (const vma of charged) {
    const { mode } = process.setup.overcommit;
    const pages = mode === 2 ? granted + pagesOf(vma) : pagesOf(vma);
    if (!mayCommit(process, pages)) return 'ENOMEM';
    granted += pagesOf(vma);
  }
  if (follow === 'parent') return null;
  process.vmas = inherited.map((vma) => copyForChild(process, vma));
  process.ancestors = [...process.ancestors, parent];
  process.lockedVm = 0n;
  process.defFlags = 0;
  return null;
}

function copyForChild(process: Process, vma: Vma): Vma {
  const flags = vma.flags & ~VM.VM_LOCKED_MASK;
  if (vma.anonVma === null || has(vma, VM.VM_WIPEONFORK)) {
    return { ...vma, flags, anonVma: null, chain: [] };
  }
  const anonVma = process.serial++;
  return { ...vma, flags, anonVma, chain: [...vma.chain, anonVma] };
}

/** setrlimit(2). */
export function setLimit(process: Process, resource: Resource, limit: Limit): Refusal {
  if (limit.soft > limit.hard) return 'EINVAL';
  const raises = limit.hard > process.limits[resource].hard;
  if (raises && !capable(process, 'CAP_SYS_RESOURCE')) return 'EPERM';
  process.limits = { ...process.limits, [resource]: limit };
  return null;
}

/** prctl(PR_SET_MEMORY_MERGE): marks what there is, and what will be. */
export function setMemoryMerge(process: Process, on: boolean): Refusal {
  if (process.rules.memoryMerge === 'unknown') return 'EINVAL';
  if (on === process.mergeAny) return null;
  process.mergeAny = on;
  for (const vma of process.vmas) {
    if (!canShareSamePages(vma.flags)) continue;
    if (on) vma.flags |= VM.VM_MERGEABLE;
    else vma.flags &= ~VM.VM_MERGEABLE;
  }
  return null;
}

/** prctl(PR_SET_MDWE): memory does not become executable any more. */
export function setMdwe(process: Process): Refusal {
  if (!process.rules.mdwe) return 'EINVAL';
  process.mdwe = true;
  return null;
}
