// SPDX-License-Identifier: MIT
import { findGapSlot, gapOf } from './gaps.ts';
import type { Key } from './key.ts';
import { copyNumbers, copyPointers, moveNumbers, movePointers } from './slots.ts';
import {
  childAt,
  entryAt,
  imageAt,
  maxOf,
  NO_TAILS,
  setTail,
  tailAt,
  type MapleNode,
} from './node.ts';
import { ownChild } from './ownership.ts';
import type { Path } from './path.ts';
import { descend, forgetPlace } from './place.ts';
import type { MapleTree } from './tree.ts';

/*
 * Splits and merges that edit nodes in place, for geometries that need not have the shape of 6.12 and
 * trees beside which nobody reads. All nodes of the paths belong to the tree.
 */

/**
 * Makes room in a full leaf, and in the full nodes above it, by cutting each in two. The content stays
 * as it is.
 *
 * @param path to the leaf; afterwards its nodes and offsets are no longer right
 * @param offset the slot of the leaf where there must be room
 * @param mayCutBehind whether the leaf may be cut behind that slot
 */
export function splitInPlace<K extends Key, V>(
  tree: MapleTree<K, V>,
  path: Path<K, V>,
  offset: number,
  mayCutBehind: boolean,
): void {
  const { counters, height, nodes } = tree;
  counters.requested += 2 * height + 1;
  path.offsets[path.level] = offset;
  let level = path.level;
  while (level > 0 && path.node(level - 1).end + 1 === nodes.internalSlots) level--;
  if (level === 0) {
    growUpward(tree, path);
    level = 1;
  }
  for (; level <= path.level; level++)
    splitChild(tree, path, level, level === path.level && !mayCutBehind);
  forgetPlace(tree);
}

/** Puts a new root with one child above the root. */
function growUpward<K extends Key, V>(tree: MapleTree<K, V>, path: Path<K, V>): void {
  const { nodes } = tree;
  const child = path.node(0);
  const root = nodes.newInternal(tree.owner);
  nodes.setPivot(root, 0, tree.keys.max);
  root.children[0] = child;
  // A gap over the whole domain has no number, and a leaf of one slot is never split.
  if (nodes.hasGaps) nodes.setGap(root, 0, gapOf(child, tree.keys.zero, tree));
  count(tree);
  tree.setRoot(root, tree.height + 1);
  path.nodes.unshift(root);
  path.offsets.unshift(0);
  path.level++;
}

function count<K extends Key, V>(tree: MapleTree<K, V>): void {
  tree.counters.used++;
  tree.nodeCount++;
}

/** Cuts the node of a level in two; its parent has room. The path then leads to the half it led to. */
function splitChild<K extends Key, V>(
  tree: MapleTree<K, V>,
  path: Path<K, V>,
  level: number,
  avoidsSlot: boolean,
): void {
  const { nodes } = tree;
  const parent = path.node(level - 1);
  const at = path.offset(level - 1);
  const node = path.node(level);
  const offset = path.offset(level);
  const appends = offset === node.end && maxOf(node) === tree.keys.max;
  const cut = appends ? lastCut(node) : cutOf(node, (node.end >> 1) - 1, avoidsSlot ? offset : -1);
  const right = node.leaf ? nodes.newLeaf(tree.owner) : nodes.newInternal(tree.owner);
  moveBehind(node, cut, right);
  tree.counters.splits++;
  count(tree);

  shiftSlots(parent, at + 1, 1);
  parent.children[at + 1] = right;
  copyPivot(parent, at, parent, at + 1);
  copyPivot(node, node.end, parent, at);
  if (nodes.hasGaps) {
    // No run of nulls was cut: the larger of the two gaps is the one that was.
    if (!node.leaf) findGapSlot(node, 0);
    if (!node.leaf) findGapSlot(right, 0);
    noteGaps(tree, path, level - 1, at);
  }
  if (offset <= cut) return;
  path.set(level, right, offset - cut - 1);
  path.offsets[level - 1] = at + 1;
}

