// SPDX-License-Identifier: MIT
import { EINVAL, ENOMEM } from './errno.ts';
import type { Key } from './key.ts';
import { childAt, type MapleNode } from './node.ts';
import { releaseNodes, takeCounted, waitForNodes } from './reserve.ts';
import type { MapleTree } from './tree.ts';

/**
 * Copies a tree node for node into an empty one of the same kind.
 *
 * Mirrors mtree_dup(), lib/maple_tree.c, Linux 6.12.
 *
 * @returns 0; -EINVAL where the flags differ or `into` is not empty; -ENOMEM with `into` left empty
 */
export function dupTree<K extends Key, V>(from: MapleTree<K, V>, into: MapleTree<K, V>): number {
  const sameShape = into.geometry === from.geometry && into.keys === from.keys;
  const sameFlags = into.allocRange === from.allocRange && into.inRcu === from.inRcu;
  if (!sameShape || !sameFlags || !into.empty) return EINVAL;
  const cursor = into.cursor();
  const missing = takeCounted(cursor, from.nodeCount);
  const granted = missing === 0 || waitForNodes(cursor, missing);
  if (granted) cursor.allocated = 0;
  releaseNodes(cursor);
  if (!granted) return ENOMEM;
  into.version++;
  into.rootEntry = from.rootEntry;
  into.setRoot(from.root === null ? null : copySubtree(from.root, into), from.height);
  into.nodeCount = from.nodeCount;
  into.allocWrapped = from.allocWrapped;
  into.counters.used += from.nodeCount;
  return 0;
}

function copySubtree<K extends Key, V>(
  node: MapleNode<K, V>,
  into: MapleTree<K, V>,
): MapleNode<K, V> {
  const copy = into.nodes.clone(node, into.owner);
  for (let offset = 0; !node.leaf && offset <= node.end; offset++) {
    copy.children[offset] = copySubtree(childAt(node, offset), into);
  }
  return copy;
}
