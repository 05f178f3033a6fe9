// SPDX-License-Identifier: MIT
import { resolveRevisions, type Revision, type RevisionId } from '@kernel-models/model-core';
import type { Features } from './features.ts';
import { KNOWN_BUGS } from './known-bugs.ts';

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
  ...KNOWN_BUGS,
];

/**
 * What a revision decides, field by field.
 *
 * @throws RangeError where there is no such revision
 */
export const featuresOf: (revision: RevisionId) => Features = resolveRevisions('mm', REVISIONS);
