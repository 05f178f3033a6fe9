// SPDX-License-Identifier: MIT
import { findGapSlot, gapOf, updateGap } from './gaps.ts';
import type { Key } from './key.ts';
import { childAt, gapAt, maxOf, pivotAt, type MapleNode } from './node.ts';
import { ownPath } from './ownership.ts';
import type { Path } from './path.ts';
import type { MapleTree } from './tree.ts';

/**
 * Whether the node at a level of a path can take `added` children in place of `removed` ones: nobody
 * reads beside the writer, it has the room, and it does not become too small.
 */
export function canSplice<K extends Key, V>(
  tree: MapleTree<K, V>,
  path: Path<K, V>,
  level: number,
  removed: number,
  added: number,
): boolean {
  if (tree.inRcu || tree.geometry.rebuildsToRoot) return false;
  const end = path.node(level).end - removed + added;
  return end < tree.nodes.internalSlots && end >= (level === 0 ? 1 : tree.nodes.internalMin);
}

/**
 * Replaces the children from the one at `offset` on by new nodes, in place. What 6.12 does by building
 * the parent and all its ancestors anew comes to the same content.
 *
 * @param min lower bound of the first new node
 */
export function spliceChildren<K extends Key, V>(
  tree: MapleTree<K, V>,
  path: Path<K, V>,
  level: number,
  offset: number,
  removed: number,
  parts: readonly MapleNode<K, V>[],
  min: K,
): void {
  const { keys, nodes } = tree;
  ownPath(tree, path, level);
  const parent = path.node(level);
  moveChildren(tree, parent, offset + removed, parts.length - removed);
  let first = min;
  let at = offset;
  for (const part of parts) {
    parent.children[at] = part;
    nodes.setPivot(parent, at, maxOf(part));
    if (nodes.hasGaps) {
      parent.gaps[at] = gapOf(part, first, tree);
      if (maxOf(part) < keys.max) first = keys.next(maxOf(part));
    }
    at++;
  }
  if (!nodes.hasGaps) return;
  findGapSlot(parent, keys.zero, 0);
  updateGap(tree, path, level, keys.zero);
}

/** Moves an internal node's slots from `from` on by `distance`, and its END with them. */
function moveChildren<K extends Key, V>(
  tree: MapleTree<K, V>,
  node: MapleNode<K, V>,
  from: number,
  distance: number,
): void {
  const { end } = node;
  const step = distance > 0 ? -1 : 1;
  const start = distance > 0 ? end : from;
  if (distance !== 0) {
    for (let count = end - from, offset = start; count >= 0; count--, offset += step) {
      node.children[offset + distance] = childAt(node, offset);
      tree.nodes.setPivot(node, offset + distance, pivotAt(node, offset));
      if (tree.nodes.hasGaps) node.gaps[offset + distance] = gapAt(node, offset);
    }
  }
  node.end = end + distance;
  for (let offset = node.end + 1; offset <= end; offset++) node.children[offset] = null;
}
