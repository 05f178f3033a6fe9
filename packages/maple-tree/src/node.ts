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

/** The most slots that a node may have. */
export const MOST_SLOTS = 64;

/**
 * Tails of a node whose tails are all 0, which every key below 2^53 has. Nobody writes to it: the first
 * other tail gets the node an array of its own.
 */
export const NO_TAILS: number[] = Array.from({ length: MOST_SLOTS }, () => 0);

/**
 * A node: `end + 1` slots, of which slot i covers the indices after the pivot of slot i-1 up to and
 * including its own. Unlike the kernel, the pivot of the last slot is always stored.
 *
 * Mirrors struct maple_range_64 and maple_arange_64, include/linux/maple_tree.h, Linux 6.12. There
 * is no parent pointer, since snapshots share nodes: a cursor keeps its path in place of it.
 */
export class MapleNode<K extends Key, V> {
  // Declared, not defined, for the reason that Cursor gives.
  declare owner: Owner;
  declare state: NodeState;
  declare readonly leaf: boolean;
  /** Offset of the last used slot. */
  declare end: number;
  /** Offset of a slot with the largest gap. Only with gaps. */
  declare gapSlot: number;
  declare readonly keys: KeyMode<K>;
  /** Inclusive upper bound of each slot: its image, see `KeyMode.keyOf`. */
  declare readonly images: number[];
  /** The tails of the same; {@link NO_TAILS} while all are 0. */
  declare tails: number[];
  /** A leaf's entries; null is "nothing stored". Empty in an internal node. */
  declare readonly entries: (V | null)[];
  /** An internal node's children. Empty in a leaf. */
  declare readonly children: (MapleNode<K, V> | null)[];
  /** Longest run of null indices below each child, as images. Empty without ALLOC_RANGE, in leaves. */
  declare readonly gaps: number[];
  declare gapTails: number[];

  constructor(
    owner: Owner,
    leaf: boolean,
    keys: KeyMode<K>,
    images: number[],
    entries: (V | null)[],
    children: (MapleNode<K, V> | null)[],
    gaps: number[],
  ) {
    this.owner = owner;
    this.state = LIVE;
    this.leaf = leaf;
    this.end = 0;
    this.gapSlot = 0;
    this.keys = keys;
    this.images = images;
    this.tails = NO_TAILS;
    this.entries = entries;
    this.children = children;
    this.gaps = gaps;
    this.gapTails = NO_TAILS;
  }

  /** Inclusive upper bounds of all slots, as keys: for those who look at a tree. */
  get pivots(): readonly K[] {
    return Array.from({ length: this.end + 1 }, (_, offset) => pivotAt(this, offset));
  }
}

/*
 * Slot access. Each assertion states one invariant: an offset that the tree works with is at most
 * the node's END, and every slot up to END is filled (I1, I4). A check would cost 8 % of a load.
 */

/** Image of a slot's upper bound. `offset <= node.end`. */
export function imageAt<K extends Key, V>(node: MapleNode<K, V>, offset: number): number {
  return node.images[offset]!; // eslint-disable-line @typescript-eslint/no-non-null-assertion -- offset <= END
}

/** Tail of a slot's upper bound. `offset <= node.end`. */
export function tailAt<K extends Key, V>(node: MapleNode<K, V>, offset: number): number {
  return node.tails[offset]!; // eslint-disable-line @typescript-eslint/no-non-null-assertion -- offset <= END
}

/** Upper bound of a slot. `offset <= node.end`. */
export function pivotAt<K extends Key, V>(node: MapleNode<K, V>, offset: number): K {
  return node.keys.keyOf(imageAt(node, offset), tailAt(node, offset));
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
  return node.keys.keyOf(gapImage(node, offset), gapTail(node, offset));
}

/** Image of the largest gap below a child. */
export function gapImage<K extends Key, V>(node: MapleNode<K, V>, offset: number): number {
  return node.gaps[offset]!; // eslint-disable-line @typescript-eslint/no-non-null-assertion -- offset <= END
}

