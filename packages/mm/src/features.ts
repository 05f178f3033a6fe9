// SPDX-License-Identifier: MIT

/** What kernels decide differently. */
export interface Features {
  /** What brk(2) does with a part of the heap where nothing is mapped. */
  readonly brkShrink:
    | 'munmap' /** Unmaps it, with success. */
    | 'bug-on' /** Dies. */
    | 'refuse' /** Returns the old break. */
    | 'stranger' /** Refuses, but takes a mapping that begins at the old end for the heap. */;
  /** Who may take the new part of the heap. */
  readonly brkGrowth:
    | 'both-sides' /** Any neighbour: the general merge. */
    | 'flags-only' /** Whatever lies below, if its flags are the heap's. */
    | 'left' /** The VMA that ends there, if it is alike. */;
  /** What stays where the heap's longer VMA cannot be stored. */
  readonly failedExpansion: 'undone' | 'charged' | 'longer';
  /** A new VMA of the heap counts as two. */
  readonly countsHeapTwice: boolean;
  /** brk(2) keeps the break that it was asked for where it cannot unmap. */
  readonly keepsRefusedBreak: boolean;
  readonly leavesGuardPage: boolean;
  /** brk(2) looks for what is next in all of the range that it will use. */
  readonly searchesWholeWindow: boolean;
  /** vm_brk_flags() returns with the lock held where its flags are bad. */
  readonly forgetsToUnlock: boolean;
  /** vm_brk_flags() compares with flags that no VMA has. */
  readonly comparesBareFlags: boolean;

  /** When pages with and without an anon_vma may become one VMA. */
  readonly anonVmaRule: 'singular' | 'fork-child' | 'ignored';
  /** Moved memory of a parent joins memory that was never written to. */
  readonly mergesForkChild: boolean;
  /** mmap(2) asks the right neighbour first. */
  readonly triesRightFirst: boolean;
  /** Forgets where in its file the upper half of a cut VMA begins. */
  readonly splitForgetsPgoff: boolean;
  /** When VMAs are marked for same-page merging. */
  readonly mergeAny: 'none' | 'before' | 'after';

  /** mmap(2) empties the range for good before it charges the new mapping. */
  readonly unmapsBeforeCharging: boolean;
  /** MAP_FIXED counts what it replaces against the limits. */
  readonly ignoresReplaced: boolean;
  /** Every limit on the number of VMAs is off by one. */
  readonly countOffByOne: boolean;
  readonly droppable: boolean;
  /** MAP_STACK keeps huge pages away. */
  readonly stacksAvoidHuge: boolean;
  /** Large private mappings of 64-bit processes are aligned for huge pages. */
  readonly alignsHuge: boolean;
  /** Placement finds every address that is free, also above a guard gap. */
  readonly idealPlacement: boolean;

  /** Whether memory that becomes read-only gives its charge back. */
  readonly dropsAccount: 'never' | 'unfaulted' | 'always';
  readonly mremapOrder: 'vma-first' | 'arguments-first';
  /** What DONTUNMAP does to a locked source and to the count of locked pages. */
  readonly dontunmapLocked:
    | 'unlocks-whole' /** All of the source VMA is unlocked, and nothing is counted. */
    | 'splits' /** What is moved is cut out first, so that the count is right. */
    | 'drifts' /** The moved pages are counted a second time. */;
  /** A source that DONTUNMAP emptied begins anew, with the offset of its place. */
  readonly dontunmapResetsPgoff: boolean;
  /** Whom a copy that DONTUNMAP leaves beside its source may join. */
  readonly copyBesideSource:
    'joins-source' | 'joins-other' /** The neighbour on its other side. */ | 'alone' /** Nobody. */;
  /** What is wrong with the tree below, on 32-bit machines. */
  readonly treeBug: 'none' | 'parent-slot-4bit' | 'reuses-linked-node';
  readonly mseal: boolean;
  /** A seal keeps also the vDSO, which has no file, from being discarded. */
  readonly sealGuardsSpecial: boolean;
  readonly mdwe: boolean;
  /** A VMA that only touches the heap's range is called [heap] too. */
  readonly heapTouches: boolean;
  /** smaps has letters for VM_LOCKONFAULT. */
  readonly namesLockOnFault: boolean;
}
