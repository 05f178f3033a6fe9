// SPDX-License-Identifier: MIT
import type { Geometry } from './geometry.ts';
import type { Key, KeyMode } from './key.ts';

/**
 * Who may edit a node in place: a token, compared by identity. A tree has one; snapshot() gives both
 * trees a new one, after which every node they share belongs to neither.
 */
export type Owner = Readonly<Record<never, never>>;

/** A token unlike every other. */
export function newOwner(): Owner {
  return {};
}

/** In the tree. */
export const LIVE = 0;
/** Replaced; readers that hold it must start again. The kernel makes the node its own parent. */
export const DEAD = 1;
/** Its grace period is over. Nobody may touch it. */
export const FREED = 2;
export type NodeState = typeof LIVE | typeof DEAD | typeof FREED;

/**
 * A node: `end + 1` slots, of which slot i covers the indices after the pivot of slot i-1 up to and
 * including its own. Unlike the kernel, the pivot of the last slot is always stored.
 *
 * Mirrors struct maple_range_64 and maple_arange_64, include/linux/maple_tree.h, Linux 6.12. There
 * is no parent pointer, since snapshots share nodes: a cursor keeps its path in place of it.
 */
export class MapleNode<K extends Key, V> {
  owner: Owner;
  state: NodeState;
  readonly leaf: boolean;
  /** Offset of the last used slot. */
  end: number;
  /** Offset of a slot with the largest gap. Only with gaps. */
  gapSlot: number;
  /** Inclusive upper bound of each slot. */
  readonly pivots: K[];
  /** The pivots' images; the same array where images are exact. */
  readonly images: number[];
  /** A leaf's entries; null is "nothing stored". Empty in an internal node. */
  readonly entries: (V | null)[];
  /** An internal node's children. Empty in a leaf. */
  readonly children: (MapleNode<K, V> | null)[];
  /** Longest run of null indices below each child. Empty without ALLOC_RANGE and in leaves. */
  readonly gaps: K[];

  constructor(
    owner: Owner,
    leaf: boolean,
    pivots: K[],
    images: number[],
    entries: (V | null)[],
    children: (MapleNode<K, V> | null)[],
    gaps: K[],
  ) {
    this.owner = owner;
    this.state = LIVE;
    this.leaf = leaf;
    this.end = 0;
    this.gapSlot = 0;
    this.pivots = pivots;
    this.images = images;
    this.entries = entries;
    this.children = children;
    this.gaps = gaps;
  }
}

/*
 * Slot access. Each assertion states one invariant: an offset that the tree works with is at most
 * the node's END, and every slot up to END is filled (I1, I4). A check would cost 8 % of a load.
 */

/** Upper bound of a slot. `offset <= node.end`. */
export function pivotAt<K extends Key, V>(node: MapleNode<K, V>, offset: number): K {
  return node.pivots[offset]!; // eslint-disable-line @typescript-eslint/no-non-null-assertion -- offset <= END
}

/** Entry of a leaf's slot. `offset <= node.end`. */
export function entryAt<K extends Key, V>(node: MapleNode<K, V>, offset: number): V | null {
  return node.entries[offset]!; // eslint-disable-line @typescript-eslint/no-non-null-assertion -- offset <= END
}

/** Child of an internal node's slot. `offset <= node.end`. */
export function childAt<K extends Key, V>(node: MapleNode<K, V>, offset: number): MapleNode<K, V> {
  return node.children[offset]!; // eslint-disable-line @typescript-eslint/no-non-null-assertion -- offset <= END, I4
}

/** Largest gap below a child. `offset <= node.end`, and the tree keeps gaps. */
export function gapAt<K extends Key, V>(node: MapleNode<K, V>, offset: number): K {
  return node.gaps[offset]!; // eslint-disable-line @typescript-eslint/no-non-null-assertion -- offset <= END
}

/** Upper bound of a node. */
export function maxOf<K extends Key, V>(node: MapleNode<K, V>): K {
  return pivotAt(node, node.end);
}

/**
 * Offset of the slot that covers `index`, which the caller knows to be at most the node's maximum:
 * the last pivot ends the search.
 *
 * @param image the index's image
 */
export function slotOf<K extends Key, V>(node: MapleNode<K, V>, index: K, image: number): number {
  const images = node.images;
  let offset = 0;
  // One after the other: up to 32 slots that costs less than the wrong guesses of a binary search.
  // eslint-disable-next-line @typescript-eslint/no-non-null-assertion -- the last pivot is >= index
  while (images[offset]! < image) offset++;
  // Distinct keys may share an image: then, and only then, the keys decide.
  while (images[offset] === image && pivotAt(node, offset) < index) offset++;
  return offset;
}

