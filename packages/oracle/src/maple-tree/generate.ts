// SPDX-License-Identifier: MIT
import type { Key } from '@kernel-models/maple-tree';
import { Dice } from '../dice.ts';
import type { Case } from '../target.ts';
import type { Operation } from './operation.ts';
import { openSession, type AnySession } from './session.ts';
import { lastIndex, MACHINES, type Setup } from './setup.ts';

/** What the operations of a case are like. */
export interface Shape {
  readonly name: string;
  /** Indices below this are as likely as each other. */
  readonly spread: number;
  /** Longest short range. */
  readonly length: number;
  /** Shares of 1: ranges between two far indices, stores of null, stores in all. */
  readonly far: number;
  readonly nulls: number;
  readonly stores: number;
  /** Whether the cursor takes part. */
  readonly cursor: boolean;
  /** Ranges stored in order at the start, so that the tree is tall. */
  readonly fill?: number;
}

/**
 * Shapes that reach different corners: trees of one leaf, dense ones, tall ones, long overwrites.
 */
export const SHAPES: readonly Shape[] = [
  { name: 'small', spread: 300, length: 12, far: 0.1, nulls: 0.2, stores: 0.4, cursor: true },
  { name: 'dense', spread: 4000, length: 6, far: 0.01, nulls: 0.1, stores: 0.5, cursor: false },
  { name: 'wide', spread: 1e6, length: 1000, far: 0.02, nulls: 0.15, stores: 0.5, cursor: true },
  { name: 'long', spread: 20_000, length: 2000, far: 0.15, nulls: 0.4, stores: 0.5, cursor: true },
  {
    name: 'bounds',
    spread: 3000,
    length: 40,
    far: 0.05,
    nulls: 0.3,
    stores: 0.5,
    cursor: false,
    fill: 700,
  },
];

/**
 * A case from a seed: the same seed, the same case. The operations are chosen with the tree in
 * view,
 * so that they meet the ends of its ranges and the bounds of its nodes.
 *
 * @param length about how many operations
 */
export function generateCase(seed: number, length: number, shape?: Shape): Case<Setup, Operation> {
  const dice = new Dice(seed);
  const setup: Setup = {
    machine: dice.pick(MACHINES),
    allocRange: dice.chance(0.6),
    rcu: dice.chance(0.4),
  };
  const writer = new CaseWriter(setup, shape ?? dice.pick(SHAPES), dice);
  if (!setup.rcu && dice.chance(0.1)) writer.bulkLoad();
  writer.fill();
  while (writer.operations.length < length) writer.addSome();
  writer.add({ op: 'dump' });
  return { setup, operations: writer.operations };
}

class CaseWriter {
  readonly operations: Operation[] = [];
  readonly #setup: Setup;
  readonly #shape: Shape;
  readonly #dice: Dice;
  readonly #max: bigint;
  readonly #session: AnySession;
  /** Ends of ranges used lately. */
  readonly #ends: bigint[];
  #value = 0;

  constructor(setup: Setup, shape: Shape, dice: Dice) {
    this.#setup = setup;
    this.#shape = shape;
    this.#dice = dice;
    this.#max = lastIndex(setup.machine);
    this.#session = openSession(setup);
    this.#ends = [0n, 1n, 2n, this.#max - 1n, this.#max];
  }

  add(operation: Operation): void {
    this.operations.push(operation);
    this.#session.run(operation);
  }

