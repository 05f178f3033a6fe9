// SPDX-License-Identifier: MIT
import type {
  Cursor,
  Found,
  MapleTree,
  NodeDump,
  Rules,
  Statistics,
} from '@kernel-models/maple-tree';
import type { Vma } from './vma.ts';

/*
 * Each state of an address space has a tree of its own, yet a history mostly goes on from its last
 * state. So a state hands its maple tree on to the next one, which edits it in place, and remembers
 * how to get back to it: by the edits since the last state that kept a snapshot. Where a history
 * branches, that is done. Against a snapshot for every state this takes two thirds of the time and a
 * fifth of the memory.
 */

/** How many states follow on a kept tree before the next one is kept. */
const KEPT_EVERY = 32;

/** One store that led to a version of the tree. */
interface Edit {
  readonly first: number;
  readonly last: number;
  readonly vma: Vma | null;
  /** The edit before it. */
  readonly before: Edit | null;
}

/**
 * The VMAs of one state by address: the key range of an entry is [start, end - 1]. To those who hold
 * a state it is immutable; an operation writes to the version that {@link next} gave it, and to no
 * other.
 */
export class VmaTree {
  /** Null where a later version has it. */
  #maple: MapleTree<number, Vma> | null;
  /** The version that this one was made from; null where this one keeps its tree for good. */
  #older: VmaTree | null;
  /** What makes it out of the older one, the latest first. */
  #edits: Edit | null = null;
  /** How many versions lie between the last one that keeps its tree and this one. */
  #distance: number;

  private constructor(maple: MapleTree<number, Vma>, older: VmaTree | null, distance: number) {
    this.#maple = maple;
    this.#older = older;
    this.#distance = distance;
  }

  /** A first version. */
  static of(maple: MapleTree<number, Vma>): VmaTree {
    return new VmaTree(maple, null, 0);
  }

  /**
   * The maple tree itself, for those who look at its nodes. It is this version's until an operation
   * is applied to the state; nobody but that operation may write to it.
   */
  get maple(): MapleTree<number, Vma> {
    return this.#maple ?? this.#rebuild();
  }

  /**
   * A version to write to. Its statistics begin at 0.
   *
   * @param handsOn whether it may take the tree of this one; else it gets a snapshot
   * @param rules what the snapshot's tree follows; by default what this one does
   */
  next(handsOn: boolean, rules?: Rules): VmaTree {
    const { maple } = this;
    if (handsOn && this.#older !== null && this.#distance < KEPT_EVERY) {
      this.#maple = null;
      maple.resetStatistics();
      return new VmaTree(maple, this, this.#distance + 1);
    }
    this.#keep(maple);
    return new VmaTree(maple.snapshot(rules === undefined ? {} : { rules }), this, 1);
  }

  /**
   * Stores a VMA, or nothing, over [first, last]. Only on a version that an operation still writes to.
   *
   * @returns 0, or a negative errno where the tree got no memory, which leaves it as it was
   */
  storeRange(first: number, last: number, vma: Vma | null): number {
    const code = this.maple.storeRange(first, last, vma);
    if (code >= 0) this.#edits = { first, last, vma, before: this.#edits };
    return code;
  }

  /** The first VMA that ends behind `address` and starts at or before `max`: mt_find(). */
  find(address: number, max?: number): Found<number, Vma> | null {
    return this.maple.find(address, max);
  }

  /** The VMA that holds an address: mtree_load(). */
  load(address: number): Vma | null {
    return this.maple.load(address);
  }

  /** The VMA below the range that holds `address`, ending at or after `min`: mt_prev(). */
  prev(address: number, min?: number): Vma | null {
    return this.maple.prev(address, min);
  }

  /** A cursor to read with: MA_STATE(). */
  cursor(): Cursor<number, Vma> {
    return this.maple.cursor();
  }

  /** @throws InvariantError where the tree is not well-formed */
  validate(): void {
    this.maple.validate();
  }

  /** The nodes as plain data; null for a tree without nodes. */
  dumpNodes(): NodeDump<number, Vma> | null {
    return this.maple.dumpNodes();
  }

  /** What the operation that made this version did to the tree. */
  statistics(): Statistics {
    return this.maple.statistics();
  }

  #keep(maple: MapleTree<number, Vma>): void {
    this.#maple = maple;
    this.#older = null;
    this.#edits = null;
    this.#distance = 0;
  }

  /** Repeats the edits since the last version that has a tree. Whoever was asked twice keeps his. */
  #rebuild(): MapleTree<number, Vma> {
    const versions: VmaTree[] = [];
    let kept: VmaTree | null = this.#older;
    for (versions.push(this); kept !== null && kept.#maple === null; kept = kept.#older) {
      versions.push(kept);
    }
    if (kept === null) throw new Error('VmaTree: expected an older version with a tree, got none');
    const maple = kept.maple.snapshot();
    for (const version of versions.reverse()) repeat(maple, version.#edits);
    this.#keep(maple);
    return maple;
  }
}

function repeat(maple: MapleTree<number, Vma>, edit: Edit | null): void {
  if (edit === null) return;
  repeat(maple, edit.before);
  maple.storeRange(edit.first, edit.last, edit.vma);
}
