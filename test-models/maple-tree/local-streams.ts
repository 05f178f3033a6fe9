// SPDX-License-Identifier: MIT
import fc from 'fast-check';
import { clamp, neighbourhoods, settle, SPREAD, type Neighbourhood } from './neighbourhood.ts';
import type { TreeProperty, Variation } from './properties.ts';
import { driverOf, plain, Violation, World, type Resolved } from './world.ts';

/** Where an operation lies, as seen from the range of the one before it. */
const MOVES = ['behind', 'behind', 'behind', 'before', 'inside', 'inside', 'same', 'far'] as const;

/** What an operation does; words of the world, and those of {@link Stream}. */
const OPERATIONS = [
  ...['store', 'store', 'store', 'null', 'null', 'erase', 'erase', 'insert', 'mas_store'],
  ...['appends', 'appends', 'snapshot', 'other', 'rcu', 'wipe'],
] as const;

/** Those that need a tree with gaps. */
const SEARCHES = ['allocate', 'allocate', 'allocate', 'mas_empty_area', 'claim', 'claim'] as const;

interface Step {
  readonly op: (typeof OPERATIONS)[number] | (typeof SEARCHES)[number];
  readonly move: (typeof MOVES)[number];
  /** How far from the range before; where inside it; or where at all. */
  readonly distance: number;
  readonly length: number;
  /** How many indices a search is for, and in how many. */
  readonly size: number;
  readonly window: number;
  /** How often a run stores; which of several trees is the next. */
  readonly count: number;
}

function steps(allocRange: boolean): fc.Arbitrary<readonly Step[]> {
  const one = fc.record({
    op: fc.constantFrom(...OPERATIONS, ...(allocRange ? SEARCHES : [])),
    move: fc.constantFrom(...MOVES),
    distance: fc.oneof(fc.constant(0), fc.nat(4), fc.nat(Number(SPREAD))),
    length: fc.oneof(
      { weight: 6, arbitrary: fc.integer({ min: 1, max: 8 }) },
      { weight: 1, arbitrary: fc.integer({ min: 1, max: 400 }) },
    ),
    size: fc.oneof(fc.integer({ min: 1, max: 3 }), fc.nat(12)),
    window: fc.nat(300),
    count: fc.integer({ min: 1, max: 30 }),
  });
  return fc.array(one, { minLength: 10, maxLength: 60, size: 'max' });
}

/** Operations one beside the other, on a tree and the snapshots that are taken of it. */
class Stream {
  readonly #variation: Variation;
  readonly #base: bigint;
  readonly #max: bigint;
  readonly worlds: World[];
  #world: World;
  /** The range of the operation before: that of all trees, as what they remember is common. */
  #first: bigint;
  #last: bigint;
  #stores = 0;

  constructor(neighbourhood: Neighbourhood, variation: Variation) {
    this.#variation = variation;
    this.#base = neighbourhood.base;
    this.#world = settle(neighbourhood, variation);
    this.#max = this.#world.driver.max;
    this.worlds = [this.#world];
    this.#first = this.#last = this.#base + 4n * BigInt(neighbourhood.fill >> 1);
  }

  run(step: Step): void {
    const { op } = step;
    switch (op) {
      case 'appends':
        this.#append(step);
        break;
      case 'snapshot':
        this.#branch();
        break;
      case 'other':
        this.#world = this.worlds[step.count % this.worlds.length] ?? this.#world;
        break;
      case 'rcu': {
        const { tree } = this.#world.driver;
        tree.setInRcu(!tree.inRcu);
        break;
      }
      case 'wipe':
        // Mostly nothing is wiped: a stream on an empty tree is a short one.
        if (step.count < 3) this.#do('store', 0n, this.#max, step, null);
        break;
      case 'allocate':
      case 'mas_empty_area':
      case 'claim':
        this.#search(op, step);
        break;
      case 'null':
        this.#write('store', step, null);
        break;
      default:
        this.#write(op, step);
    }
  }

  /** Stores some ranges in ascending or in descending order, with holes between them or without. */
  #append(step: Step): void {
    const move = step.move === 'before' ? 'before' : 'behind';
    const distance = step.distance % 3;
    for (let i = 0; i < step.count; i++) this.#write('store', { ...step, move, distance });
  }

