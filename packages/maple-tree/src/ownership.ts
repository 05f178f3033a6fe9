// SPDX-License-Identifier: MIT
import { childAt, maxOf, type MapleNode } from './node.ts';
import { updateGap } from './gaps.ts';
import type { Cursor } from './cursor.ts';
import type { Key } from './key.ts';
import type { MapleTree } from './tree.ts';
import type { Path } from './path.ts';

/**
 * Makes the nodes of a path, from the root to a level, the tree's own, so that they may be edited in
 * place: nodes that a snapshot shares are copied. One comparison a level where none is shared.
 */
export function ownPath<K extends Key, V>(
  tree: MapleTree<K, V>,
  path: Path<K, V>,
  toLevel: number,
): void {
  for (let level = 0; level <= toLevel; level++) {
    const shared = path.node(level);
    if (shared.owner === tree.owner) continue;
    const copy = tree.nodes.clone(shared, tree.owner);
    tree.counters.cloned++;
    path.nodes[level] = copy;
    if (level === 0) tree.root = copy;
    else path.node(level - 1).children[path.offset(level - 1)] = copy;
  }
}

/** A child of a node that belongs to the tree, copied first where it is shared. */
export function ownChild<K extends Key, V>(
  tree: MapleTree<K, V>,
  parent: MapleNode<K, V>,
  offset: number,
): MapleNode<K, V> {
  const child = childAt(parent, offset);
  if (child.owner === tree.owner) return child;
  const copy = tree.nodes.clone(child, tree.owner);
  tree.counters.cloned++;
  parent.children[offset] = copy;
  return copy;
}

/** How many nodes of a path would have to be copied before an edit at a level. */
export function sharedOnPath<K extends Key, V>(cursor: Cursor<K, V>): number {
  const { path, tree } = cursor;
  let shared = 0;
  for (let level = 0; level <= path.level; level++) {
    if (path.node(level).owner !== tree.owner) shared++;
  }
  return shared;
}

/**
 * Puts a new node in the place of a path's node: in the parent's slot or at the root. Mirrors
 * mas_put_in_tree(), lib/maple_tree.c, Linux 6.12; publishing it is one assignment.
 */
export function putInTree<K extends Key, V>(
  tree: MapleTree<K, V>,
  path: Path<K, V>,
  level: number,
  node: MapleNode<K, V>,
): void {
  path.nodes[level] = node;
  if (level === 0) {
    tree.root = node;
    return;
  }
  ownPath(tree, path, level - 1);
  const parent = path.node(level - 1);
  parent.children[tree.rules.parentSlot(path.offset(level - 1))] = node;
  if (tree.nodes.hasGaps) updateGap(tree, path, level, path.minAt(level, tree.keys));
}

/** How many nodes a subtree has. Leaves are counted from their parents. */
export function countNodes<K extends Key, V>(node: MapleNode<K, V>): number {
  if (node.leaf) return 1;
  let count = node.end + 2;
  for (let offset = 0; offset <= node.end; offset++) {
    const child = node.children[offset];
    if (child == null || child.leaf) break;
    count += countNodes(child) - 1;
  }
  return count;
}

/** Whether a subtree lies wholly inside [first, last]. */
export function liesInside<K extends Key, V>(
  node: MapleNode<K, V>,
  min: K,
  first: K,
  last: K,
): boolean {
  return min >= first && maxOf(node) <= last;
}