/** A cut near a wish, but not behind a null slot of a leaf and not behind the slot to avoid. */
function cutOf<K extends Key, V>(node: MapleNode<K, V>, wish: number, avoid: number): number {
  let cut = wish;
  while (cut === avoid || (node.leaf && entryAt(node, cut) === null)) cut++;
  return cut;
}

/** Where to cut the last node of its level, when what follows will go behind it. */
function lastCut<K extends Key, V>(node: MapleNode<K, V>): number {
  const cut = node.end - 1;
  return node.leaf && entryAt(node, cut) === null ? cut - 1 : cut;
}

/** Sets what a parent knows of the gaps of two neighbours. */
function noteGaps<K extends Key, V>(
  tree: MapleTree<K, V>,
  path: Path<K, V>,
  level: number,
  at: number,
): void {
  const { keys, nodes } = tree;
  const parent = path.node(level);
  const left = childAt(parent, at);
  const right = childAt(parent, at + 1);
  let min = path.minAt(level, keys);
  if (at > 0) min = keys.next(maxOf(childAt(parent, at - 1)));
  nodes.setGap(parent, at, gapOf(left, min, tree));
  nodes.setGap(parent, at + 1, gapOf(right, keys.next(maxOf(left)), tree));
  findGapSlot(parent, 0);
}

/** Copies an upper bound. */
export function copyPivot<K extends Key, V>(
  source: MapleNode<K, V>,
  from: number,
  target: MapleNode<K, V>,
  to: number,
): void {
  target.images[to] = imageAt(source, from);
  setTail(target, to, tailAt(source, from));
}

/** Copies slots of a node to a place in another of its level. */
function copySlots<K extends Key, V>(
  source: MapleNode<K, V>,
  from: number,
  count: number,
  target: MapleNode<K, V>,
  to: number,
): void {
  copyNumbers(source.images, from, target.images, to, count);
  target.tails = copyTails(source.tails, from, count, target.tails, to);
  if (source.leaf) {
    copyPointers(source.entries, from, target.entries, to, count);
    return;
  }
  copyPointers(source.children, from, target.children, to, count);
  if (source.gaps.length === 0) return;
  copyNumbers(source.gaps, from, target.gaps, to, count);
  target.gapTails = copyTails(source.gapTails, from, count, target.gapTails, to);
}

function copyTails(
  source: number[],
  from: number,
  count: number,
  target: number[],
  to: number,
): number[] {
  if (source === NO_TAILS && target === NO_TAILS) return target;
  const tails = target === NO_TAILS ? NO_TAILS.slice() : target;
  copyNumbers(source, from, tails, to, count);
  return tails;
}

/** Moves the slots behind a cut to an empty node. */
function moveBehind<K extends Key, V>(
  node: MapleNode<K, V>,
  cut: number,
  right: MapleNode<K, V>,
): void {
  copySlots(node, cut + 1, node.end - cut, right, 0);
  right.end = node.end - cut - 1;
  truncate(node, cut);
}

/** Ends a node at a slot and lets go what was behind. */
export function truncate<K extends Key, V>(node: MapleNode<K, V>, end: number): void {
  for (let offset = end + 1; offset <= node.end; offset++) {
    node.images[offset] = Infinity;
    if (node.leaf) node.entries[offset] = null;
    else node.children[offset] = null;
  }
  node.end = end;
}

/** Moves the slots of a node from one on by a distance, down where it is negative. */
export function shiftSlots<K extends Key, V>(
  node: MapleNode<K, V>,
  from: number,
  distance: number,
): void {
  const { children, end, entries, gapTails, gaps, images, leaf, tails } = node;
  const count = end - from + 1;
  moveNumbers(images, from, count, distance);
  if (tails !== NO_TAILS) moveNumbers(tails, from, count, distance);
  if (leaf) movePointers(entries, from, count, distance);
  else movePointers(children, from, count, distance);
  if (gaps.length > 0) moveNumbers(gaps, from, count, distance);
  if (gapTails !== NO_TAILS) moveNumbers(gapTails, from, count, distance);
  if (distance > 0) node.end = end + distance;
  else truncate(node, end + distance);
}

/**
 * Joins the nodes on the way to a key that have become too small with a neighbour, or evens the two
 * out; the root gives way to an only child.
 */
