// SPDX-License-Identifier: MIT
import type { MapleTree } from '@kernel-models/maple-tree';
import type { AllocationPlan } from './allocation.ts';
import type { Machine } from './machine.ts';
import type { Capability, Resource } from './operation.ts';
import type { Disaster } from './outcome.ts';
import type { Limit } from './setup.ts';
import type { Vma } from './vma.ts';

/** The VMAs of a process by address: the key range of an entry is [start, end - 1]. */
export type VmaTree = MapleTree<number, Vma>;

/**
 * A process's address space: struct mm_struct, and what of its process the address space asks.
 * Immutable. The tree is a snapshot of its own: nobody writes to a state's tree. Counts are pages,
 * addresses bytes below 2^51.
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
