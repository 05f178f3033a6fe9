// SPDX-License-Identifier: MIT
import type { Key } from './key.ts';
import { childAt, imageAt, slotOf, tailAt, type MapleNode } from './node.ts';
import { Path } from './path.ts';
import type { StoreType } from './statistics.ts';
import type { MapleTree } from './tree.ts';

/**
 * Where a store begins. A tree has one and fills it anew for each store; while the tree stays as the place
 * last saw it, a store into the same leaf needs no walk, which halves the time of ascending inserts.
 */
export class Place<K extends Key, V> {
  path: Path<K, V> = new Path<K, V>();
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
  /** Where path and bounds of the leaf still hold: in this tree, at this version. */
  tree: MapleTree<K, V> | null = null;
  version = 0;
}

/** Keeps the place for the next store: the leaf was edited, but it still is where it was. */
export function keepPlace<K extends Key, V>(tree: MapleTree<K, V>, offset: number): void {
  const { place } = tree.work;
  place.offset = offset;
  place.version = tree.version;
}

/** Forgets the place: nodes on its path were cut or joined. */
export function forgetPlace<K extends Key, V>(tree: MapleTree<K, V>): void {
  tree.work.place.tree = null;
}

/** Walks to the leaf of a pair; null where a node on the way does not belong to the tree alone. */
export function descend<K extends Key, V>(
  tree: MapleTree<K, V>,
  image: number,
  tail: number,
): MapleNode<K, V> | null {
  const { place } = tree.work;
  if (place.tree === tree && place.version === tree.version) {
    const leaf = place.path.node(place.path.level);
    const max = imageAt(leaf, leaf.end);
    // Added up, not branched on: on random keys each branch would be a wrong guess half of the time.
    const isInside = +(place.leafImage < image) + +(image < max);
    if (isInside === 2) return standAt(place, leaf, slotNear(leaf, place.offset, image, tail));
  }
  return descendFromRoot(tree, image, tail);
}

/** As slotOf(); the same slot and the one behind it, where ascending stores go, are tried first. */
function slotNear<K extends Key, V>(
  leaf: MapleNode<K, V>,
  at: number,
  image: number,
  tail: number,
): number {
  if (image < imageAt(leaf, at)) {
    if (at === 0 || imageAt(leaf, at - 1) < image) return at;
  } else if (at < leaf.end && imageAt(leaf, at) < image && image < imageAt(leaf, at + 1)) {
    return at + 1;
  }
  return slotOf(leaf, image, tail);
}

function descendFromRoot<K extends Key, V>(
  tree: MapleTree<K, V>,
  image: number,
  tail: number,
): MapleNode<K, V> | null {
  const { owner, root } = tree;
  const { place } = tree.work;
  place.tree = null;
  if (root === null) return null;
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
      place.leafImage = low;
      place.leafTail = lowTail;
      place.tree = tree;
      place.version = tree.version;
      return standAt(place, node, offset);
    }
    if (offset > 0) {
      low = imageAt(node, offset - 1);
      lowTail = tailAt(node, offset - 1);
    }
    node = childAt(node, offset);
  }
}

function standAt<K extends Key, V>(
  place: Place<K, V>,
  leaf: MapleNode<K, V>,
  offset: number,
): MapleNode<K, V> {
  place.path.offsets[place.path.level] = offset;
  place.offset = offset;
  place.slotImage = offset > 0 ? imageAt(leaf, offset - 1) : place.leafImage;
  place.slotTail = offset > 0 ? tailAt(leaf, offset - 1) : place.leafTail;
  return leaf;
}
