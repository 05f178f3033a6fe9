// SPDX-License-Identifier: MIT
import type { Cursor } from './cursor.ts';
import type { Key } from './key.ts';
import type { MapleNode } from './node.ts';
import { retireSubtree } from './rcu.ts';

/** Stores into a tree without nodes. Mirrors mas_store_root() and mas_root_expand(). */
export function storeRoot<K extends Key, V>(cursor: Cursor<K, V>, entry: V | null): void {
  const { index, last, tree } = cursor;
  const { keys } = tree;
  if (entry === null) {
    if (index === keys.zero) tree.rootEntry = null;
    return;
  }
  if (last === keys.zero && !tree.isInternalEntry(entry)) {
    tree.rootEntry = entry;
    cursor.status = 'start';
    return;
  }
  const leaf = tree.nodes.newLeaf(tree.owner);
  let offset = 0;
  const add = (pivot: K, content: V | null): void => {
    tree.nodes.setPivot(leaf, offset, pivot);
    leaf.entries[offset] = content;
    leaf.end = offset++;
  };
  if (index > keys.zero) {
    const kept = tree.rootEntry !== null;
    if (kept) add(keys.zero, tree.rootEntry);
    if (!kept || index > keys.one) add(keys.previous(index), null);
  }
  cursor.offset = offset;
  add(last, entry);
  if (last < keys.max) add(keys.max, null);
  tree.rootEntry = null;
  becomeRoot(cursor, leaf);
  tree.nodeCount = 1;
}

/** Makes a leaf the whole tree. The cursor's `end` is left as it was, as 6.12 leaves it. */
function becomeRoot<K extends Key, V>(cursor: Cursor<K, V>, leaf: MapleNode<K, V>): void {
  const { keys } = cursor.tree;
  cursor.tree.setRoot(leaf, 1);
  cursor.tree.counters.used++;
  cursor.status = 'active';
  cursor.node = leaf;
  cursor.min = keys.zero;
  cursor.max = keys.max;
  cursor.path.level = 0;
  cursor.path.set(0, leaf, cursor.offset);
}

/** Replaces the tree by one entry over the whole domain. Mirrors mas_new_root(). */
export function newRoot<K extends Key, V>(cursor: Cursor<K, V>, entry: V | null): void {
  const { tree } = cursor;
  const old = tree.root;
  const count = tree.nodeCount;
  cursor.index = tree.keys.zero;
  cursor.last = tree.keys.max;
  if (entry === null) {
    tree.setRoot(null, 0);
    cursor.status = 'start';
    cursor.node = null;
  } else {
    const leaf = tree.nodes.newLeaf(tree.owner);
    tree.nodes.setPivot(leaf, 0, tree.keys.max);
    leaf.entries[0] = entry;
    cursor.offset = 0;
    becomeRoot(cursor, leaf);
    tree.nodeCount++;
  }
  if (old !== null) retireSubtree(tree, old, count);
}
