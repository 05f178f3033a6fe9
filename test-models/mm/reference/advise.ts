// SPDX-License-Identifier: MIT
import * as MM from '@kernel-models/mm';
import * as VM from './vm-flags.ts';
import { modify } from './split.ts';
import { alignUp, has, inRange, isAligned, wrap } from './state.ts';
import type { Process, Refusal, Vma } from './state.ts';

/** Advice that loses content, which sealed memory does not allow. */
const DISCARDS: readonly number[] = [
  MM.MADV_DONTNEED,
  MM.MADV_FREE,
  MM.MADV_DONTFORK,
  MM.MADV_WIPEONFORK,
];

/** madvise(2). Holes are skipped, and complained about at the end. */
export function madvise(
  process: Process,
  address: bigint,
  length: bigint,
  advice: number,
): Refusal {
  if (!Object.values(MM.MADV_NAMES).includes(advice)) return 'EINVAL';
  if (!isAligned(address)) return 'EINVAL';
  const size = alignUp(process, length);
  if (length !== 0n && size === 0n) return 'EINVAL';
  const end = wrap(process, address + size);
  if (end < address) return 'EINVAL';
  let at = address;
  let holes = false;
  while (at < end) {
    const vma = inRange(process, at, end)[0];
    if (vma === undefined) return 'ENOMEM';
    if (vma.start > at) holes = true;
    const from = vma.start > at ? vma.start : at;
    const to = vma.end < end ? vma.end : end;
    const refusal = adviseVma(process, vma, from, to, advice);
    // Somebody else's lack of memory is worth another try; a hole is not.
    if (refusal !== null) return refusal === 'ENOMEM' ? 'EAGAIN' : refusal;
    at = to;
  }
  return holes ? 'ENOMEM' : null;
}

function adviseVma(
  process: Process,
  vma: Vma,
  start: bigint,
  end: bigint,
  advice: number,
): Refusal {
  if (DISCARDS.includes(advice) && isKept(process, vma)) return 'EPERM';
  if (advice === MM.MADV_DONTNEED || advice === MM.MADV_FREE) {
    if (has(vma, VM.VM_PFNMAP | VM.VM_LOCKED)) return 'EINVAL';
    return advice === MM.MADV_FREE && vma.backing.kind !== 'anonymous' ? 'EINVAL' : null;
  }
  const flags = advisedFlags(vma, advice);
  if (flags === null) return 'EINVAL';
  if (flags === vma.flags) return null;
  const changed = modify(process, vma, start, end, { flags });
  return typeof changed === 'string' ? changed : null;
}

/** Whether the VMA is sealed, and what it holds cannot be overwritten by other means. */
function isKept({ rules }: Process, vma: Vma): boolean {
  const { kind } = vma.backing;
  const counts = kind === 'anonymous' || (kind === 'special' && rules.sealKeepsSpecial);
  return counts && has(vma, VM.VM_SEALED) && !has(vma, VM.VM_WRITE);
}

/** The flags that advice leads to; null: not for such a VMA. */
function advisedFlags({ flags, backing }: Vma, advice: number): number | null {
  const droppable = (flags & VM.VM_DROPPABLE) !== 0;
  switch (advice) {
    case MM.MADV_NORMAL:
      return flags & ~(VM.VM_RAND_READ | VM.VM_SEQ_READ);
    case MM.MADV_RANDOM:
      return (flags & ~VM.VM_SEQ_READ) | VM.VM_RAND_READ;
    case MM.MADV_SEQUENTIAL:
      return (flags & ~VM.VM_RAND_READ) | VM.VM_SEQ_READ;
    case MM.MADV_DONTFORK:
      return flags | VM.VM_DONTCOPY;
    case MM.MADV_DOFORK:
      return (flags & VM.VM_IO) !== 0 ? null : flags & ~VM.VM_DONTCOPY;
    case MM.MADV_NOHUGEPAGE:
      return (flags & ~VM.VM_HUGEPAGE) | VM.VM_NOHUGEPAGE;
    case MM.MADV_DONTDUMP:
      return flags | VM.VM_DONTDUMP;
    case MM.MADV_DODUMP:
      return (flags & VM.VM_SPECIAL) !== 0 || droppable ? null : flags & ~VM.VM_DONTDUMP;
    case MM.MADV_WIPEONFORK:
      // The kernel asks for no file: its own mappings, as the vDSO, have none.
      return backing.kind === 'anonymous' || backing.kind === 'special'
        ? flags | VM.VM_WIPEONFORK
        : null;
    case MM.MADV_KEEPONFORK:
      return droppable ? null : flags & ~VM.VM_WIPEONFORK;
    default:
      return null;
  }
}

