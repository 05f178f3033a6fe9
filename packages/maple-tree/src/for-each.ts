// SPDX-License-Identifier: MIT
import type { Key } from './key.ts';
import { childAt, entryAt, imageAt, NO_TAILS, slotOf, tailAt, type MapleNode } from './node.ts';
import { isBelow, LAST_EXACT, nextImage, nextTail } from './pair.ts';
import type { MapleTree } from './tree.ts';

/** What is called with every range. */
type Visit<K extends Key, V> = (entry: V, first: K, last: K) => void;

/**
 * Calls a function with every range that touches [from, to], in order. Goes leaf by leaf; where the
 * function writes to the tree, on from behind the range it was called with.
 */
export function forEachRange<K extends Key, V>(
  tree: MapleTree<K, V>,
  visit: Visit<K, V>,
  from: K,
  to: K,
): void {
  const { keys, root, rootEntry } = tree;
  if (root === null) {
    if (rootEntry === null || from !== keys.zero) return;
    visit(rootEntry, keys.zero, keys.zero);
    if (tree.root !== null && to > keys.zero) forEachRange(tree, visit, keys.keyOf(1, 0), to);
    return;
  }
  const walk = new LeafWalk(tree, root, keys.image(from), keys.tail(from));
  const toImage = keys.image(to);
  const toTail = keys.tail(to);
  do {
    const { leaf } = walk;
    const { end } = leaf;
    const isInside = isBelow(toImage, toTail, imageAt(leaf, end), tailAt(leaf, end));
    const last = isInside ? slotOf(leaf, toImage, toTail) : end;
    if (imageAt(leaf, end) <= LAST_EXACT && leaf.tails === NO_TAILS) {
      visitExact(tree, walk, last, visit);
    } else {
      visitPairs(tree, walk, last, visit);
    }
  } while (isBelow(walk.lowImage, walk.lowTail, toImage, toTail) && walk.next());
}

/*
 * Two loops over the slots of a leaf, up to `last` or until the tree has changed. Each is a function of its
 * own, so that the compiler has room to inline what is called: 11 in place of 16 ns a range.
 */

/** Where keys are their own images. */
function visitExact<K extends Key, V>(
  tree: MapleTree<K, V>,
  walk: LeafWalk<K, V>,
  last: number,
  visit: Visit<K, V>,
): void {
  const { keys } = tree;
  const { leaf, version } = walk;
  let low = walk.lowImage;
  for (let offset = walk.offset; offset <= last; offset++) {
    const entry = entryAt(leaf, offset);
    const pivot = imageAt(leaf, offset);
    if (entry !== null) {
      visit(entry, keys.keyOf(low + 1, 0), keys.keyOf(pivot, 0));
      if (tree.version !== version) last = offset;
    }
    low = pivot;
  }
  walk.lowImage = low;
}

/** Where the tails count too. */
function visitPairs<K extends Key, V>(
  tree: MapleTree<K, V>,
  walk: LeafWalk<K, V>,
  last: number,
  visit: Visit<K, V>,
): void {
  const { keys } = tree;
  const { leaf, version } = walk;
  for (let offset = walk.offset; offset <= last; offset++) {
    const { lowImage, lowTail } = walk;
    const entry = entryAt(leaf, offset);
    walk.lowImage = imageAt(leaf, offset);
    walk.lowTail = tailAt(leaf, offset);
    if (entry === null) continue;
    const first = keys.keyOf(nextImage(lowImage, lowTail), nextTail(lowImage, lowTail));
    visit(entry, first, keys.keyOf(walk.lowImage, walk.lowTail));
    if (tree.version !== version) return;
  }
}

/** A walk over the leaves of a tree that may change meanwhile. */
class LeafWalk<K extends Key, V> {
  readonly #tree: MapleTree<K, V>;
  /** The node above the leaf, and the leaf's slot there; the leaf itself where it is the root. */
  #parent: MapleNode<K, V>;
  #at = 0;
  declare leaf: MapleNode<K, V>;
  /** Where to begin in the leaf. */
  offset = 0;
  /** The key before that slot, as a pair; whoever reads the leaf sets it to the last key seen. */
  lowImage = -1;
  lowTail = 0;
  /** The tree's version that the place belongs to. */
  version = 0;

  constructor(tree: MapleTree<K, V>, root: MapleNode<K, V>, image: number, tail: number) {
    this.#tree = tree;
    this.#parent = root;
    this.leaf = root;
    this.#descend(root, image, tail);
  }

  /** Goes on behind the last key seen. @returns false where the tree has no nodes any more */
  next(): boolean {
    const { root, version } = this.#tree;
    const parent = this.#parent;
    if (version === this.version && !parent.leaf && this.#at < parent.end) {
      this.#at++;
      this.leaf = childAt(parent, this.#at);
      this.offset = 0;
      return true;
    }
    if (root === null) return false;
    const { lowImage, lowTail } = this;
    this.#descend(root, nextImage(lowImage, lowTail), nextTail(lowImage, lowTail));
    return true;
  }

  #descend(root: MapleNode<K, V>, image: number, tail: number): void {
    let node = root;
    this.version = this.#tree.version;
    this.#parent = root;
    this.lowImage = -1;
    this.lowTail = 0;
    for (;;) {
      const offset = slotOf(node, image, tail);
      if (offset > 0) {
        this.lowImage = imageAt(node, offset - 1);
        this.lowTail = tailAt(node, offset - 1);
      }
      if (node.leaf) {
        this.leaf = node;
        this.offset = offset;
        return;
      }
      this.#parent = node;
      this.#at = offset;
      node = childAt(node, offset);
    }
  }
}
