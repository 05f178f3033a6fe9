// SPDX-License-Identifier: MIT
import { isPageAligned, span } from './arguments.ts';
import { OutOfMemory } from './allocation.ts';
import type { Call, MmStep } from './call.ts';
import {
  MADV_DODUMP,
  MADV_DOFORK,
  MADV_DONTDUMP,
  MADV_DONTFORK,
  MADV_DONTNEED,
  MADV_FREE,
  MADV_KEEPONFORK,
  MADV_NAMES,
  MADV_NOHUGEPAGE,
  MADV_NORMAL,
  MADV_RANDOM,
  MADV_SEQUENTIAL,
  MADV_WIPEONFORK,
} from './flags.ts';
import { modifyVma } from './modify.ts';
import type { OperationOf } from './operation.ts';
import { isRefusal, refusal, type Refusal } from './refusal.ts';
import {
  VM_DONTCOPY,
  VM_DONTDUMP,
  VM_DROPPABLE,
  VM_HUGEPAGE,
  VM_IO,
  VM_LOCKED,
  VM_NOHUGEPAGE,
  VM_PFNMAP,
  VM_RAND_READ,
  VM_SEALED,
  VM_SEQ_READ,
  VM_SHARED,
  VM_SPECIAL,
  VM_WIPEONFORK,
  VM_WRITE,
} from './vm-flags.ts';
import { isAnonymous, type Vma } from './vma.ts';

/* madvise(2). Reads beside do_madvise() and madvise_vma_behavior(), mm/madvise.c, Linux 6.18. */

const ADVICE = refusal('EINVAL', 'madvise.advice');
const UNALIGNED = refusal('EINVAL', 'madvise.unaligned');
const WRAPS = refusal('EINVAL', 'madvise.wraps');
const HOLE = refusal('ENOMEM', 'madvise.hole');

const KNOWN_ADVICE: ReadonlySet<number> = new Set(Object.values(MADV_NAMES));

/** madvise(2). A hole does not end it, but is its answer. */
export function madvise(call: Call, operation: OperationOf<'madvise'>): MmStep {
  const { advice } = operation;
  if (!KNOWN_ADVICE.has(advice)) return call.refuse(ADVICE);
  const range = span(call.mm.machine, operation.address, operation.length);
  if (!isPageAligned(range.start)) return call.refuse(UNALIGNED);
  if (range.vanishes || range.wraps) return call.refuse(WRAPS);
  if (range.length === 0) return call.value(0, 'madvise.nothing');

  let at = range.start;
  let hole = false;
  while (at < range.end) {
    const vma = call.mm.tree.find(at, range.end - 1)?.entry;
    if (vma === undefined) return call.refuse(HOLE);
    if (vma.start > at) hole = true;
    const start = Math.max(at, vma.start);
    const end = Math.min(range.end, vma.end);
    const advised = adviseOne(call, vma, start, end, advice);
    if (isRefusal(advised)) return call.refuse(advised);
    call.keepWhatIsDone();
    at = Math.max(advised.end, end);
  }
  return hole ? call.refuse(HOLE) : call.value(0, 'madvise.advised');
}

const SEALED = refusal('EPERM', 'madvise.sealed');
const NO_MEMORY = refusal('EAGAIN', 'madvise.no-memory');

/** @returns the VMA that holds the range now */
function adviseOne(
  call: Call,
  vma: Vma,
  start: number,
  end: number,
  advice: number,
): Vma | Refusal {
  if (isSealedAgainst(call, vma, advice)) return SEALED;
  if (advice === MADV_DONTNEED || advice === MADV_FREE) return discard(vma, advice);
  const flags = flagsFor(vma, advice);
  if (isRefusal(flags)) return flags;
  if (flags === vma.flags) return vma;
  try {
    const changed = modifyVma(call, vma, start, end, { flags, policy: vma.policy });
    // madvise(2) says "try again" where others say "no memory".
    return isRefusal(changed) && changed.errno === 'ENOMEM' ? NO_MEMORY : changed;
  } catch (error) {
    if (!(error instanceof OutOfMemory)) throw error;
    call.unwind();
    return NO_MEMORY;
  }
}

const DISCARDS: ReadonlySet<number> = new Set([
  MADV_FREE,
  MADV_DONTNEED,
  MADV_DONTFORK,
  MADV_WIPEONFORK,
]);

/** What cannot be written must not be discarded where it is sealed. */
function isSealedAgainst({ features }: Call, vma: Vma, advice: number): boolean {
  return (
    (vma.flags & VM_SEALED) !== 0 &&
    DISCARDS.has(advice) &&
    (isAnonymous(vma) || (vma.special !== null && features.sealGuardsSpecial)) &&
    (vma.flags & VM_WRITE) === 0
  );
}

const LOCKED = refusal('EINVAL', 'madvise.discards-locked');
const FREE_OF_FILE = refusal('EINVAL', 'madvise.free-of-file');

/** Drops pages. No VMA changes, and an anon_vma stays where there was one. */
function discard(vma: Vma, advice: number): Vma | Refusal {
  if ((vma.flags & (VM_LOCKED | VM_PFNMAP)) !== 0) return LOCKED;
  if (advice === MADV_FREE && !isAnonymous(vma)) return FREE_OF_FILE;
  return vma;
}

const FORK_OF_IO = refusal('EINVAL', 'madvise.fork-of-io');
const WIPE_OF_FILE = refusal('EINVAL', 'madvise.wipe-of-file');
const KEEP_DROPPABLE = refusal('EINVAL', 'madvise.keep-droppable');
const DUMP_SPECIAL = refusal('EINVAL', 'madvise.dump-special');

/** What a VMA's flags become. */
function flagsFor({ backing, flags }: Vma, advice: number): number | Refusal {
  switch (advice) {
    case MADV_NORMAL:
      return flags & ~VM_RAND_READ & ~VM_SEQ_READ;
    case MADV_RANDOM:
      return (flags & ~VM_SEQ_READ) | VM_RAND_READ;
    case MADV_SEQUENTIAL:
      return (flags & ~VM_RAND_READ) | VM_SEQ_READ;
    case MADV_DONTFORK:
      return flags | VM_DONTCOPY;
    case MADV_DOFORK:
      return (flags & VM_IO) !== 0 ? FORK_OF_IO : flags & ~VM_DONTCOPY;
    case MADV_NOHUGEPAGE:
      return (flags & ~VM_HUGEPAGE) | VM_NOHUGEPAGE;
    case MADV_DONTDUMP:
      return flags | VM_DONTDUMP;
    case MADV_DODUMP:
      return (flags & (VM_SPECIAL | VM_DROPPABLE)) !== 0 ? DUMP_SPECIAL : flags & ~VM_DONTDUMP;
    case MADV_WIPEONFORK:
      return backing !== null || (flags & VM_SHARED) !== 0 ? WIPE_OF_FILE : flags | VM_WIPEONFORK;
    case MADV_KEEPONFORK:
      return (flags & VM_DROPPABLE) !== 0 ? KEEP_DROPPABLE : flags & ~VM_WIPEONFORK;
    default:
      return flags;
  }
}
