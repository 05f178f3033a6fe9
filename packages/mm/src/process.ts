// SPDX-License-Identifier: MIT
import type { Call, MmStep } from './call.ts';
import { isKsmCompatible } from './merge-any.ts';
import type { OperationOf } from './operation.ts';
import { refusal } from './refusal.ts';
import { vmasOf } from './state.ts';
import { VM_MERGEABLE } from './vm-flags.ts';
import { withFlags } from './vma.ts';

/* What a process changes of itself: limits, capabilities, switches of prctl(2). */

const SOFT_ABOVE_HARD = refusal('EINVAL', 'setrlimit.soft-above-hard');
const MAY_NOT_RAISE = refusal('EPERM', 'setrlimit.may-not-raise');

/** setrlimit(2). Mirrors do_prlimit(), kernel/sys.c, Linux 6.18. */
export function setrlimit(call: Call, operation: OperationOf<'setrlimit'>): MmStep {
  const { mm } = call;
  const { resource, soft, hard } = operation;
  if (soft > hard) return call.refuse(SOFT_ABOVE_HARD);
  const raises = hard > mm.limits[resource].hard;
  if (raises && !mm.capabilities.includes('CAP_SYS_RESOURCE')) return call.refuse(MAY_NOT_RAISE);
  const old = mm.limits[resource];
  if (old.soft !== soft || old.hard !== hard) {
    mm.limits = { ...mm.limits, [resource]: { soft, hard } };
    mm.rlimit = { ...mm.rlimit, [resource]: Number(soft) };
  }
  return call.value(0, 'setrlimit.set');
}

/** Gives up a capability, held or not. */
export function dropCap(call: Call, { capability }: OperationOf<'dropCap'>): MmStep {
  const { mm } = call;
  if (mm.capabilities.includes(capability)) {
    mm.capabilities = mm.capabilities.filter((held) => held !== capability);
  }
  return call.value(0, 'capability.dropped');
}

const NO_MERGE_ANY = refusal('EINVAL', 'memory-merge.no-such-option');

/**
 * prctl(PR_SET_MEMORY_MERGE): marks every VMA that there is, or unmarks them. None is joined for it.
 * Mirrors ksm_enable_merge_any() and ksm_disable_merge_any(), mm/ksm.c, Linux 6.18.
 */
export function setMemoryMerge(call: Call, { on }: OperationOf<'setMemoryMerge'>): MmStep {
  const { features, mm } = call;
  if (features.mergeAny === 'none') return call.refuse(NO_MERGE_ANY);
  if (mm.mergeAny === on) return call.value(0, 'memory-merge.unchanged');
  mm.mergeAny = on;
  for (const vma of vmasOf(mm)) {
    const marked = isKsmCompatible(vma.flags) ? vma.flags | VM_MERGEABLE : vma.flags;
    const flags = on ? marked : vma.flags & ~VM_MERGEABLE;
    if (flags !== vma.flags) call.store(withFlags(vma, flags));
  }
  return call.value(0, 'memory-merge.set');
}

const NO_MDWE = refusal('EINVAL', 'mdwe.no-such-option');

/** prctl(PR_SET_MDWE), for good. */
export function setMdwe(call: Call): MmStep {
  if (!call.features.mdwe) return call.refuse(NO_MDWE);
  call.mm.mdwe = true;
  return call.value(0, 'mdwe.set');
}
