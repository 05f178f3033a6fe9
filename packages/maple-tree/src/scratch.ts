// SPDX-License-Identifier: MIT
import { imageAt, NO_TAILS, tailAt, type MapleNode, type NodeFactory, type Owner } from './node.ts';
import type { Key } from './key.ts';
import { copyNumbers, copyPointers, moveNumbers, movePointers } from './slots.ts';

/**
 * A node of unlimited size, in which a store that does not fit is laid out before it is cut into
 * nodes. Mirrors struct maple_big_node, lib/maple_tree.c, Linux 6.12.
 */
export class Scratch<K extends Key, V> {
  readonly #factory: NodeFactory<K, V>;
  leaf = true;
  /** Offset of the last slot; -1 when empty. */
  end = -1;
  readonly #images: number[];
  readonly #tails: number[];
  readonly #entries: (V | null)[];
  readonly #children: (MapleNode<K, V> | null)[];
  readonly #gaps: number[];
  readonly #gapTails: number[];

  constructor(factory: NodeFactory<K, V>) {
    // Two nodes and one more slot each is the most that any store lays out.
    const capacity = 2 * Math.max(factory.slotsOf(true), factory.slotsOf(false)) + 2;
    this.#factory = factory;
    this.#images = Array.from({ length: capacity }, () => 0.5);
    this.#tails = Array.from({ length: capacity }, () => 0);
    this.#entries = Array.from({ length: capacity }, () => null);
    this.#children = Array.from({ length: capacity }, () => null);
    this.#gaps = this.#images.slice();
    this.#gapTails = this.#tails.slice();
  }

  /** Empties the scratch, whose slots must not keep nodes or entries alive. */
  clear(leaf: boolean): void {
    const slots: (V | MapleNode<K, V> | null)[] = this.leaf ? this.#entries : this.#children;
    for (let offset = this.end; offset >= 0; offset--) slots[offset] = null;
    this.leaf = leaf;
    this.end = -1;
  }

  addEntry(pivot: K, entry: V | null): void {
    const { keys } = this.#factory;
    this.end++;
    this.#images[this.end] = keys.image(pivot);
    this.#tails[this.end] = keys.tail(pivot);
    this.#entries[this.end] = entry;
  }

  /** @param gap the child's largest gap; any key where the tree keeps none */
  addChild(child: MapleNode<K, V>, gap: K): void {
    const { keys } = this.#factory;
    this.end++;
    this.#images[this.end] = imageAt(child, child.end);
    this.#tails[this.end] = tailAt(child, child.end);
    this.#children[this.end] = child;
    this.#gaps[this.end] = keys.image(gap);
    this.#gapTails[this.end] = keys.tail(gap);
  }

  /** Adds slots `from` to `to` of a node of this level. */
  addSlots(node: MapleNode<K, V>, from: number, to: number): void {
    this.#put(node, from, this.end + 1, to - from + 1);
    this.end += Math.max(0, to - from + 1);
  }

  /** Puts all slots of a node of this level in front. */
  prepend(node: MapleNode<K, V>): void {
    const count = node.end + 1;
    const moved = this.end + 1;
    moveNumbers(this.#images, 0, moved, count);
    moveNumbers(this.#tails, 0, moved, count);
    if (this.leaf) movePointers(this.#entries, 0, moved, count);
    else {
      movePointers(this.#children, 0, moved, count);
      moveNumbers(this.#gaps, 0, moved, count);
      moveNumbers(this.#gapTails, 0, moved, count);
    }
    this.#put(node, 0, 0, count);
    this.end = moved + count - 1;
  }

  #put(node: MapleNode<K, V>, from: number, to: number, count: number): void {
    copyNumbers(node.images, from, this.#images, to, count);
    copyNumbers(node.tails, from, this.#tails, to, count);
    if (this.leaf) copyPointers(node.entries, from, this.#entries, to, count);
    else {
      copyPointers(node.children, from, this.#children, to, count);
      if (!this.#factory.hasGaps) return;
      copyNumbers(node.gaps, from, this.#gaps, to, count);
      copyNumbers(node.gapTails, from, this.#gapTails, to, count);
    }
  }

  /** Whether a leaf's slot holds nothing. */
  isNull(offset: number): boolean {
    return this.leaf && this.#entries[offset] === null;
  }

  /** A new node from slots `from` to `to`. */
  build(owner: Owner, from: number, to: number): MapleNode<K, V> {
    const factory = this.#factory;
    const node = this.leaf ? factory.newLeaf(owner) : factory.newInternal(owner);
    const count = to - from + 1;
    copyNumbers(this.#images, from, node.images, 0, count);
    if (this.#hasTails(this.#tails, from, to)) {
      node.tails = NO_TAILS.slice();
      copyNumbers(this.#tails, from, node.tails, 0, count);
    }
    if (this.leaf) copyPointers(this.#entries, from, node.entries, 0, count);
    else {
      copyPointers(this.#children, from, node.children, 0, count);
      if (factory.hasGaps) this.#buildGaps(node, from, to);
    }
    node.end = to - from;
    return node;
  }

  #buildGaps(node: MapleNode<K, V>, from: number, to: number): void {
    const count = to - from + 1;
    copyNumbers(this.#gaps, from, node.gaps, 0, count);
    if (!this.#hasTails(this.#gapTails, from, to)) return;
    node.gapTails = NO_TAILS.slice();
    copyNumbers(this.#gapTails, from, node.gapTails, 0, count);
  }

  #hasTails(tails: readonly number[], from: number, to: number): boolean {
    for (let offset = from; offset <= to; offset++) if (tails[offset] !== 0) return true;
    return false;
  }
}