/** mseal(2). */
export function mseal(process: Process, address: bigint, length: bigint, flags: number): Refusal {
  if (!process.rules.mseal) return 'ENOSYS';
  if (flags !== 0 || !isAligned(address)) return 'EINVAL';
  const size = alignUp(process, length);
  if (length !== 0n && size === 0n) return 'EINVAL';
  const end = wrap(process, address + size);
  if (end < address) return 'EINVAL';
  if (end === address) return null;
  if (!isCovered(process, address, end)) return 'ENOMEM';
  return eachVma(process, address, end, (vma, from, to) =>
    has(vma, VM.VM_SEALED)
      ? vma
      : modify(process, vma, from, to, { flags: vma.flags | VM.VM_SEALED }),
  );
}

function isCovered(process: Process, start: bigint, end: bigint): boolean {
  let at = start;
  for (const vma of inRange(process, start, end)) {
    if (vma.start > at) return false;
    at = vma.end;
  }
  return at >= end;
}

/** Changes what is mapped in a range, VMA by VMA, until one refuses. */
function eachVma(
  process: Process,
  start: bigint,
  end: bigint,
  change: (vma: Vma, from: bigint, to: bigint) => ReturnType<typeof modify>,
): Refusal {
  let at = start;
  for (;;) {
    const vma = inRange(process, at, end)[0];
    if (vma === undefined || at >= end) return null;
    const from = vma.start > at ? vma.start : at;
    const to = vma.end < end ? vma.end : end;
    const changed = change(vma, from, to);
    if (typeof changed === 'string') return changed;
    // What follows may have been joined with this one.
    at = changed.end;
  }
}

const MBIND_FLAGS = MM.MPOL_MF_STRICT | MM.MPOL_MF_MOVE | MM.MPOL_MF_MOVE_ALL;

/** A policy as VMAs hold it. */
interface Policy {
  readonly policy: string | null;
}

/** mbind(2). */
export function mbind(
  process: Process,
  address: bigint,
  length: bigint,
  { mode, nodes, flags }: { readonly mode: number; readonly nodes: bigint; readonly flags: number },
): Refusal {
  if (mode > MM.MPOL_LOCAL) return 'EINVAL';
  if ((flags & ~MBIND_FLAGS) !== 0) return 'EINVAL';
  // The right to move everybody's pages is none of those that a process here can have.
  if ((flags & MM.MPOL_MF_MOVE_ALL) !== 0) return 'EPERM';
  if (!isAligned(address)) return 'EINVAL';
  const end = wrap(process, address + alignUp(process, length));
  if (end < address) return 'EINVAL';
  if (end === address) return null;
  const wanted = policyOf(process, mode, nodes);
  if (wanted === null) return 'EINVAL';
  if (inRange(process, address, end).length === 0) return 'EFAULT';
  if (wanted.policy !== null && !isCovered(process, address, end)) return 'EFAULT';
  return eachVma(process, address, end, (vma, from, to) =>
    vma.policy === wanted.policy ? vma : modify(process, vma, from, to, wanted),
  );
}

/** The policy that a mode and nodes make; null: none. */
function policyOf({ setup }: Process, mode: number, nodes: bigint): Policy | null {
  const present = nodes & ((1n << BigInt(setup.numaNodes ?? 1)) - 1n);
  switch (mode) {
    case MM.MPOL_DEFAULT:
      return nodes === 0n ? { policy: null } : null;
    case MM.MPOL_LOCAL:
      return nodes === 0n ? { policy: 'local' } : null;
    case MM.MPOL_PREFERRED:
      if (nodes === 0n) return { policy: 'local' };
      // One node is preferred, the lowest.
      return present === 0n ? null : { policy: `preferred ${present & -present}` };
    default:
      return present === 0n ? null : { policy: `${mode} of ${present}` };
  }
}
