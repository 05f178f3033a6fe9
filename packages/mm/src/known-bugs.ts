// SPDX-License-Identifier: MIT
import type { BugRevision, RevisionId } from '@kernel-models/model-core';
import type { Features } from './features.ts';

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

/** Mistakes of this history and of whoever writes such code, each on a revision without it. */
export const KNOWN_BUGS: readonly BugRevision<Features>[] = [
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
