// SPDX-License-Identifier: MIT
import type { Key } from './key.ts';
import { leafGap } from './gaps.ts';
import { entryAt } from './node.ts';
import { DOCUMENTED, LINUX_6_12, type Rules } from './rules.ts';
import { storeRequest } from './store-type.ts';
import { MapleTree } from './tree.ts';
import type { MapleTreeOptions } from './options.ts';

/**
 * The class of a tree that loads like one with a wrong idea of where a node ends: what a leaf's last
 * slot holds is not found.
 */
class ShortLookupTree<K extends Key, V> extends MapleTree<K, V> {
  override load(index: K): V | null {
    const cursor = this.cursor(index);
    const entry = cursor.walk();
    const isLast = cursor.is('active') && cursor.offset === cursor.end && cursor.end > 0;
    return isLast ? null : entry;
  }
}

/** A bug that the maple tree of some kernel had, or one of a kind that it could have. */
export interface KnownBug {
  readonly id: string;
  /** What goes wrong. */
  readonly story: string;
  /** Which kernels, or where the kind of bug comes from. */
  readonly origin: string;
  /** Ids of the properties that catch it: invariants I1 to I14, or named tables. */
  readonly caughtBy: readonly string[];
  /** What a tree with the bug decides otherwise. */
  readonly rules: Partial<Rules>;
  /** What a tree with the bug needs beside its rules. */
  readonly options?: Pick<MapleTreeOptions<never>, 'geometry' | 'treeClass'>;
}

