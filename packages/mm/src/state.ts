// SPDX-License-Identifier: MIT
import type { AllocationPlan } from './allocation.ts';
import type { Machine } from './machine.ts';
import type { Capability, Resource } from './operation.ts';
import type { Disaster } from './outcome.ts';
import type { Limit } from './setup.ts';
import type { Vma } from './vma.ts';
import type { VmaTree } from './vma-tree.ts';

/**
 * A process's address space: struct mm_struct, and what of its process the address space asks.
 * Immutable. Counts are pages, addresses bytes below 2^51.
 */
export interface State {
  readonly tree: VmaTree;
  /** map_count. */
  readonly mapCount: number;
  readonly totalVm: number;
  /** Private writable pages. */
  readonly dataVm: number;
  readonly stackVm: number;
  readonly execVm: number;
  readonly lockedVm: number;
  /** What this process has charged against the overcommit limit. */
  readonly committed: number;
  /** The part of `committed` that no VMA will give back: growth of a stack without VM_ACCOUNT. */
  readonly strandedCharge: number;
  /** What waiting parents have charged. */
  readonly committedByParents: number;
  readonly startData: number;
  readonly endData: number;
  readonly startBrk: number;
  /** Not aligned. */
  readonly brk: number;
  readonly startStack: number;
  /** VM_LOCKED and VM_LOCKONFAULT of mlockall(MCL_FUTURE). */
  readonly defFlags: number;
  /** prctl(PR_SET_MEMORY_MERGE). */
  readonly mergeAny: boolean;
  /** prctl(PR_SET_MDWE). */
  readonly mdwe: boolean;
  readonly limits: Readonly<Record<Resource, Limit>>;
  /** The soft limits in bytes, as numbers: exact below 2^53, which is more than any size. */
  readonly rlimit: Readonly<Record<Resource, number>>;
  readonly capabilities: readonly Capability[];
  /** Next number for an anon_vma or a shared object. */
  readonly nextId: number;
  /** VMAs made and freed since the start. */
  readonly vmasAllocated: number;
  readonly vmasFreed: number;
  /** Which allocations fail; null: none. */
  readonly allocations: AllocationPlan | null;
  /** Whether the mmap_lock was left locked: nobody can use the address space again. */
  readonly lockHeld: boolean;
  /** Where the kernel died; null: it lives. */
  readonly oops: Disaster | null;
  /** What does not change in a history. */
  readonly machine: Machine;
}

/** A state that may still be changed: what an operation works on. */
export type WorkingState = { -readonly [Field in keyof State]: State[Field] };

/** A copy to work on, field by field: a spread of so many fields costs ten times as much. */
export function copyState(state: State): WorkingState {
  return {
    tree: state.tree,
    mapCount: state.mapCount,
    totalVm: state.totalVm,
    dataVm: state.dataVm,
    stackVm: state.stackVm,
    execVm: state.execVm,
    lockedVm: state.lockedVm,
    committed: state.committed,
    strandedCharge: state.strandedCharge,
    committedByParents: state.committedByParents,
    startData: state.startData,
    endData: state.endData,
    startBrk: state.startBrk,
    brk: state.brk,
    startStack: state.startStack,
    defFlags: state.defFlags,
    mergeAny: state.mergeAny,
    mdwe: state.mdwe,
    limits: state.limits,
    rlimit: state.rlimit,
    capabilities: state.capabilities,
    nextId: state.nextId,
    vmasAllocated: state.vmasAllocated,
    vmasFreed: state.vmasFreed,
    allocations: state.allocations,
    lockHeld: state.lockHeld,
    oops: state.oops,
    machine: state.machine,
  };
}

/** Whether nothing happened: the same values in every field. */
export function isUnchanged(a: State, b: State): boolean {
  return (
    a.tree === b.tree &&
    a.brk === b.brk &&
    a.mapCount === b.mapCount &&
    a.totalVm === b.totalVm &&
    a.dataVm === b.dataVm &&
    a.stackVm === b.stackVm &&
    a.execVm === b.execVm &&
    a.lockedVm === b.lockedVm &&
    a.committed === b.committed &&
    a.strandedCharge === b.strandedCharge &&
    a.committedByParents === b.committedByParents &&
    a.defFlags === b.defFlags &&
    a.mergeAny === b.mergeAny &&
    a.mdwe === b.mdwe &&
    a.limits === b.limits &&
    a.capabilities === b.capabilities &&
    a.nextId === b.nextId &&
    a.vmasAllocated === b.vmasAllocated &&
    a.vmasFreed === b.vmasFreed &&
    a.allocations === b.allocations &&
    a.lockHeld === b.lockHeld &&
    a.oops === b.oops
  );
}

/** The VMAs in order. */
export function vmasOf({ tree }: Pick<State, 'tree'>): readonly Vma[] {
  const vmas: Vma[] = [];
  const cursor = tree.cursor();
  for (let vma = cursor.find(); vma !== null; vma = cursor.find()) vmas.push(vma);
  return vmas;
}
