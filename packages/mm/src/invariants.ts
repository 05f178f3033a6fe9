// SPDX-License-Identifier: MIT
import type { Invariant, RevisionId, Transition } from '@kernel-models/model-core';
import { isDataMapping, isExecMapping, isStackMapping } from './accounting.ts';
import { pageAlign } from './arguments.ts';
import { PAGE_SIZE } from './constants.ts';
import { layoutOf } from './layout.ts';
import type { Operation } from './operation.ts';
import type { Outcome } from './outcome.ts';
import { formatMaps, parseMapsLine } from './proc-maps.ts';
import { vmasOf, type State } from './state.ts';
import {
  VM_ACCOUNT,
  VM_DONTCOPY,
  VM_DROPPABLE,
  VM_EXEC,
  VM_LOCKED,
  VM_LOCKONFAULT,
  VM_MAYEXEC,
  VM_MAYREAD,
  VM_MAYSHARE,
  VM_MAYWRITE,
  VM_NORESERVE,
  VM_READ,
  VM_SHARED,
  VM_WRITE,
} from './vm-flags.ts';
import { vmaPages, type Vma } from './vma.ts';

type MmTransition = Transition<State, Operation, Outcome>;

/** Kernels that do not leave a charge behind where brk(2) runs out of memory. */
const KEEP_CHARGES: readonly RevisionId[] = [
  'linux-6.0',
  'linux-6.12',
  'linux-6.18',
  'linux-6.18-fixed',
];

/** Kernels whose DONTUNMAP counts locked pages right. */
const KEEP_LOCKED: readonly RevisionId[] = [
  'linux-6.0',
  'linux-6.1',
  'linux-6.12',
  'linux-6.18-fixed',
];

/** Kernels whose brk(2) is not the one that was posted. */
const SANE_BRK: readonly RevisionId[] = [
  'linux-6.0',
  'linux-6.1',
  'linux-6.12',
  'linux-6.18',
  'linux-6.18-fixed',
];

function after({ step }: MmTransition): State {
  return step.state;
}

/** Pages of those VMAs that a predicate holds for. */
function pagesWhere(vmas: readonly Vma[], holds: (vma: Vma) => boolean): number {
  return vmas.reduce((pages, vma) => pages + (holds(vma) ? vmaPages(vma) : 0), 0);
}

function has(vma: Vma, flags: number): boolean {
  return (vma.flags & flags) !== 0;
}

/** The tree's ranges are those that the VMAs name. */
function treeMatches({ machine, tree }: State): boolean {
  const cursor = tree.cursor();
  let end = 0;
  for (let vma = cursor.find(); vma !== null; vma = cursor.find()) {
    if (cursor.index !== vma.start || cursor.last !== vma.end - 1) return false;
    if (vma.start < end || vma.start >= vma.end || vma.end > machine.taskSize) return false;
    if (vma.start % PAGE_SIZE !== 0 || vma.end % PAGE_SIZE !== 0) return false;
    end = vma.end;
  }
  return true;
}

function treeIsValid({ tree }: State): boolean {
  try {
    tree.validate();
    return true;
  } catch {
    return false;
  }
}

function totalsMatch(state: State): boolean {
  const vmas = vmasOf(state);
  return (
    state.totalVm === pagesWhere(vmas, () => true) &&
    state.execVm === pagesWhere(vmas, ({ flags }) => isExecMapping(flags)) &&
    state.stackVm === pagesWhere(vmas, ({ flags }) => isStackMapping(flags)) &&
    state.dataVm === pagesWhere(vmas, ({ flags }) => isDataMapping(flags))
  );
}

/** Each access of a mapping is one that it may have, and other pairs of flags. */
function flagsAreSane(vma: Vma): boolean {
  const implies = (flags: number, other: number): boolean => !has(vma, flags) || has(vma, other);
  const excludes = (flags: number, other: number): boolean => !has(vma, flags) || !has(vma, other);
  return (
    implies(VM_READ, VM_MAYREAD) &&
    implies(VM_WRITE, VM_MAYWRITE) &&
    implies(VM_EXEC, VM_MAYEXEC) &&
    implies(VM_SHARED, VM_MAYSHARE) &&
    implies(VM_LOCKONFAULT, VM_LOCKED) &&
    excludes(VM_ACCOUNT, VM_NORESERVE) &&
    excludes(VM_DROPPABLE, VM_MAYSHARE)
  );
}

