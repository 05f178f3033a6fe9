// SPDX-License-Identifier: MIT
import type { Key } from './key.ts';
import { FREED, LIVE, childAt, entryAt, gapAt, maxOf, pivotAt, type MapleNode } from './node.ts';
import type { MapleTree } from './tree.ts';

/** A tree that breaks an invariant of its structure. The message names the invariant and the node. */
export class InvariantError extends Error {
  readonly invariant: string;

  constructor(invariant: string, place: string, message: string) {
    super(`${invariant} at ${place}: ${message}`);
    this.name = 'InvariantError';
    this.invariant = invariant;
  }
}

/**
 * Checks a whole tree:
 * I1 pivots ascend, and the last is the node's maximum; I2 no node but the root is too small, except
 * on the right edge; I3 each child is in its own slot, no node occurs twice, none is dead, all leaves
 * are equally deep; I4 no empty child, no two null slots in a row, no leaf but the last ends in null; I5
 * gaps are exact.
 *
 * Mirrors mt_validate() and its parts, lib/maple_tree.c, Linux 6.12.
 *
 * @throws InvariantError
 */
export function validateTree<K extends Key, V>(tree: MapleTree<K, V>): void {
  const { height, keys, nodeCount, root } = tree;
  if (root === null) {
    if (height !== 0) throw new InvariantError('I3', 'tree', `height ${height} without a node`);
    if (nodeCount !== 0)
      throw new InvariantError('I10', 'tree', `${nodeCount} nodes without a root`);
    return;
  }
  const check = new Check(tree);
  check.node(root, keys.zero, keys.max, 1, 'root');
  if (check.seen.size !== nodeCount) {
    throw new InvariantError('I10', 'tree', `${check.seen.size} nodes, but ${nodeCount} counted`);
  }
}

class Check<K extends Key, V> {
  readonly #tree: MapleTree<K, V>;
  readonly seen = new Set<MapleNode<K, V>>();
  #afterNull = false;

  constructor(tree: MapleTree<K, V>) {
    this.#tree = tree;
  }

  /** @returns the node's largest gap */
  node(node: MapleNode<K, V>, min: K, max: K, depth: number, place: string): K {
    const { height } = this.#tree;
    if (this.seen.has(node)) throw new InvariantError('I3', place, 'node occurs twice');
    this.seen.add(node);
    if (node.state !== LIVE) {
      const state = node.state === FREED ? 'freed' : 'dead';
      throw new InvariantError('I3', place, `node is ${state}`);
    }
    if (node.leaf !== (depth === height)) {
      throw new InvariantError('I3', place, `leaf ${node.leaf} at depth ${depth} of ${height}`);
    }
    this.#pivots(node, min, max, place);
    this.#size(node, max, depth, place);
    return node.leaf ? this.#leaf(node, min, max, place) : this.#children(node, min, depth, place);
  }

  #pivots(node: MapleNode<K, V>, min: K, max: K, place: string): void {
    const slots = this.#tree.nodes.slotsOf(node.leaf);
    if (node.end >= slots) {
      throw new InvariantError('I1', place, `END ${node.end} of ${slots} slots`);
    }
    if (maxOf(node) !== max) {
      throw new InvariantError('I1', place, `ends at ${maxOf(node)}, expected ${max}`);
    }
    let before: K | null = null;
    for (let offset = 0; offset <= node.end; offset++) {
      const pivot = pivotAt(node, offset);
      const ascends = before === null ? pivot >= min : pivot > before;
      if (!ascends) throw new InvariantError('I1', `${place}[${offset}]`, `pivot ${pivot}`);
      before = pivot;
    }
    for (let offset = node.end + 1; offset < slots; offset++) {
      if (node.images[offset] !== Infinity) {
        throw new InvariantError('I1', `${place}[${offset}]`, 'pivot after END');
      }
      if (node.leaf && node.entries[offset] !== null) {
        throw new InvariantError('I1', `${place}[${offset}]`, 'entry after END');
      }
    }
  }

  /** A child that ends where another slot does hangs in the wrong one. Mirrors mas_validate_parent_slot(). */
  #slotOf(node: MapleNode<K, V>, offset: number, place: string): void {
    const max = maxOf(childAt(node, offset));
    if (max === pivotAt(node, offset)) return;
    for (let other = 0; other <= node.end; other++) {
      if (max !== pivotAt(node, other)) continue;
      throw new InvariantError('I3', place, `the child of slot ${other} is in slot ${offset}`);
    }
  }

  #size(node: MapleNode<K, V>, max: K, depth: number, place: string): void {
    const minEnd = this.#tree.nodes.minEndOf(node.leaf);
    const exempt = depth === 1 || max === this.#tree.keys.max;
    if (!exempt && node.end < minEnd) {
      throw new InvariantError('I2', place, `END ${node.end}, expected at least ${minEnd}`);
    }
  }

  #leaf(node: MapleNode<K, V>, min: K, max: K, place: string): K {
    const { keys } = this.#tree;
    let longest = keys.zero;
    let first = min;
    for (let offset = 0; offset <= node.end; offset++) {
      const last = pivotAt(node, offset);
      const empty = entryAt(node, offset) === null;
      if (empty && this.#afterNull) {
        throw new InvariantError('I4', `${place}[${offset}]`, 'two null slots in a row');
      }
      this.#afterNull = empty;
      const length = keys.add(keys.distance(first, last), keys.one);
      if (empty && length > longest) longest = length;
      if (last < keys.max) first = keys.next(last);
    }
    if (this.#afterNull && max !== keys.max) {
      throw new InvariantError('I4', place, 'leaf ends in null');
    }
    return longest;
  }

  #children(node: MapleNode<K, V>, min: K, depth: number, place: string): K {
    const { allocRange, keys } = this.#tree;
    let longest = keys.zero;
    let first = min;
    for (let offset = 0; offset <= node.end; offset++) {
      const last = pivotAt(node, offset);
      const at = `${place}[${offset}]`;
      if (node.children[offset] === null) throw new InvariantError('I4', at, 'no child');
      this.#slotOf(node, offset, at);
      const gap = this.node(childAt(node, offset), first, last, depth + 1, at);
      if (allocRange && gapAt(node, offset) !== gap) {
        throw new InvariantError('I5', at, `gap ${gapAt(node, offset)}, expected ${gap}`);
      }
      if (gap > longest) longest = gap;
      if (last < keys.max) first = keys.next(last);
    }
    if (allocRange && (node.gapSlot > node.end || gapAt(node, node.gapSlot) !== longest)) {
      throw new InvariantError('I5', place, `slot ${node.gapSlot} has not the largest gap`);
    }
    return longest;
  }
}