  #branch(): void {
    const { driver, kind, reference } = this.#world;
    if (this.worlds.length === 4) return;
    const copy = driverOf(kind, driver.tree.snapshot());
    // Taking it is a write to who holds a cursor.
    this.#world.cursor.reset();
    this.#world.refCursor.reset();
    this.worlds.push(new World(kind, this.#variation, copy, reference.copy()));
  }

  /** The first index of an operation over some indices. */
  #place({ distance, length, move }: Step): bigint {
    const far = BigInt(distance);
    const width = this.#last - this.#first + 1n;
    switch (move) {
      case 'behind':
        return this.#last + 1n + (far % 5n);
      case 'before':
        return this.#first - (far % 5n) - BigInt(length);
      case 'inside':
        return this.#first + (far % width);
      case 'same':
        return this.#first;
      case 'far':
        return this.#base + far;
    }
  }

  #write(op: string, step: Step, entry: string | null = `s${this.#stores++}`): void {
    const wanted = this.#place(step);
    const first = clamp(wanted, this.#max);
    const last = clamp(wanted + BigInt(step.length) - 1n, this.#max);
    if (op === 'mas_store') this.#do('mas_set', first, last, step);
    this.#do(op, first, last, step, entry);
    [this.#first, this.#last] = [first, last];
    for (const index of [first - 1n, first, last, last + 1n]) this.#loads(index);
  }

  #search(op: 'allocate' | 'mas_empty_area' | 'claim', step: Step): void {
    const min = clamp(this.#place(step), this.#max);
    const max = clamp(min + BigInt(step.window), this.#max);
    const size = BigInt(step.size);
    const entry = `s${this.#stores++}`;
    const hole = size === 0n ? null : this.#world.reference.place(size, min, max, true);
    if (op === 'claim' && hole !== null) this.#claim(size, min, max, entry);
    else this.#do(op === 'claim' ? 'allocate' : op, min, max, step, entry);
    if (hole === null) return;
    [this.#first, this.#last] = [hole, hole + size - 1n];
    for (const index of [hole - 1n, hole, this.#last, this.#last + 1n]) this.#loads(index);
  }

  /** Allocates as kernel code does that holds a cursor: it finds room, and stores there. */
  #claim(size: bigint, min: bigint, max: bigint, entry: string): void {
    const { driver, reference } = this.#world;
    const { key, tree } = driver;
    const cursor = tree.cursor();
    const code = cursor.emptyArea(key(min), key(max), key(size));
    const found = code === 0 ? BigInt(cursor.index) : code;
    const wanted = reference.allocate(entry, size, min, max, true);
    if (found !== wanted) {
      const asked = `room for ${size} in [${min}, ${max}]`;
      throw new Violation('I8', `${asked}: expected ${wanted}, got ${found}`);
    }
    const stored = cursor.storeGfp(entry);
    if (stored !== 0) throw new Violation('I8', `store in room found gave ${stored}`);
    this.#world.cursor.reset();
    this.#world.refCursor.reset();
    tree.validate();
  }

  #do(op: string, a: bigint, b: bigint, { size }: Step, entry: Resolved['entry'] = null): void {
    this.#world.run({ op, a, b, size: BigInt(size), entry, every: false });
  }

  #loads(index: bigint): void {
    if (index < 0n || index > this.#max) return;
    const { driver, reference } = this.#world;
    const seen = plain(driver.tree.load(driver.key(index)));
    const wanted = reference.load(index);
    if (seen === wanted) return;
    throw new Violation('I6', `load(${index}): expected ${String(wanted)}, got ${String(seen)}`);
  }
}

/**
 * I5, I6, I8 and I11 on streams of operations that go on beside or inside the range of the one
 * before: what a tree remembers of its last store or search is of use there, and does harm where it
 * is stale. Between them, trees that share its nodes are written to, and RCU mode goes on and off.
 */
export const localStreams: TreeProperty = (variation) => {
  const cases = neighbourhoods(variation, 120).chain((neighbourhood) =>
    fc.tuple(fc.constant(neighbourhood), steps(neighbourhood.kind.allocRange)),
  );
  return fc.property(cases, ([neighbourhood, program]) => {
    const stream = new Stream(neighbourhood, variation);
    for (const step of program) stream.run(step);
    for (const world of stream.worlds) {
      world.driver.tree.validate();
      world.checkContent();
    }
  });
};
