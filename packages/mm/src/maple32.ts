// SPDX-License-Identifier: MIT
import { DOCUMENTED, type MapleTree, type Rules } from '@kernel-models/maple-tree';
import type { Vma } from './vma.ts';

/*
 * The tree below the posted brk(2) on 32-bit ARM. The kernel died in mas_update_gap(), Message-ID
 * 8d77a517-fcc1-5e74-b9d8-2a250dc751ed@gmail.com; the next version of the series names a "32-bit
 * allocation issue". Read from the registers of that report, and so an inference: a node was handed
 * out and cleared while the tree still held it.
 */

/** Rules of a tree whose parent words have four bits for the slot, as for nodes of 16 slots. */
export const PARENT_SLOT_4_BIT: Rules = Object.freeze<Rules>({
  ...DOCUMENTED,
  parentSlot: (offset) => offset & 0xf,
});

type Tree = MapleTree<number, Vma>;
type TreeNode = NonNullable<Tree['root']>;

/**
 * What an allocator does that hands out a node which is still linked: where the last store cut a
 * leaf of a 32-bit tree, the new leaf is one that the tree has already, and now has twice.
 *
 * @param splitsBefore how many leaves had been cut before the store
 */
export function reuseLinkedNode(tree: Tree, splitsBefore: number): void {
  if (tree.geometry.name !== 'kernel32' || tree.counters.splits === splitsBefore) return;
  const parent = parentOfLeaves(tree);
  if (parent === null) return;
  const fresh = parent.children
    .slice(0, parent.end + 1)
    .findLastIndex((child) => isOwn(tree, child));
  const victim = fresh === 0 ? parent.end : 0;
  const leaf = parent.children[fresh];
  if (fresh !== victim && leaf !== undefined) parent.children[victim] = leaf;
}

/** The lowest internal node that the store wrote to. */
function parentOfLeaves(tree: Tree): TreeNode | null {
  let node = tree.root;
  while (node !== null && !node.leaf) {
    const below: TreeNode | null = node.children.find((child) => isOwn(tree, child)) ?? null;
    if (below === null) return null;
    if (below.leaf) return isOwn(tree, node) ? node : null;
    node = below;
  }
  return null;
}

function isOwn(tree: Tree, node: TreeNode | null): boolean {
  return node !== null && node.owner === tree.owner;
}

/**
 * Whether the way up from an address leads through nodes that do not belong there: what the kernel
 * asserts as it tells the ancestors of a leaf about its gaps.
 */
export function wouldCrash(tree: Tree, address: number): boolean {
  let node = tree.root;
  while (node !== null && !node.leaf) {
    const offset = node.pivots.findIndex((pivot) => pivot >= address);
    const child: TreeNode | null = node.children[offset] ?? null;
    if (child === null || child.pivots[child.end] !== node.pivots[offset]) return true;
    node = child;
  }
  return false;
}