/** Pages without an anon_vma whose offset is not that of their place. */
function stalePages(state: State): number {
  return pagesWhere(
    vmasOf(state),
    ({ anonVma, backing, pgoff, special, start }) =>
      backing === null && special === null && anonVma === 0 && pgoff !== start / PAGE_SIZE,
  );
}

/** An object of shared memory is as long as its first mapping, and stays so. */
function sharedObjectsKeepTheirSize({ before, step }: MmTransition): boolean {
  if (step.state.tree === before.tree) return true;
  const sizes = new Map(vmasOf(before).map(({ backing }) => [backing?.id, backing?.pages]));
  return vmasOf(step.state).every((vma) => {
    if (vma.backing?.name !== 'shmem') return true;
    return vma.backing.pages === (sizes.get(vma.backing.id) ?? vmaPages(vma));
  });
}

/** A break that grew leaves a page free. */
function leavesGuardPage({ before, operation, step }: MmTransition): boolean {
  const { state } = step;
  if (operation.op !== 'brk' || pageAlign(state.brk) <= pageAlign(before.brk)) return true;
  const next = state.tree.find(pageAlign(state.brk))?.entry;
  return next === undefined || next.start >= pageAlign(state.brk) + PAGE_SIZE;
}

/** Whether an operation that was refused may have changed what is mapped where. */
const LEAVES_TRACES: ReadonlySet<Operation['op']> = new Set<Operation['op']>([
  'mprotect',
  'madvise',
  'mlock',
  'mlock2',
  'munlock',
  'mseal',
  'mbind',
  'mremap',
  'vmBrkFlags',
  // A stack grows to where it is touched before the access is checked.
  'touchRead',
  'touchWrite',
]);

function failureIsAtomic({ before, operation, revision, step }: MmTransition): boolean {
  if (LEAVES_TRACES.has(operation.op)) return true;
  if (operation.op === 'mmap' && EMPTIES_FIRST.has(revision)) return true;
  const failed =
    operation.op === 'brk'
      ? step.outcome.kind === 'value' && step.outcome.value !== operation.address
      : step.outcome.kind === 'errno';
  if (!failed) return true;
  return step.state.brk === before.brk && layoutOf(step.state) === layoutOf(before);
}

/** mmap(2) empties the range before it knows whether it can charge the new mapping. */
const EMPTIES_FIRST: ReadonlySet<RevisionId> = new Set([
  'linux-6.0',
  'posted-v12',
  'linux-6.1-rc',
  'linux-6.1',
]);

function forkIsEqual({ before, operation, step }: MmTransition): boolean {
  if (operation.op !== 'fork' || step.outcome.kind !== 'value') return true;
  const ranges = (vmas: readonly Vma[]): string =>
    vmas.map(({ start, end, pgoff }) => `${start}-${end}@${pgoff}`).join(' ');
  const parents = vmasOf(before);
  const inherited =
    operation.follow === 'child' ? parents.filter((vma) => !has(vma, VM_DONTCOPY)) : parents;
  return ranges(vmasOf(step.state)) === ranges(inherited);
}

function mapsParseBack(state: State): boolean {
  const parsed = formatMaps(state).map(parseMapsLine);
  return vmasOf(state).every(({ start, end }, index) => {
    const line = parsed[index];
    return line !== undefined && line.start === BigInt(start) && line.end === BigInt(end);
  });
}

type MmInvariant = Invariant<State, Operation, Outcome>;

function invariant(
  id: string,
  sentence: string,
  holds: (transition: MmTransition) => boolean,
  revisions?: readonly RevisionId[],
): MmInvariant {
  return { id, sentence, holds, ...(revisions !== undefined && { revisions }) };
}