export function joinSmall<K extends Key, V>(
  tree: MapleTree<K, V>,
  image: number,
  tail: number,
): void {
  while (descend(tree, image, tail) !== null && joinPath(tree));
  shrinkRoot(tree);
}

/**
 * Goes up the path of the tree's place. A node without a neighbour stays; it may have one as soon as its
 * parent is joined.
 *
 * @returns whether there is such a node
 */
function joinPath<K extends Key, V>(tree: MapleTree<K, V>): boolean {
  const { path } = tree.work.place;
  let isLonely = false;
  let hasJoined = false;
  let hasJoinedAbove = false;
  for (let level = path.level; level > 0; level--) {
    const parent = path.node(level - 1);
    let at = path.offset(level - 1);
    let node = path.node(level);
    const minEnd = tree.nodes.minEndOf(node.leaf);
    while (node.end < minEnd && parent.end > 0) {
      at = withSmallerNeighbour(parent, at);
      evenOut(tree, path, level - 1, at);
      node = childAt(parent, at);
      hasJoined = true;
      hasJoinedAbove = isLonely;
    }
    if (node.end < minEnd) isLonely = true;
  }
  if (hasJoined) forgetPlace(tree);
  return hasJoinedAbove;
}

/**
 * Of a child and the smaller of its neighbours, the offset of the left one: the fewer slots move, and the
 * more often two nodes become one.
 */
function withSmallerNeighbour<K extends Key, V>(parent: MapleNode<K, V>, at: number): number {
  if (at === 0) return 0;
  if (at === parent.end) return at - 1;
  return childAt(parent, at - 1).end < childAt(parent, at + 1).end ? at - 1 : at;
}

/** Lets the only child of the root take its place. */
function shrinkRoot<K extends Key, V>(tree: MapleTree<K, V>): void {
  let { root, height } = tree;
  while (root !== null && !root.leaf && root.end === 0) {
    root = childAt(root, 0);
    height--;
    tree.nodeCount--;
    tree.counters.freed++;
  }
  if (root === tree.root) return;
  tree.setRoot(root, height);
  forgetPlace(tree);
}

/** Joins two neighbouring children, or moves slots from the larger to the smaller. */
function evenOut<K extends Key, V>(
  tree: MapleTree<K, V>,
  path: Path<K, V>,
  level: number,
  at: number,
): void {
  const { nodes } = tree;
  const parent = path.node(level);
  const left = ownChild(tree, parent, at);
  const right = ownChild(tree, parent, at + 1);
  const slots = nodes.slotsOf(left.leaf);
  const total = left.end + right.end + 2;
  tree.counters.pulls++;
  if (total <= slots - (slots >> 2)) {
    copySlots(right, 0, right.end + 1, left, left.end + 1);
    left.end = total - 1;
    copyPivot(left, left.end, parent, at);
    shiftSlots(parent, at + 2, -1);
    tree.nodeCount--;
    tree.counters.freed++;
    if (!nodes.hasGaps) return;
    if (!left.leaf) findGapSlot(left, 0);
    const { keys } = tree;
    const min = at > 0 ? keys.next(maxOf(childAt(parent, at - 1))) : path.minAt(level, keys);
    nodes.setGap(parent, at, gapOf(left, min, tree));
    findGapSlot(parent, 0);
    return;
  }
  const half = total >> 1;
  if (left.end >= half) {
    const cut = cutOf(left, half - 1, -1);
    const moved = left.end - cut;
    shiftSlots(right, 0, moved);
    copySlots(left, cut + 1, moved, right, 0);
    truncate(left, cut);
  } else {
    const cut = cutOf(right, half - left.end - 2, -1);
    copySlots(right, 0, cut + 1, left, left.end + 1);
    left.end += cut + 1;
    shiftSlots(right, cut + 1, -cut - 1);
  }
  copyPivot(left, left.end, parent, at);
  if (!nodes.hasGaps) return;
  if (!left.leaf) findGapSlot(left, 0);
  if (!left.leaf) findGapSlot(right, 0);
  noteGaps(tree, path, level, at);
}