/** Tail of the largest gap below a child. */
export function gapTail<K extends Key, V>(node: MapleNode<K, V>, offset: number): number {
  return node.gapTails[offset]!; // eslint-disable-line @typescript-eslint/no-non-null-assertion -- offset <= END
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
 * @param tail the index's tail
 */
export function slotOf<K extends Key, V>(
  node: MapleNode<K, V>,
  image: number,
  tail: number,
): number {
  const offset = countBelow(node.images, image);
  return node.images[offset] === image ? slotOfTail(node, offset, image, tail) : offset;
}

/** Keys from 2^53 on may share an image: then, and only then, the tails decide. */
function slotOfTail<K extends Key, V>(
  node: MapleNode<K, V>,
  from: number,
  image: number,
  tail: number,
): number {
  let offset = from;
  while (node.images[offset] === image && tailAt(node, offset) < tail) offset++;
  return offset;
}

/*
 * How many images are below one: every eighth first, then those between. Comparisons are added up in
 * place of branched on, since each branch on random keys is a wrong guess half of the time; that and
 * the independence of the loads make a load take half the time of a loop. Slots behind END hold
 * Infinity, and the length of the array is a multiple of eight.
 */
/* eslint-disable @typescript-eslint/no-non-null-assertion -- below the length of the array */
function countBelow(images: readonly number[], image: number): number {
  let from = 0;
  if (images.length === MOST_SLOTS) {
    from =
      (+(images[7]! < image) +
        +(images[15]! < image) +
        +(images[23]! < image) +
        +(images[31]! < image) +
        +(images[39]! < image) +
        +(images[47]! < image) +
        +(images[55]! < image)) <<
      3;
  } else {
    while (images[from + 7]! < image) from += 8;
  }
  return (
    from +
    +(images[from]! < image) +
    +(images[from + 1]! < image) +
    +(images[from + 2]! < image) +
    +(images[from + 3]! < image) +
    +(images[from + 4]! < image) +
    +(images[from + 5]! < image) +
    +(images[from + 6]! < image)
  );
}
/* eslint-enable @typescript-eslint/no-non-null-assertion */

/** Makes and copies the nodes of one kind of tree. */
export class NodeFactory<K extends Key, V> {
  readonly keys: KeyMode<K>;
  readonly geometry: Geometry;
  readonly hasGaps: boolean;
  /** Slots and smallest END of an internal node. */
  readonly internalSlots: number;
  readonly internalMin: number;
  /** The last key of the domain as a pair; see `KeyMode.keyOf`. */
  readonly maxImage: number;
  readonly maxTail: number;

  readonly #leafImages: readonly number[];
  readonly #leafEntries: readonly (V | null)[];
  readonly #internalImages: readonly number[];
  readonly #internalChildren: readonly (MapleNode<K, V> | null)[];
  readonly #noEntries: (V | null)[] = [];
  readonly #noChildren: (MapleNode<K, V> | null)[] = [];
  readonly #noGaps: number[] = [];

  constructor(keys: KeyMode<K>, geometry: Geometry, hasGaps: boolean) {
    this.keys = keys;
    this.geometry = geometry;
    this.hasGaps = hasGaps;
    this.internalSlots = hasGaps ? geometry.arangeSlots : geometry.rangeSlots;
    this.internalMin = hasGaps ? geometry.arangeMin : geometry.rangeMin;
    this.maxImage = keys.image(keys.max);
    this.maxTail = keys.tail(keys.max);
    this.#leafImages = noImages(geometry.leafSlots);
    this.#leafEntries = Array.from({ length: geometry.leafSlots }, () => null);
    this.#internalImages = noImages(this.internalSlots);
    this.#internalChildren = Array.from({ length: this.internalSlots }, () => null);
  }

  slotsOf(leaf: boolean): number {
    return leaf ? this.geometry.leafSlots : this.internalSlots;
  }

  minEndOf(leaf: boolean): number {
    return leaf ? this.geometry.leafMin : this.internalMin;
  }

  /** An empty leaf. Copying a template is the fastest way to an array of known representation. */
  newLeaf(owner: Owner): MapleNode<K, V> {
    return new MapleNode(
      owner,
      true,
      this.keys,
      this.#leafImages.slice(),
      this.#leafEntries.slice(),
      this.#noChildren,
      this.#noGaps,
    );
  }

  /** An empty internal node. */
  newInternal(owner: Owner): MapleNode<K, V> {
    return new MapleNode(
      owner,
      false,
      this.keys,
      this.#internalImages.slice(),
      this.#noEntries,
      this.#internalChildren.slice(),
      this.hasGaps ? this.#internalImages.slice() : this.#noGaps,
    );
  }

  /** The same slots under another owner. */
  clone(node: MapleNode<K, V>, owner: Owner): MapleNode<K, V> {
    const copy = new MapleNode(
      owner,
      node.leaf,
      this.keys,
      node.images.slice(),
      node.leaf ? node.entries.slice() : this.#noEntries,
      node.leaf ? this.#noChildren : node.children.slice(),
      node.leaf || !this.hasGaps ? this.#noGaps : node.gaps.slice(),
    );
    if (node.tails !== NO_TAILS) copy.tails = node.tails.slice();
    if (node.gapTails !== NO_TAILS) copy.gapTails = node.gapTails.slice();
    copy.end = node.end;
    copy.gapSlot = node.gapSlot;
    return copy;
  }

  /** Sets a slot's upper bound. */
  setPivot(node: MapleNode<K, V>, offset: number, pivot: K): void {
    node.images[offset] = this.keys.image(pivot);
    setTail(node, offset, this.keys.tail(pivot));
  }

  /** Sets the largest gap below a child. */
  setGap(node: MapleNode<K, V>, offset: number, gap: K): void {
    setGapPair(node, offset, this.keys.image(gap), this.keys.tail(gap));
  }
}

/** Sets the largest gap below a child, as a pair. */
export function setGapPair<K extends Key, V>(
  node: MapleNode<K, V>,
  offset: number,
  image: number,
  tail: number,
): void {
  node.gaps[offset] = image;
  if (node.gapTails === NO_TAILS) {
    if (tail === 0) return;
    node.gapTails = NO_TAILS.slice();
  }
  node.gapTails[offset] = tail;
}

/** Sets the tail of a slot's upper bound. */
export function setTail<K extends Key, V>(
  node: MapleNode<K, V>,
  offset: number,
  tail: number,
): void {
  if (node.tails === NO_TAILS) {
    if (tail === 0) return;
    node.tails = NO_TAILS.slice();
  }
  node.tails[offset] = tail;
}

/** A template for the images of nodes: unboxed doubles, and nothing below {@link countBelow}'s end. */
function noImages(slots: number): number[] {
  return Array.from({ length: (slots + 7) & ~7 }, () => Infinity);
}