  /** In-order stores in bulk mode, some of them over the end of what was loaded. */
  bulkLoad(): void {
    const dice = this.#dice;
    const count = 1 + dice.below(300);
    this.add({ op: 'mas_expected_entries', count: BigInt(2 * count + 60) });
    const starts: bigint[] = [];
    let from = BigInt(dice.below(3));
    const put = (first: bigint, last: bigint): void => {
      this.add({ op: 'mas_set', first, last });
      this.add({ op: 'mas_store', entry: this.#nextValue() });
    };
    for (let i = 0; i < count; i++) {
      if (dice.chance(0.5)) from += BigInt(1 + dice.below(2));
      const last = from + BigInt(dice.below(3));
      put(from, last);
      starts.push(from);
      from = last + 1n;
      const again = starts.at(-1 - dice.below(3));
      if (dice.chance(0.05) && i > 5 && again !== undefined) put(again, from - 1n);
    }
    // What mas_destroy() repairs: a last leaf of which an overwrite has left little.
    if (dice.chance(0.5)) put(this.#leafStart(from - 1n) + BigInt(dice.below(3)), from + 2n);
    this.add({ op: 'mas_destroy' });
  }

  /** The first index of the leaf that holds an index. */
  #leafStart(index: bigint): bigint {
    const tree: { root: AnyNode | null } = this.#session.tree;
    let node = tree.root;
    let start = 0n;
    while (node !== null) {
      const offset = node.pivots.findIndex((pivot) => BigInt(pivot) >= index);
      const child: AnyNode | null = node.children[offset] ?? null;
      const before = node.pivots[offset - 1];
      if (child !== null && before !== undefined) start = BigInt(before) + 1n;
      node = child;
    }
    return start;
  }

  fill(): void {
    for (let i = 0n; i < BigInt(this.#shape.fill ?? 0); i++) {
      this.add({ op: 'store', first: 4n * i, last: 4n * i + 1n, entry: this.#nextValue() });
    }
  }

  addSome(): void {
    const { cursor, fill, stores } = this.#shape;
    if (fill !== undefined && this.#dice.chance(0.1)) this.#addAimedStore();
    const at = this.#dice.next();
    if (at < stores) {
      this.add({ op: 'store', ...this.#range(), entry: this.#entry() });
    } else if (at < stores + 0.08) {
      this.add({ op: 'insert', ...this.#range(), entry: this.#entry() });
    } else if (at < stores + 0.16) this.add({ op: 'erase', index: this.#index() });
    else if (at < stores + 0.21) this.add({ op: 'load', index: this.#index() });
    else if (at < stores + 0.29) this.#addAllocation();
    else if (at < stores + 0.33) this.#addSearch();
    else if (at < stores + 0.334) this.#addRare();
    else if (cursor) this.#addCursorWalk();
  }

  /** A value over several leaves that ends just where a node above leaves ends. */
  #addAimedStore(): void {
    const dice = this.#dice;
    const tree: { root: AnyNode | null } = this.#session.tree;
    const offset = dice.below(Math.max(1, tree.root?.end ?? 0));
    const child = tree.root?.children[offset] ?? null;
    const last = child?.pivots[child.end];
    const before = child?.pivots[dice.below(child.end)];
    if (last === undefined || before === undefined || !child?.children[0]) return;
    const first = this.#clamp(BigInt(before) - BigInt(dice.below(4)));
    this.add({ op: 'store', first, last: BigInt(last), entry: this.#nextValue() });
  }

  #addAllocation(): void {
    const dice = this.#dice;
    const { allocRange } = this.#setup;
    if (!allocRange && !dice.chance(0.02)) return;
    let { first: min, last: max } = this.#range();
    if (dice.chance(0.3)) [min, max] = [0n, this.#max];
    if (dice.chance(0.02)) [min, max] = [max, min];
    const size = dice.chance(0.02) ? this.#max : BigInt(dice.below(this.#shape.length));
    const entry = this.#nextValue();
    if (dice.chance(0.2)) {
      this.add({ op: 'alloc_cyclic', min, max, next: this.#index(), entry });
    } else {
      this.add({ op: dice.pick(['alloc_range', 'alloc_rrange']), size, min, max, entry });
    }
  }

  #addSearch(): void {
    const index = this.#index();
    const limit = this.#index();
    const op = this.#dice.pick(['find', 'find_after', 'next', 'prev']);
    this.add(op === 'prev' ? { op, index, min: limit } : { op, index, max: limit });
  }

  #addRare(): void {
    const op = this.#dice.pick(['dump', 'dump', 'dump', 'dup', 'destroy', 'rcu']);
    if (op !== 'rcu') this.add({ op });
    else this.add({ op, on: this.#setup.rcu ? 1n : 0n });
  }

  /** A cursor is set somewhere and taken for a walk, which may write. */
  #addCursorWalk(): void {
    const dice = this.#dice;
    const { first, last } = this.#range();
    this.add({ op: 'mas_set', first, last: dice.chance(0.5) ? first : last });
    for (let steps = 1 + dice.below(8); steps > 0; steps--) this.#addCursorStep();
  }

  #addCursorStep(): void {
    const dice = this.#dice;
    const at = dice.next();
    const limit = dice.chance(0.4) ? dice.pick([0n, this.#max]) : this.#index();
    if (at < 0.1) this.add({ op: 'mas_walk' });
    else if (at < 0.34) this.add({ op: dice.pick(FORWARD), max: limit });
    else if (at < 0.58) this.add({ op: dice.pick(BACKWARD), min: limit });
    else if (at < 0.65) this.add({ op: dice.pick(['mas_pause', 'mas_reset']) });
    else if (at < 0.85) {
      const op = dice.pick(['mas_store_gfp', 'mas_store_gfp', 'mas_store', 'mas_store_prealloc']);
      this.add({ op, entry: this.#entry() });
    } else if (at < 0.9) this.add({ op: 'mas_erase' });
    else if (at < 0.95) this.add({ op: 'mas_set', ...this.#range() });
    else if (this.#setup.allocRange) this.#addGapSearch();
  }

  /**
   * After a search the cursor's range is no slot's: the kernel's users store there or start over.
   */
  #addGapSearch(): void {
    const dice = this.#dice;
    const { first: min, last: max } = this.#range();
    const size = BigInt(1 + dice.below(this.#shape.length));
    this.add({ op: 'mas_reset' });
    this.add({ op: dice.pick(['mas_empty_area', 'mas_empty_area_rev']), min, max, size });
    if (dice.chance(0.7)) this.add({ op: 'mas_store_gfp', entry: this.#entry() });
    else this.add({ op: 'mas_reset' });
  }

  #index(): bigint {
    const dice = this.#dice;
    const at = dice.next();
    const near = BigInt(dice.below(5) - 2);
    if (at < 0.45) return this.#clamp(dice.pick(this.#ends) + near);
    if (at < 0.6) return this.#clamp(this.#nodeBound() + near);
    if (at < 0.62) return this.#max - BigInt(dice.below(5));
    return BigInt(dice.below(this.#shape.spread));
  }

  /** The upper bound of some slot of some node. */
  #nodeBound(): bigint {
    const dice = this.#dice;
    const tree: { root: AnyNode | null } = this.#session.tree;
    let node = tree.root;
    while (node !== null) {
      const offset = dice.below(node.end + 1);
      const child: AnyNode | null = node.children[offset] ?? null;
      if (child === null || dice.chance(0.4)) return BigInt(node.pivots[offset] ?? 0);
      node = child;
    }
    return 0n;
  }

  #clamp(index: bigint): bigint {
    if (index < 0n) return 0n;
    return index > this.#max ? this.#max : index;
  }

  #range(): { first: bigint; last: bigint } {
    const dice = this.#dice;
    let first = this.#index();
    const at = dice.next();
    let last: bigint;
    if (at < 0.4) last = this.#clamp(first + BigInt(dice.below(this.#shape.length)));
    else if (at < 0.4 + this.#shape.far || dice.chance(0.2)) last = this.#index();
    else last = this.#clamp(first + BigInt(dice.below(3)));
    if (last < first) [first, last] = [last, first];
    this.#ends.push(first, last);
    if (this.#ends.length > 200) this.#ends.splice(5, 2);
    return { first, last };
  }

  #entry(): bigint {
    const dice = this.#dice;
    const at = dice.next();
    const { nulls } = this.#shape;
    if (at < nulls) return 0n;
    if (at < nulls + 0.01) return 0x406n;
    if (at < nulls + 0.013) return 0x402n;
    // Pointers that end in the bits 10 cannot live in the root word.
    if (at < nulls + 0.02) return 0x2002n + 4n * BigInt(dice.below(1000));
    return this.#nextValue();
  }

  #nextValue(): bigint {
    this.#value = (this.#value + 1) % 30_000;
    return BigInt(2 * this.#value + 3);
  }
}

const FORWARD = ['mas_next', 'mas_next_range', 'mas_find', 'mas_find_range'] as const;
const BACKWARD = ['mas_prev', 'mas_prev_range', 'mas_find_rev', 'mas_find_range_rev'] as const;

/** As much of a node as is looked at here, of a tree with keys of either kind. */
interface AnyNode {
  readonly end: number;
  readonly pivots: readonly Key[];
  readonly children: readonly (AnyNode | null)[];
}
