// SPDX-License-Identifier: MIT
import type { Key } from './key.ts';
import { childAt, imageAt, slotOf, tailAt, type MapleNode } from './node.ts';
import { Path } from './path.ts';
import type { StoreType } from './statistics.ts';
import type { MapleTree } from './tree.ts';

/** Where a store begins. A tree has one and fills it anew for each store. */
export class Place<K extends Key, V> {
  readonly path: Path<K, V> = new Path<K, V>();
  offset = 0;
  /** The key before the leaf, as a pair; the image is -1 where there is none. */
  leafImage = -1;
  leafTail = 0;
  /** The key before the slot. */
  slotImage = -1;
  slotTail = 0;
  /** What the slot held before the store. */
  content: V | null = null;
  /** The kind of the store. */
  type: StoreType = 'store_root';
}

/** Walks to the leaf of a pair; null where a node on the way does not belong to the tree alone. */
export function descend<K extends Key, V>(
  tree: MapleTree<K, V>,
  image: number,
  tail: number,
): MapleNode<K, V> | null {
  const { owner, root } = tree;
  if (root === null) return null;
  const { place } = tree.work;
  const { nodes, offsets } = place.path;
  let node = root;
  let low = -1;
  let lowTail = 0;
  for (let level = 0; ; level++) {
    if (node.owner !== owner) return null;
    const offset = slotOf(node, image, tail);
    nodes[level] = node;
    offsets[level] = offset;
    if (node.leaf) {
      place.path.level = level;
      place.offset = offset;
      place.leafImage = low;
      place.leafTail = lowTail;
      place.slotImage = offset > 0 ? imageAt(node, offset - 1) : low;
      place.slotTail = offset > 0 ? tailAt(node, offset - 1) : lowTail;
      return node;
    }
    if (offset > 0) {
      low = imageAt(node, offset - 1);
      lowTail = tailAt(node, offset - 1);
    }
    node = childAt(node, offset);
  }
}
