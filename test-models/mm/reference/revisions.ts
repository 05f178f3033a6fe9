// SPDX-License-Identifier: MIT

/** What the kernels do differently. Everything else is the same on all of them. */
export interface Switches {
  /**
   * When two VMAs of which one has no anon_vma may be joined: if that neighbour's chain has exactly
   * one entry (until 6.15), or if the one that has pages is not a fork's child (since 6.16).
   */
  readonly anonVmaRule: 'one-entry' | 'not-forked';
  /** Which neighbour of a new mapping mmap(2) looks at first. */
  readonly mmapLooks: 'right-first' | 'left-first';
  /** MAP_FIXED: whether the old mappings are gone before the new one is charged. */
  readonly mmapUnmapsFirst: boolean;
  /** mprotect(2) gives back what unfaulted memory was charged, when it is no longer writable. */
  readonly mprotectUncharges: boolean;
  /** Large private mappings of 64-bit processes stand on 2 MiB. */
  readonly alignsHuge: boolean;
  /** mremap(2)'s order of checks, and whether it moves several VMAs at once. */
  readonly mremap: 'one-vma' | 'many-vmas';
  /** DONTUNMAP splits a locked source at the ends of what is moved. */
  readonly dontUnmapSplits: boolean;
  /** DONTUNMAP counts locked pages of the copy and forgets to discount those of the source. */
  readonly dontUnmapDrifts: boolean;
  /** The source that DONTUNMAP left without pages gets the page offset of such memory. */
  readonly dontUnmapResetsOffset: boolean;
  /**
   * What DONTUNMAP's copy is joined with: any neighbour, also its own source; any but its source; or
   * nothing at all where the source is a neighbour.
   */
  readonly dontUnmapJoins: 'any' | 'not-source' | 'none-beside-source';
  /** PR_SET_MEMORY_MERGE: unknown, or when a new VMA gets its flag. */
  readonly memoryMerge: 'unknown' | 'after-merging' | 'before-merging';
  readonly mseal: boolean;
  /** Whether a seal keeps the content of the kernel's own mappings, as it keeps anonymous memory's. */
  readonly sealKeepsSpecial: boolean;
  readonly droppable: boolean;
  /** MAP_STACK keeps huge pages out. */
  readonly stackWithoutHuge: boolean;
  readonly mdwe: boolean;
  /** VmFlags has letters for VM_LOCKONFAULT. */
  readonly namesLockOnFault: boolean;
  /** A mapping that only touches the heap's ends is called [heap]. */
  readonly heapNameTouches: boolean;
  /** brk(2) to below a heap without mappings: done, or refused. */
  readonly brkShrinksHoles: boolean;
  /** brk(2) may join what it maps with the right neighbour, too. */
  readonly brkMergesRight: boolean;
}

const LINUX_6_1: Switches = {
  anonVmaRule: 'one-entry',
  mmapLooks: 'right-first',
  mmapUnmapsFirst: true,
  mprotectUncharges: false,
  alignsHuge: false,
  mremap: 'one-vma',
  dontUnmapSplits: true,
  dontUnmapDrifts: false,
  dontUnmapResetsOffset: true,
  dontUnmapJoins: 'none-beside-source',
  memoryMerge: 'unknown',
  mseal: false,
  sealKeepsSpecial: false,
  droppable: false,
  stackWithoutHuge: false,
  mdwe: false,
  namesLockOnFault: false,
  heapNameTouches: true,
  brkShrinksHoles: false,
  brkMergesRight: false,
};

const LINUX_6_12: Switches = {
  ...LINUX_6_1,
  mmapLooks: 'left-first',
  dontUnmapJoins: 'not-source',
  mmapUnmapsFirst: false,
  mprotectUncharges: true,
  alignsHuge: true,
  memoryMerge: 'after-merging',
  mseal: true,
  sealKeepsSpecial: true,
  droppable: true,
  stackWithoutHuge: true,
  mdwe: true,
  namesLockOnFault: true,
  heapNameTouches: false,
};

const LINUX_6_18_FIXED: Switches = {
  ...LINUX_6_12,
  sealKeepsSpecial: false,
  anonVmaRule: 'not-forked',
  mremap: 'many-vmas',
  memoryMerge: 'before-merging',
};

const TABLE: Readonly<Record<string, Switches>> = {
  'linux-6.0': {
    ...LINUX_6_1,
    mmapLooks: 'left-first',
    brkShrinksHoles: true,
    brkMergesRight: true,
  },
  'linux-6.1': LINUX_6_1,
  'linux-6.12': LINUX_6_12,
  'linux-6.18': {
    ...LINUX_6_18_FIXED,
    dontUnmapSplits: false,
    dontUnmapDrifts: true,
    dontUnmapResetsOffset: false,
    dontUnmapJoins: 'any',
  },
  'linux-6.18-fixed': LINUX_6_18_FIXED,
};

/** Revisions that the reference knows. */
export const REFERENCE_REVISIONS: readonly string[] = Object.keys(TABLE);

export function switchesOf(revision: string): Switches {
  const switches = TABLE[revision];
  if (switches === undefined) {
    throw new Error(`revision: expected one of ${REFERENCE_REVISIONS.join(', ')}, got ${revision}`);
  }
  return switches;
}