/** Every known bug, by kernel history: fixes of lib/maple_tree.c and mutants of the same kinds. */
export const KNOWN_BUGS: readonly KnownBug[] = Object.freeze<KnownBug[]>([
  {
    id: 'parent-slot-4bit',
    story: 'the slot in a parent word has 4 bits: children at slot 16 and above update a wrong gap',
    origin: 'crash on 32-bit ARM, 8d77a517-fcc1-5e74-b9d8-2a250dc751ed@gmail.com, July 2022',
    caughtBy: ['I3', 'I5'],
    rules: { parentSlot: (offset) => offset & 0xf },
    options: { geometry: 'kernel32' },
  },
  {
    id: 'stackrot',
    story: 'a replaced node is freed at once: a reader that walks meanwhile touches freed memory',
    origin: 'CVE-2023-3269, Linux 6.1 to 6.4',
    caughtBy: ['I12'],
    rules: { waitsForGracePeriod: false },
  },
  {
    id: 'rcu-append',
    story: 'appends in place beside readers: one that has read END takes the new entry for the old',
    origin: 'before Linux 6.6',
    caughtBy: ['I12'],
    rules: { appendUnderRcu: true },
  },
  {
    id: 'rcu-inplace',
    story:
      'moves two pivots in place beside readers: one that has chosen a slot reads another range',
    origin: 'before Linux 6.6',
    caughtBy: ['I12'],
    rules: { slotStoreUnderRcu: true },
  },
  {
    id: 'span-right-consumed',
    story: 'a spanning store that ends with the right leaf copies a stale slot from it',
    origin: 'fixed in October 2024, Linux 6.12',
    caughtBy: ['I1', 'I6'],
    rules: { rightLeafRemains: (_last, _max, offset, end) => offset <= end },
  },
  {
    id: 'span-insufficient-end',
    story: 'a rebuild that reaches one end of the tree merges no more, as if it covered all of it',
    origin: 'fixed in December 2022, Linux 6.2',
    caughtBy: ['I2', 'I1'],
    rules: { coversTree: (leftmost, rightmost) => leftmost || rightmost },
  },
  {
    id: 'span-null-edge',
    story: 'a spanning erase does not see the null behind it: two nulls are neighbours',
    origin: 'mutant of mas_extend_spanning_null()',
    caughtBy: ['I4', 'I5'],
    rules: { spanningNullLooksRight: false },
  },
  {
    id: 'sparse-area',
    story: 'the reverse gap search of a tree without nodes answers from the bottom',
    origin: 'fixed in April 2023, Linux 6.4',
    caughtBy: ['I8'],
    rules: { sparseReverseFromTop: false },
  },
  {
    id: 'empty-area-minmax',
    story: 'after a gap search the cursor has the bounds of the gap for those of its node',
    origin: 'fixed in April 2023, Linux 6.4',
    caughtBy: ['I13'],
    rules: {
      afterSearch: (cursor) => {
        cursor.min = cursor.index;
        cursor.max = cursor.last;
      },
    },
  },
  {
    id: 'rev-lower-bound',
    story: 'the reverse gap search takes a gap that reaches below the window',
    origin: 'mutant of mas_rev_awalk()',
    caughtBy: ['I8'],
    rules: { reverseMindsLowerBound: false },
  },
  {
    id: 'skip-node-end',
    story: 'the forward gap search does not look at the last slot of a node',
    origin: 'mutant of mas_anode_descend()',
    caughtBy: ['I8'],
    rules: { searchEnd: (end) => end - 1 },
  },
  {
    id: 'lookup-data-end',
    story: 'a load does not find what the last slot of a leaf holds',
    origin: 'mutant of mtree_lookup_walk()',
    caughtBy: ['I6'],
    rules: {},
    options: { treeClass: ShortLookupTree },
  },
  {
    id: 'limit-state',
    story: 'prev() at the lower limit forgets where it stands, and find() skips the entry there',
    origin: 'Linux 6.5, fixed in October 2023: mprotect() skipped a mapping',
    caughtBy: ['cursor-model'],
    rules: { lowerLimitStatus: 'none' },
  },
  {
    id: 'restore-active',
    story: 'a cursor that met a limit before any walk goes on without a node',
    origin: 'Linux 6.12, fixed in 2025',
    caughtBy: ['cursor-model'],
    rules: { limitBeforeWalkStarts: false },
  },
  {
    id: 'null-expand-retry',
    story:
      'an erase that waited for memory keeps how far null reached, and erases a store made since',
    origin: 'fixed in 2024',
    caughtBy: ['I6-retry'],
    rules: { retryForgetsExpansion: false },
  },
  {
    id: 'cyclic-second-search',
    story: 'a cyclic allocation that must begin anew does not',
    origin: 'mutant of mas_alloc_cyclic()',
    caughtBy: ['I8'],
    rules: { cyclicResets: false },
  },
  {
    id: 'gap-off-by-one',
    story: 'the gap at the start of a leaf counts one index too few',
    origin: 'mutant of mas_leaf_max_gap()',
    caughtBy: ['I5', 'I8'],
    rules: {
      leafGap: (node, min, tree) => {
        const gap = leafGap(node, min, tree);
        return entryAt(node, 0) === null && gap > tree.keys.zero ? tree.keys.previous(gap) : gap;
      },
    },
  },
  {
    id: 'gap-stops-early',
    story: 'a new largest gap is not told beyond the parent',
    origin: 'mutant of mas_parent_gap()',
    caughtBy: ['I5', 'I8'],
    rules: { gapRises: () => false },
  },
  {
    id: 'no-null-split',
    story: 'a leaf is cut so that it ends with null',
    origin: 'mutant of mab_no_null_split()',
    caughtBy: ['I4'],
    rules: { cutsAvoidNull: false },
  },
  {
    id: 'prealloc-short',
    story: 'nodes are asked for as if the store stayed in its leaf',
    origin: 'mutant of mas_prealloc_calc()',
    caughtBy: ['I10'],
    rules: {
      request: (type, height, oneSlotRoot, rcu) =>
        type === 'spanning_store' ? 0 : storeRequest(type, height, oneSlotRoot, rcu),
    },
  },
  {
    id: 'bulk-tail',
    story: 'bulk loading leaves the last leaf with too few slots',
    origin: 'mutant of mas_destroy()',
    caughtBy: ['I2'],
    rules: { repairsBulkTail: false },
  },
  {
    id: 'insert-new-root',
    story: 'insert over the whole domain of a one-leaf tree overwrites what is there',
    origin: 'mas_insert(), lib/maple_tree.c, Linux 6.12: measured',
    caughtBy: ['I9'],
    rules: { insertChecksNewRoot: false },
  },
  {
    id: 'rev-top-wrap',
    story: 'a reverse search up to the last index passes over a gap that starts at 0',
    origin: 'mas_rev_awalk(), lib/maple_tree.c, Linux 6.12: measured',
    caughtBy: ['I8'],
    rules: { holds: LINUX_6_12.holds },
  },
  {
    id: 'span-right-too-far',
    story: 'the right path of a spanning store starts at the root: the next subtree is rebuilt too',
    origin: 'mutant of mas_wr_spanning_store()',
    caughtBy: ['strict-replay'],
    rules: { rightPathFromSpan: false },
    options: { geometry: 'kernel64' },
  },
  {
    id: 'sufficient-off-by-one',
    story: 'a node with just enough slots is merged with its neighbour',
    origin: 'mutant of mast_sufficient()',
    caughtBy: ['strict-replay'],
    rules: { insufficient: (end, minEnd) => end <= minEnd },
    options: { geometry: 'kernel64' },
  },
  {
    id: 'destroy-full-range-rcu',
    story: 'destroying a tree in RCU mode does not free the last child of a full node',
    origin: 'mt_destroy_walk() and mt_clear_meta(), lib/maple_tree.c, Linux 6.12: measured',
    caughtBy: ['I10'],
    rules: { destroysFullNodes: false },
    options: { geometry: 'kernel64' },
  },
]);

/**
 * A known bug by its id.
 *
 * @throws RangeError naming the bugs that there are
 */
export function knownBug(id: string): KnownBug {
  const bug = KNOWN_BUGS.find((one) => one.id === id);
  if (bug !== undefined) return bug;
  throw new RangeError(
    `bug: expected one of ${KNOWN_BUGS.map((one) => one.id).join(', ')}, got ${id}`,
  );
}

/**
 * Options of a tree with a known bug, for `createMapleTree`.
 *
 * @param base what the tree follows otherwise; `DOCUMENTED` by default
 * @throws RangeError for an unknown bug
 */
export function bugOptions(
  id: string,
  base: Rules = DOCUMENTED,
): Pick<MapleTreeOptions<never>, 'geometry' | 'rules' | 'treeClass'> {
  const { options = {}, rules } = knownBug(id);
  return { ...options, rules: { ...base, shortcuts: false, ...rules } };
}