/** Named predicates over every step. */
export const INVARIANTS: readonly MmInvariant[] = [
  invariant(
    'mm.tree-matches',
    'The tree holds every VMA over exactly its range; ranges are ordered, disjoint, page-aligned, not empty, and end in the address space.',
    (transition) => treeMatches(after(transition)),
    SANE_BRK,
  ),
  invariant(
    'mm.tree-valid',
    'The tree is well-formed: pivots, gaps and occupancy of every node, and every node is linked once.',
    (transition) => treeIsValid(after(transition)),
    SANE_BRK,
  ),
  invariant(
    'mm.count-matches',
    'map_count is the number of VMAs.',
    (transition) => after(transition).mapCount === vmasOf(after(transition)).length,
    SANE_BRK,
  ),
  invariant(
    'mm.totals-match',
    'The totals of pages, of all kinds, are the sums over the VMAs.',
    (transition) => totalsMatch(after(transition)),
    SANE_BRK,
  ),
  invariant(
    'mm.locked-matches',
    'locked_vm is the sum over the locked VMAs.',
    (transition) =>
      after(transition).lockedVm ===
      pagesWhere(vmasOf(after(transition)), (vma) => has(vma, VM_LOCKED)),
    KEEP_LOCKED,
  ),
  invariant(
    'mm.locked-at-least',
    'locked_vm is not less than the sum over the locked VMAs.',
    (transition) =>
      after(transition).lockedVm >=
      pagesWhere(vmasOf(after(transition)), (vma) => has(vma, VM_LOCKED)),
  ),
  invariant(
    'mm.no-lost-charge',
    'What is charged is what VMAs with VM_ACCOUNT will give back, or was stranded by a stack without it.',
    (transition) =>
      after(transition).committed ===
      after(transition).strandedCharge +
        pagesWhere(vmasOf(after(transition)), (vma) => has(vma, VM_ACCOUNT)),
    KEEP_CHARGES,
  ),
  invariant(
    'mm.brk-sane',
    'The break is never below the start of the heap.',
    (transition) => after(transition).brk >= after(transition).startBrk,
  ),
  invariant(
    'mm.guard-page',
    'Right after the heap grew, the page above it is free.',
    leavesGuardPage,
  ),
  invariant(
    'mm.shmem-size',
    'An object of anonymous shared memory has the size of the mapping that made it, for good.',
    sharedObjectsKeepTheirSize,
  ),
  invariant(
    'mm.unfaulted-pgoff',
    'Only fork(2) makes private anonymous memory that was never written to and has an offset other than that of its place.',
    ({ before, operation, step }) =>
      operation.op === 'fork' || stalePages(step.state) <= stalePages(before),
    ['linux-6.0', 'linux-6.1', 'linux-6.12', 'linux-6.18-fixed'],
  ),
  invariant(
    'mm.flags-sane',
    'No mapping has an access that it may not have, nor flags that exclude each other.',
    (transition) => vmasOf(after(transition)).every(flagsAreSane),
  ),
  invariant(
    'mm.chain-sane',
    'A VMA has an anon_vma where it has a chain, and the anon_vma is in it.',
    (transition) =>
      vmasOf(after(transition)).every(({ anonVma, chain }) =>
        anonVma === 0 ? chain.length === 0 : chain.includes(anonVma),
      ),
  ),
  invariant(
    'mm.failure-atomic',
    'An operation that is refused changes nothing that is mapped, except where the kernel works part by part.',
    failureIsAtomic,
  ),
  invariant(
    'mm.round-trip',
    'The lines of /proc/PID/maps parse back to the ranges of the VMAs.',
    (transition) => mapsParseBack(after(transition)),
    SANE_BRK,
  ),
  invariant(
    'mm.fork-equal',
    'A child has the mappings of its parent without those that are not to be copied; a parent keeps its own.',
    forkIsEqual,
  ),
  invariant(
    'mm.lock-free',
    'No operation returns with the mmap_lock held.',
    (transition) => !after(transition).lockHeld,
    SANE_BRK,
  ),
  invariant(
    'mm.alive',
    'No operation of user space kills the kernel.',
    (transition) => after(transition).oops === null,
    SANE_BRK,
  ),
];
