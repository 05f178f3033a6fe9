// SPDX-License-Identifier: MIT
import {
  resolveRevisions,
  type BugRevision,
  type Revision,
  type RevisionId,
} from '@kernel-models/model-core';

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
  treeBug: 'none',
  mseal: true,
  sealGuardsSpecial: true,
  mdwe: true,
  heapTouches: false,
  namesLockOnFault: true,
};

const LINUX_6_18: Features = {
  ...LINUX_6_12,
  sealGuardsSpecial: false,
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
  treeBug: 'reuses-linked-node',
};

const LINUX_6_0: Features = {
  ...LINUX_6_1,
  brkShrink: 'munmap',
  brkGrowth: 'both-sides',
  failedExpansion: 'undone',
  triesRightFirst: false,
};

/** A bug on top of a revision. `mm.agreement` is the comparison with the naive reference. */
function bug(
  slug: string,
  base: RevisionId,
  features: Partial<Features>,
  story: string,
  caughtBy: readonly string[],
): BugRevision<Features> {
  return { id: `bug:${slug}`, base, features, story, caughtBy };
}

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
    features: { ...POSTED_V12, treeBug: 'none' },
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
  bug(
    'dontunmap-unlocks-whole',
    'linux-6.12',
    { dontunmapLocked: 'unlocks-whole' },
    'DONTUNMAP of a part of a locked mapping unlocks all of it and counts none of it: 6.1.190',
    ['mm.locked-matches'],
  ),
  bug(
    'dontunmap-joins-source',
    'linux-6.12',
    { copyBesideSource: 'joins-source' },
    'memory that DONTUNMAP moves beside itself becomes one mapping with its source: 6.18',
    ['mm.agreement', 'mm.locked-matches'],
  ),
  bug(
    'dontunmap-locked-drift',
    'linux-6.18-fixed',
    { dontunmapLocked: 'drifts' },
    'every DONTUNMAP of locked memory counts its pages once more, for good: 6.18',
    ['mm.locked-matches'],
  ),
  bug(
    'dontunmap-stale-pgoff',
    'linux-6.18-fixed',
    { dontunmapResetsPgoff: false },
    'what DONTUNMAP leaves empty keeps the offset of its pages, and joins nobody: 6.18',
    ['mm.unfaulted-pgoff'],
  ),
  bug(
    'mmap-right-first',
    'linux-6.12',
    { triesRightFirst: true },
    'mmap(2) asks the right neighbour first, as 6.1 did',
    ['mm.agreement'],
  ),
  bug(
    'mprotect-keeps-charge',
    'linux-6.12',
    { dropsAccount: 'never' },
    'memory that was never written to stays charged when it becomes read-only: 6.1',
    ['mm.agreement'],
  ),
  bug(
    'mprotect-drops-charge',
    'linux-6.18-fixed',
    { dropsAccount: 'always' },
    'memory that was written to gives its charge back when it becomes read-only',
    ['mm.agreement'],
  ),
  bug(
    'brk-counts-twice',
    'linux-6.1',
    { countsHeapTwice: true },
    'a new VMA of the heap raises map_count by two: as posted',
    ['mm.count-matches'],
  ),
  bug(
    'brk-flags-only',
    'linux-6.1',
    { brkGrowth: 'flags-only' },
    'the heap grows from wherever the VMA below it ends, over the hole between: as posted',
    ['mm.totals-match', 'mm.agreement'],
  ),
  bug(
    'brk-bug-on',
    'linux-6.1',
    { brkShrink: 'bug-on' },
    'a process that unmaps its heap and then shrinks it kills the kernel: as posted',
    ['mm.alive'],
  ),
  bug(
    'brk-finds-stranger',
    'linux-6.1',
    { brkShrink: 'stranger' },
    'a mapping that begins where the heap ends passes for the heap, without the check as posted',
    ['mm.agreement', 'mm.failure-atomic'],
  ),
  bug(
    'brk-leaves-longer',
    'linux-6.12',
    { failedExpansion: 'longer' },
    'where the tree has no memory, the VMA is longer already, and charged: as posted',
    ['mm.tree-matches', 'mm.no-lost-charge', 'mm.round-trip'],
  ),
  bug(
    'brk-leaves-charge',
    'linux-6.12',
    { failedExpansion: 'charged' },
    'where the tree has no memory, the charge of the growth is not given back: 6.1',
    ['mm.no-lost-charge'],
  ),
  bug(
    'brk-keeps-refused',
    'linux-6.12',
    { keepsRefusedBreak: true },
    'the break moves before the unmapping, and stays where that is refused',
    ['mm.failure-atomic'],
  ),
  bug(
    'brk-short-window',
    'linux-6.18-fixed',
    { searchesWholeWindow: false },
    'the search for what is next ends too early: the heap grows over it',
    // Whichever the mapping is whose place the heap takes.
    ['mm.guard-page', 'mm.tree-matches', 'mm.totals-match', 'mm.count-matches', 'mm.agreement'],
  ),
  bug(
    'brk-no-guard-page',
    'linux-6.18-fixed',
    { leavesGuardPage: false },
    'the heap grows up to what is next',
    ['mm.guard-page'],
  ),
  bug(
    'brk-merges-right',
    'linux-6.18-fixed',
    { leavesGuardPage: false, brkGrowth: 'both-sides' },
    'the heap joins any neighbour, also the one above',
    ['mm.guard-page', 'mm.agreement'],
  ),
  bug(
    'vm-brk-flags-locked',
    'linux-6.1',
    { forgetsToUnlock: true },
    'bad flags are refused with the lock held: as posted',
    ['mm.lock-free'],
  ),
  bug(
    'vm-brk-flags-bare',
    'linux-6.12',
    { comparesBareFlags: true },
    'bss is compared with flags that no VMA has, and never joins: as posted',
    ['mm.agreement'],
  ),
  bug(
    'merge-ignores-anon-vma',
    'linux-6.18-fixed',
    { anonVmaRule: 'ignored' },
    'memory that was written to apart becomes one VMA, which can name but one anon_vma',
    ['mm.agreement'],
  ),
  bug(
    'merge-fork-child',
    'linux-6.18-fixed',
    { mergesForkChild: true },
    'pages of a parent, moved, join memory that was never written to: 6.16',
    ['mm.agreement'],
  ),
  bug(
    'split-forgets-pgoff',
    'linux-6.18-fixed',
    { splitForgetsPgoff: true },
    'the upper half of a cut mapping shows the lower half’s pages',
    ['mm.agreement', 'mm.unfaulted-pgoff', 'mm.failure-atomic'],
  ),
  bug(
    'fixed-counts-replaced',
    'linux-6.18-fixed',
    { ignoresReplaced: true },
    'MAP_FIXED counts what it replaces against the limits',
    ['mm.agreement'],
  ),
  bug(
    'map-count-off-by-one',
    'linux-6.18-fixed',
    { countOffByOne: true },
    'vm.max_map_count is reached one VMA too early or too late',
    ['mm.agreement'],
  ),
  bug(
    'ideal-placement',
    'linux-6.18-fixed',
    { idealPlacement: true },
    'placement uses free addresses that the kernel’s search passes over',
    ['mm.agreement'],
  ),
  bug(
    'maple32-alloc',
    'linux-6.1',
    { treeBug: 'reuses-linked-node' },
    'the tree’s allocator hands out a node that is still linked: the crash on 32-bit ARM',
    ['mm.tree-valid', 'mm.tree-matches', 'mm.alive'],
  ),
  bug(
    'maple32-parent-slot',
    'linux-6.1',
    { treeBug: 'parent-slot-4bit' },
    'a node of 32 slots tells its parent about gaps in the wrong slot',
    ['mm.tree-valid'],
  ),
];

/**
 * What a revision decides, field by field.
 *
 * @throws RangeError where there is no such revision
 */
export const featuresOf: (revision: RevisionId) => Features = resolveRevisions('mm', REVISIONS);
