// SPDX-License-Identifier: MIT
import { isPageAligned, span } from './arguments.ts';
import type { Call, MmStep } from './call.ts';
import {
  MPOL_BIND,
  MPOL_DEFAULT,
  MPOL_INTERLEAVE,
  MPOL_LOCAL,
  MPOL_MF_MOVE,
  MPOL_MF_MOVE_ALL,
  MPOL_MF_STRICT,
  MPOL_PREFERRED,
} from './flags.ts';
import { modifyVma } from './modify.ts';
import type { OperationOf } from './operation.ts';
import { isRefusal, refusal, type Refusal } from './refusal.ts';

/* mbind(2). Reads beside do_mbind() and mpol_new(), mm/mempolicy.c, Linux 6.18. */

const MODE = refusal('EINVAL', 'mbind.mode');
const FLAGS = refusal('EINVAL', 'mbind.flags');
const UNALIGNED = refusal('EINVAL', 'mbind.unaligned');
const WRAPS = refusal('EINVAL', 'mbind.wraps');
const NODES = refusal('EINVAL', 'mbind.nodes');
const HOLE = refusal('EFAULT', 'mbind.hole');

const MODES: ReadonlySet<number> = new Set([
  MPOL_DEFAULT,
  MPOL_PREFERRED,
  MPOL_BIND,
  MPOL_INTERLEAVE,
  MPOL_LOCAL,
]);
const MOVES = MPOL_MF_STRICT | MPOL_MF_MOVE | MPOL_MF_MOVE_ALL;

/** mbind(2). Where a policy is set, the range must have no hole. */
export function mbind(call: Call, operation: OperationOf<'mbind'>): MmStep {
  const { mm } = call;
  if (!MODES.has(operation.mode)) return call.refuse(MODE);
  if ((operation.flags & ~MOVES) !== 0) return call.refuse(FLAGS);
  const range = span(mm.machine, operation.address, operation.length);
  if (!isPageAligned(range.start)) return call.refuse(UNALIGNED);
  if (range.wraps) return call.refuse(WRAPS);
  if (range.length === 0) return call.value(0, 'mbind.nothing');
  const policy = policyOf(call, operation);
  if (isRefusal(policy)) return call.refuse(policy);
  if (isRefused(call, range.start, range.end, policy === null)) return call.refuse(HOLE);

  for (let at = range.start; at < range.end;) {
    const vma = mm.tree.find(at, range.end - 1)?.entry;
    if (vma === undefined) break;
    const start = Math.max(at, vma.start);
    const end = Math.min(range.end, vma.end);
    const bound =
      vma.policy === policy ? vma : modifyVma(call, vma, start, end, { flags: vma.flags, policy });
    if (isRefusal(bound)) return call.refuse(bound);
    call.keepWhatIsDone();
    at = Math.max(bound.end, end);
  }
  return call.value(0, 'mbind.bound');
}

/** The policy that mode and nodes describe; null: the task's. Mirrors mpol_new(). */
function policyOf({ mm }: Call, { mode, nodes }: OperationOf<'mbind'>): string | null | Refusal {
  if (mode === MPOL_DEFAULT) return nodes === 0n ? null : NODES;
  if (mode === MPOL_LOCAL) return nodes === 0n ? 'local' : NODES;
  if (nodes === 0n) return mode === MPOL_PREFERRED ? 'local' : NODES;
  const present = nodes & mm.machine.nodes;
  if (present === 0n) return NODES;
  if (mode === MPOL_PREFERRED) return `prefer:${lowestBit(present)}`;
  return `${mode === MPOL_BIND ? 'bind' : 'interleave'}:${present.toString(16)}`;
}

function lowestBit(mask: bigint): string {
  return (mask & -mask).toString(16);
}

/** Whether there is a hole, or for the task's policy nothing but a hole. */
function isRefused({ mm }: Call, start: number, end: number, allowsHoles: boolean): boolean {
  if (allowsHoles) return mm.tree.find(start, end - 1) === null;
  for (let at = start; at < end;) {
    const vma = mm.tree.load(at);
    if (vma === null) return true;
    at = vma.end;
  }
  return false;
}
