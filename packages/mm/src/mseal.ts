// SPDX-License-Identifier: MIT
import { isPageAligned, span } from './arguments.ts';
import type { Call, MmStep } from './call.ts';
import { modifyVma } from './modify.ts';
import type { OperationOf } from './operation.ts';
import { isRefusal, refusal } from './refusal.ts';
import { VM_SEALED } from './vm-flags.ts';

/* mseal(2). Reads beside mm/mseal.c, Linux 6.18. */

const NO_CALL = refusal('ENOSYS', 'mseal.no-such-call');
const FLAGS = refusal('EINVAL', 'mseal.flags');
const UNALIGNED = refusal('EINVAL', 'mseal.unaligned');
const WRAPS = refusal('EINVAL', 'mseal.wraps');
const HOLE = refusal('ENOMEM', 'mseal.hole');

/** mseal(2): a range without holes, or nothing of it. */
export function mseal(call: Call, operation: OperationOf<'mseal'>): MmStep {
  const { features, mm } = call;
  if (!features.mseal) return call.refuse(NO_CALL);
  if (operation.flags !== 0) return call.refuse(FLAGS);
  const range = span(mm.machine, operation.address, operation.length);
  if (!isPageAligned(range.start)) return call.refuse(UNALIGNED);
  if (range.vanishes || range.wraps) return call.refuse(WRAPS);
  if (range.length === 0) return call.value(0, 'mseal.nothing');
  if (hasHole(call, range.start, range.end)) return call.refuse(HOLE);

  for (let at = range.start; at < range.end;) {
    const vma = mm.tree.load(at);
    if (vma === null) break;
    const end = Math.min(range.end, vma.end);
    const flags = vma.flags | VM_SEALED;
    const sealed =
      flags === vma.flags ? vma : modifyVma(call, vma, at, end, { flags, policy: vma.policy });
    if (isRefusal(sealed)) return call.refuse(sealed);
    call.keepWhatIsDone();
    at = Math.max(sealed.end, end);
  }
  return call.value(0, 'mseal.sealed');
}

/** Mirrors range_contains_unmapped(). */
function hasHole({ mm }: Call, start: number, end: number): boolean {
  for (let at = start; at < end;) {
    const vma = mm.tree.load(at);
    if (vma === null) return true;
    at = vma.end;
  }
  return false;
}
