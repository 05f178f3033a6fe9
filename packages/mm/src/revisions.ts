// SPDX-License-Identifier: MIT
import { resolveRevisions, type Revision, type RevisionId } from '@kernel-models/model-core';

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
  readonly mseal: boolean;
  readonly mdwe: boolean;
  /** A VMA that only touches the heap's range is called [heap] too. */
  readonly heapTouches: boolean;
  /** smaps has letters for VM_LOCKONFAULT. */
  readonly namesLockOnFault: boolean;
}

const LINUX_6_12: Features = {
  brkShrink: 'refuse',
  brkGrowth: 'left',
  failedExpansion: 'undone',
  countsHeapTwice: false,
  keepsRefusedBreak: false,
  leavesGuardPage: true,
  searchesWholeWindow: true,
  forgetsToUnlock: false,
  comparesBareFlags: false,
  anonVmaRule: 'singular',
  mergesForkChild: false,
  triesRightFirst: false,
  splitForgetsPgoff: false,
  mergeAny: 'after',
  unmapsBeforeCharging: false,
  ignoresReplaced: false,
  countOffByOne: false,
  droppable: true,
  stacksAvoidHuge: true,
  alignsHuge: true,
  idealPlacement: false,
  dropsAccount: 'unfaulted',
  mremapOrder: 'vma-first',
  dontunmapLocked: 'splits',
  dontunmapResetsPgoff: true,
  copyBesideSource: 'joins-other',
  mseal: true,
  mdwe: true,
  heapTouches: false,
  namesLockOnFault: true,
};

const LINUX_6_18: Features = {
  ...LINUX_6_12,
  anonVmaRule: 'fork-child',
  mergeAny: 'before',
  mremapOrder: 'arguments-first',
  dontunmapLocked: 'drifts',
  dontunmapResetsPgoff: false,
  copyBesideSource: 'joins-source',
};

const LINUX_6_18_FIXED: Features = {
  ...LINUX_6_18,
  dontunmapLocked: 'splits',
  dontunmapResetsPgoff: true,
  copyBesideSource: 'joins-other',
};

const LINUX_6_1: Features = {
  ...LINUX_6_12,
  failedExpansion: 'charged',
  triesRightFirst: true,
  mergeAny: 'none',
  unmapsBeforeCharging: true,
  droppable: false,
  stacksAvoidHuge: false,
  alignsHuge: false,
  dropsAccount: 'never',
  copyBesideSource: 'alone',
  mseal: false,
  mdwe: false,
  heapTouches: true,
  namesLockOnFault: false,
};

const POSTED_V12: Features = {
  ...LINUX_6_1,
  brkShrink: 'bug-on',
  brkGrowth: 'flags-only',
  failedExpansion: 'longer',
  countsHeapTwice: true,
  forgetsToUnlock: true,
  comparesBareFlags: true,
};

const LINUX_6_0: Features = {
  ...LINUX_6_1,
  brkShrink: 'munmap',
  brkGrowth: 'both-sides',
  failedExpansion: 'undone',
  triesRightFirst: false,
};

const POSTING = 'Message-ID 8d77a517-fcc1-5e74-b9d8-2a250dc751ed@gmail.com';

/**
 * Every revision; the bugs come last. 6.1, 6.12 and 6.18 are held against Debian's kernels of the
 * first two and a running one of the third; 6.0 is modelled as to layout and return values.
 */
export const REVISIONS: readonly Revision<Features>[] = [
  {
    id: 'linux-6.0',
    source: 'mm/mmap.c, Linux 6.0: the address space on a red-black tree',
    date: '2022-10-02',
    features: LINUX_6_0,
  },
  {
    id: 'posted-v12',
    source: `the patch that ${POSTING} answers: brk() on the maple tree, version 12`,
    date: '2022-07-20',
    features: POSTED_V12,
  },
  {
    id: 'linux-6.1-rc',
    source: 'mm/mmap.c, Linux 6.1-rc1: as posted, on a tree whose 32-bit nodes are right',
    date: '2022-10-16',
    features: POSTED_V12,
  },
  {
    id: 'linux-6.1',
    source: 'mm/mmap.c, mm/mremap.c and mm/mprotect.c, Linux 6.1',
    date: '2022-12-11',
    features: LINUX_6_1,
  },
  {
    id: 'linux-6.12',
    source: 'mm/vma.c, mm/mmap.c and mm/mremap.c, Linux 6.12',
    date: '2024-11-17',
    features: LINUX_6_12,
  },
  {
    id: 'linux-6.18',
    source: 'mm/vma.c, mm/mmap.c and mm/mremap.c, Linux 6.18',
    date: '2025-11-30',
    features: LINUX_6_18,
  },
  {
    id: 'linux-6.18-fixed',
    source: 'ours: Linux 6.18 where DONTUNMAP keeps the counts and offsets right',
    date: '2026',
    features: LINUX_6_18_FIXED,
  },
];

/**
 * What a revision decides, field by field.
 *
 * @throws RangeError where there is no such revision
 */
export const featuresOf: (revision: RevisionId) => Features = resolveRevisions('mm', REVISIONS);
