// SPDX-License-Identifier: MIT
import type { Key } from './key.ts';
import { FREED, LIVE, childAt, entryAt, pivotAt, type MapleNode } from './node.ts';
import type { MapleTree } from './tree.ts';

/** A reader touched a node after its grace period. On a kernel: a use after free. */
export class UseAfterFreeError extends Error {
  constructor() {
    super('reader: expected a node in use, got one that was freed');
    this.name = 'UseAfterFreeError';
  }
}

/** What a load in steps reads next. */
export type LoadStep = 'END' | 'pivots and slot' | 'pivots' | 'slot' | 'whether the node has died';

/**
 * A load that stops between any two reads of shared memory, so that writers can be put in between.
 * Hold a pin of the tree meanwhile.
 *
 * Mirrors mtree_load() with mtree_range_walk(), lib/maple_tree.c, Linux 6.12: END, pivots and slot are
 * read one after the other, and a node that has died meanwhile sends the reader back to the root.
 *
 * Choosing a slot and reading it are one step unless `betweenPivotAndSlot` is set. With a stop there,
 * two in-place writes can be mixed up: one moves the pivot, so that the index belongs to the next slot, the
 * other fills the slot chosen; the reader returns what the index never held. The code of 6.12 has the
 * same two loads and checks only whether the node has died.
 *
 * @returns the entry, or null; what it yields is what it reads next
 * @throws UseAfterFreeError where the tree frees what readers may still reach
 */
export function* loadInSteps<K extends Key, V>(
  tree: MapleTree<K, V>,
  index: K,
  betweenPivotAndSlot: boolean = false,
): Generator<LoadStep, V | null> {
  for (;;) {
    const root = tree.root;
    if (root === null) return index === tree.keys.zero ? tree.rootEntry : null;
    let node = root;
    for (;;) {
      yield 'END';
      const { end } = inUse(node);
      yield betweenPivotAndSlot ? 'pivots' : 'pivots and slot';
      let offset = 0;
      while (offset < end && pivotAt(inUse(node), offset) < index) offset++;
      if (betweenPivotAndSlot) yield 'slot';
      const { leaf } = inUse(node);
      const entry = leaf ? entryAt(node, offset) : null;
      const child = leaf ? null : childAt(node, offset);
      yield 'whether the node has died';
      if (inUse(node).state !== LIVE) break;
      if (child === null) return entry;
      node = child;
    }
  }
}

function inUse<K extends Key, V>(node: MapleNode<K, V>): MapleNode<K, V> {
  if (node.state === FREED) throw new UseAfterFreeError();
  return node;
}
