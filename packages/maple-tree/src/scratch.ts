// SPDX-License-Identifier: MIT
import {
  childAt,
  entryAt,
  gapAt,
  maxOf,
  pivotAt,
  type MapleNode,
  type NodeFactory,
  type Owner,
} from './node.ts';
import type { Key } from './key.ts';

/**
 * A node of unlimited size, in which a store that does not fit is laid out before it is cut into
 * nodes. Mirrors struct maple_big_node, lib/maple_tree.c, Linux 6.12.
 */
export class Scratch<K extends Key, V> {
  readonly #factory: NodeFactory<K, V>;
  leaf = true;
  /** Offset of the last slot; -1 when empty. */
  end = -1;
  readonly #pivots: K[];
  readonly #entries: (V | null)[];
  readonly #children: (MapleNode<K, V> | null)[];
  readonly #gaps: K[];

  constructor(factory: NodeFactory<K, V>) {
    const { keys } = factory;
    // Two nodes and one more slot each is the most that any store lays out.
    const capacity = 2 * Math.max(factory.slotsOf(true), factory.slotsOf(false)) + 2;
    this.#factory = factory;
    this.#pivots = keys.newKeys(capacity);
    this.#entries = new Array<V | null>(capacity).fill(null);
    this.#children = new Array<MapleNode<K, V> | null>(capacity).fill(null);
    this.#gaps = keys.newKeys(capacity);
  }

  /** Empties the scratch, whose slots must not keep nodes or entries alive. */
  clear(leaf: boolean): void {
    const slots: (V | MapleNode<K, V> | null)[] = this.leaf ? this.#entries : this.#children;
    for (let offset = this.end; offset >= 0; offset--) slots[offset] = null;
    this.leaf = leaf;
    this.end = -1;
  }

  addEntry(pivot: K, entry: V | null): void {
    this.end++;
    this.#pivots[this.end] = pivot;
    this.#entries[this.end] = entry;
  }

  /** @param gap the child's largest gap; any key where the tree keeps none */
  addChild(child: MapleNode<K, V>, gap: K): void {
    this.end++;
    this.#pivots[this.end] = maxOf(child);
    this.#children[this.end] = child;
    this.#gaps[this.end] = gap;
  }

  /** Adds slots `from` to `to` of a node of this level. */
  addSlots(node: MapleNode<K, V>, from: number, to: number): void {
    const pivots = this.#pivots;
    let at = this.end + 1;
    if (this.leaf) {
      const entries = this.#entries;
      for (let offset = from; offset <= to; offset++, at++) {
        pivots[at] = pivotAt(node, offset);
        entries[at] = entryAt(node, offset);
      }
    } else {
      const children = this.#children;
      for (let offset = from; offset <= to; offset++, at++) {
        pivots[at] = pivotAt(node, offset);
        children[at] = childAt(node, offset);
      }
      if (this.#factory.hasGaps) this.#addGaps(node, from, to);
    }
    this.end = at - 1;
  }

  #addGaps(node: MapleNode<K, V>, from: number, to: number): void {
    const shift = this.end + 1 - from;
    for (let offset = from; offset <= to; offset++)
      this.#gaps[offset + shift] = gapAt(node, offset);
  }

  /** Puts all slots of a node of this level in front. */
  prepend(node: MapleNode<K, V>): void {
    const count = node.end + 1;
    const moved = this.end + 1;
    moveKeys(this.#pivots, moved, count);
    if (this.leaf) movePointers(this.#entries, moved, count);
    else {
      movePointers(this.#children, moved, count);
      if (this.#factory.hasGaps) moveKeys(this.#gaps, moved, count);
    }
    this.end = -1;
    this.addSlots(node, 0, node.end);
    this.end = moved + count - 1;
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
    copyKeys(this.#pivots, from, node.pivots, count);
    factory.imageAll(node, count);
    if (this.leaf) copyPointers(this.#entries, from, node.entries, count);
    else {
      copyPointers(this.#children, from, node.children, count);
      if (factory.hasGaps) copyKeys(this.#gaps, from, node.gaps, count);
    }
    node.end = to - from;
    return node;
  }
}

/*
 * Plain loops: for runs this short copyWithin() and slice() cost more than they save. Every slot read
 * is one that was filled. Keys have loops of their own: a store that meets arrays of doubles and arrays
 * of pointers at the same place makes the engine turn the first into the second, which doubles the
 * memory of a tree and halves its speed.
 */

function copyKeys<K extends Key>(source: readonly K[], from: number, to: K[], count: number): void {
  for (let offset = 0; offset < count; offset++) to[offset] = source[from + offset] as K;
}

function copyPointers<Slot>(
  source: readonly Slot[],
  from: number,
  to: Slot[],
  count: number,
): void {
  for (let offset = 0; offset < count; offset++) to[offset] = source[from + offset] as Slot;
}

function moveKeys<K extends Key>(keys: K[], count: number, distance: number): void {
  for (let offset = count - 1; offset >= 0; offset--) keys[offset + distance] = keys[offset] as K;
}

function movePointers<Slot>(slots: Slot[], count: number, distance: number): void {
  for (let offset = count - 1; offset >= 0; offset--) {
    slots[offset + distance] = slots[offset] as Slot;
  }
}
