// SPDX-License-Identifier: MIT
import type { StoreType } from '@kernel-models/maple-tree';
import type { Rule, RuleId } from '@kernel-models/model-core';
import type { Operation } from './operation.ts';
import type { Outcome } from './outcome.ts';

const SOURCE = 'lib/maple_tree.c, Linux 6.12';

const STORES: Readonly<Record<StoreType, string>> = {
  store_root: 'A tree without nodes keeps the entry in its root word, or builds its first leaf.',
  new_root: 'An entry over the whole domain replaces the tree by one leaf, null by nothing.',
  exact_fit: 'An entry over exactly one slot is written into that slot.',
  append: 'An entry in the last slot of a leaf with room is added at its end, in place.',
  slot_store: 'An entry that leaves the number of slots as it is moves pivots in place.',
  node_store: 'Any other entry inside one leaf rewrites that leaf.',
  rebalance: 'A leaf left with too few slots is joined with its neighbour.',
  split_store: 'A leaf without room shares slots with a sibling or is cut in two.',
  spanning_store: 'A write that leaves its leaf joins both ends and drops what lies between.',
};

/** Every rule that can decide an outcome. */
export const RULES: readonly Rule[] = [
  ...Object.entries(STORES).map(([type, sentence]) => ({
    id: `store.${type}`,
    sentence,
    origin: `mas_wr_store_type() and mas_wr_store_entry(), ${SOURCE}`,
  })),
  {
    id: 'read.entry',
    sentence: 'The walk came to a slot that holds an entry.',
    origin: `mtree_load(), mas_walk(), mas_next_slot(), mas_prev_slot(), ${SOURCE}`,
  },
  {
    id: 'read.nothing',
    sentence: 'The walk came to a slot that holds nothing, or met its limit.',
    origin: `mtree_load(), mas_walk(), mas_next_slot(), mas_prev_slot(), ${SOURCE}`,
  },
  {
    id: 'call.done',
    sentence: 'The call did what it is for and stored nothing.',
    origin: `mas_set_range(), mas_pause(), mtree_dup(), mtree_destroy(), ${SOURCE}`,
  },
  {
    id: 'fault.null-node',
    sentence: 'A cursor that met a limit before any walk went on without a node.',
    origin: `mas_next_setup(), mas_prev_setup(), mas_find_rev_setup(), ${SOURCE}`,
  },
  {
    id: 'errno.EEXIST',
    sentence: 'An insert met an entry.',
    origin: `mas_insert(), ${SOURCE}`,
  },
  {
    id: 'errno.EINVAL',
    sentence: 'A reserved entry, a range that ends before it starts, or a window too small.',
    origin: `mtree_store_range(), mtree_alloc_range(), mas_empty_area(), ${SOURCE}`,
  },
  {
    id: 'errno.EBUSY',
    sentence: 'No run of free indices in the window is long enough.',
    origin: `mas_empty_area(), mas_empty_area_rev(), ${SOURCE}`,
  },
];

const SEARCHES = /^(load|erase|find|find_after|next|prev|mas_(walk|next|prev|find|erase).*)$/;

/** What decided an outcome. */
export function ruleOf({ op }: Operation, outcome: Outcome): RuleId {
  if (outcome.kind === 'dump' || outcome.kind === 'ranges') return 'call.done';
  if (outcome.kind === 'fault') return 'fault.null-node';
  if (outcome.errno !== undefined) return `errno.${outcome.errno}`;
  if (outcome.structure?.store !== undefined) return `store.${outcome.structure.store}`;
  if (!SEARCHES.test(op)) return 'call.done';
  return outcome.value === null ? 'read.nothing' : 'read.entry';
}
