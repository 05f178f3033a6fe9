// SPDX-License-Identifier: MIT
import type { Key, MapleTree } from '@kernel-models/maple-tree';
import type { Entry } from './world.ts';

/** A node of a tree under test. */
export type Node = NonNullable<MapleTree<Key, Entry>['root']>;

/** States of a node, as the package has them: in use, and after its grace period. */
export const LIVE = 0;
export const FREED = 2;

/** The nodes of a tree. */
export function nodesOf(tree: MapleTree<Key, Entry>): Node[] {
  const nodes: Node[] = [];
  const waiting = [tree.root];
  for (let node = waiting.pop(); node != null; node = waiting.pop()) {
    nodes.push(node);
    if (!node.leaf) waiting.push(...node.children.slice(0, node.end + 1));
  }
  return nodes;
}