/** Makes and copies the nodes of one kind of tree. */
export class NodeFactory<K extends Key, V> {
  readonly keys: KeyMode<K>;
  readonly geometry: Geometry;
  readonly hasGaps: boolean;
  /** Slots and smallest END of an internal node. */
  readonly internalSlots: number;
  readonly internalMin: number;

  readonly #leafPivots: K[];
  readonly #leafImages: number[];
  readonly #leafEntries: (V | null)[];
  readonly #internalPivots: K[];
  readonly #internalImages: number[];
  readonly #internalChildren: (MapleNode<K, V> | null)[];
  readonly #internalGaps: K[];
  readonly #noEntries: (V | null)[] = [];
  readonly #noChildren: (MapleNode<K, V> | null)[] = [];
  readonly #noGaps: K[] = [];

  constructor(keys: KeyMode<K>, geometry: Geometry, hasGaps: boolean) {
    this.keys = keys;
    this.geometry = geometry;
    this.hasGaps = hasGaps;
    this.internalSlots = hasGaps ? geometry.arangeSlots : geometry.rangeSlots;
    this.internalMin = hasGaps ? geometry.arangeMin : geometry.rangeMin;
    this.#leafPivots = keys.newKeys(geometry.leafSlots);
    this.#leafImages = new Array<number>(geometry.leafSlots).fill(0.5);
    this.#leafEntries = new Array<V | null>(geometry.leafSlots).fill(null);
    this.#internalPivots = keys.newKeys(this.internalSlots);
    this.#internalImages = new Array<number>(this.internalSlots).fill(0.5);
    this.#internalChildren = new Array<MapleNode<K, V> | null>(this.internalSlots).fill(null);
    this.#internalGaps = hasGaps ? keys.newKeys(this.internalSlots) : this.#noGaps;
  }

  slotsOf(leaf: boolean): number {
    return leaf ? this.geometry.leafSlots : this.internalSlots;
  }

  minEndOf(leaf: boolean): number {
    return leaf ? this.geometry.leafMin : this.internalMin;
  }

  /** An empty leaf. Copying a template is the fastest way to an array of known representation. */
  newLeaf(owner: Owner): MapleNode<K, V> {
    const pivots = this.#leafPivots.slice();
    return new MapleNode(
      owner,
      true,
      pivots,
      imagesOf(this.keys, pivots, this.#leafImages),
      this.#leafEntries.slice(),
      this.#noChildren,
      this.#noGaps,
    );
  }

  /** An empty internal node. */
  newInternal(owner: Owner): MapleNode<K, V> {
    const pivots = this.#internalPivots.slice();
    return new MapleNode(
      owner,
      false,
      pivots,
      imagesOf(this.keys, pivots, this.#internalImages),
      this.#noEntries,
      this.#internalChildren.slice(),
      this.hasGaps ? this.#internalGaps.slice() : this.#noGaps,
    );
  }

  /** The same slots under another owner. */
  clone(node: MapleNode<K, V>, owner: Owner): MapleNode<K, V> {
    const pivots = node.pivots.slice();
    const copy = new MapleNode(
      owner,
      node.leaf,
      pivots,
      imagesOf(this.keys, pivots, node.images),
      node.leaf ? node.entries.slice() : this.#noEntries,
      node.leaf ? this.#noChildren : node.children.slice(),
      node.leaf || !this.hasGaps ? this.#noGaps : node.gaps.slice(),
    );
    copy.end = node.end;
    copy.gapSlot = node.gapSlot;
    return copy;
  }

  /** Sets the images of a node's first pivots. */
  imageAll(node: MapleNode<K, V>, count: number): void {
    if (this.keys.exactImages) return;
    for (let offset = 0; offset < count; offset++) {
      node.images[offset] = this.keys.image(pivotAt(node, offset));
    }
  }

  /** Sets a slot's upper bound and its image. */
  setPivot(node: MapleNode<K, V>, offset: number, pivot: K): void {
    node.pivots[offset] = pivot;
    if (!this.keys.exactImages) node.images[offset] = this.keys.image(pivot);
  }
}

/** In the modes whose keys are numbers a pivot is its own image, so one array serves as both. */
function imagesOf<K extends Key>(keys: KeyMode<K>, pivots: K[], template: number[]): number[] {
  return keys.exactImages && isNumbers(pivots) ? pivots : template.slice();
}

function isNumbers(values: readonly Key[]): values is number[] {
  return typeof values[0] === 'number';
}
