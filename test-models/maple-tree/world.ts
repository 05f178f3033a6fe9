// SPDX-License-Identifier: MIT
import {
  createMapleTree,
  errnoName,
  geometry,
  ZERO_ENTRY,
  type Cursor,
  type Key,
  type KeyModeName,
  type MapleTree,
  type MapleTreeOptions,
} from '@kernel-models/maple-tree';
import { Reference, ZERO } from './reference.ts';
import { ReferenceCursor } from './reference-cursor.ts';

/** An entry as the trees under test hold it. */
export type Entry = string | typeof ZERO_ENTRY;

/** What kind of tree is tested. */
export interface Kind {
  readonly keys: KeyModeName;
  /** `small`: nodes of eight slots that are edited in place, so that small trees are high. */
  readonly geometry: 'kernel64' | 'kernel32' | 'tuned' | 'small';
  readonly allocRange: boolean;
  readonly rcu: boolean;
}

/** A property that does not hold. The message begins with the property's id. */
export class Violation extends Error {
  readonly property: string;

  constructor(property: string, message: string) {
    super(`${property}: ${message}`);
    this.name = 'Violation';
    this.property = property;
  }
}

/**
 * The tree under test with keys of any mode, seen through bigints, so that one set of operations drives
 * every mode.
 */
export interface Driver {
  readonly max: bigint;
  readonly tree: MapleTree<Key, Entry>;
  key(index: bigint): Key;
}

const SMALL = geometry('small', 8, 8, 8);

/** A driver of a fresh tree of a kind. */
export function openDriver(kind: Kind, options: MapleTreeOptions<Entry> = {}): Driver {
  const { allocRange, rcu } = kind;
  const shape = kind.geometry === 'small' ? SMALL : kind.geometry;
  const common = { geometry: shape, allocRange, rcu, debug: true, ...options };
  const tree: unknown =
    kind.keys === 'u64'
      ? createMapleTree<Entry>({ ...common, keys: 'u64' })
      : createMapleTree<Entry>({ ...common, keys: kind.keys });
  return driverOf(kind, tree as MapleTree<Key, Entry>);
}

/** A driver of a tree that there is. */
export function driverOf(kind: Kind, tree: MapleTree<Key, Entry>): Driver {
  return {
    max: BigInt(tree.keys.max),
    tree,
    key: kind.keys === 'u64' ? (index) => index : Number,
  };
}

/** The tree's entry as the reference has it. */
export function plain(entry: Entry | null): unknown {
  return entry === ZERO_ENTRY ? ZERO : entry;
}

/** An operation with its words resolved. */
export interface Resolved {
  readonly op: string;
  readonly a: bigint;
  readonly b: bigint;
  readonly size: bigint;
  readonly entry: unknown;
  readonly every: boolean;
}

/** The tree under test beside the reference, and a cursor on each. */
export class World {
  readonly kind: Kind;
  readonly driver: Driver;
  readonly reference: Reference;
  readonly cursor: Cursor<Key, Entry>;
  readonly refCursor: ReferenceCursor;

  constructor(
    kind: Kind,
    options: MapleTreeOptions<Entry> = {},
    driver: Driver = openDriver(kind, options),
    reference: Reference = new Reference(driver.max, kind.allocRange),
  ) {
    this.kind = kind;
    this.driver = driver;
    this.reference = reference;
    this.cursor = driver.tree.cursor();
    this.refCursor = new ReferenceCursor(reference);
  }

  /**
   * Does an operation on both sides and compares all that can be seen. Where an answer is wrong and the
   * structure is broken too, the structure is what is complained about: it is the cause.
   */
  run(step: Resolved): void {
    const { reference } = this;
    const { tree } = this.driver;
    const before = tree.statistics();
    const formBefore = reference.form;
    let wrongAnswer: Violation | null = null;
    try {
      if (step.op.startsWith('mas_')) this.#cursor(step);
      else this.#tree(step);
    } catch (error) {
      if (!(error instanceof Violation)) throw error;
      wrongAnswer = error;
    }
    const after = tree.statistics();
    if (after.used - before.used > after.requested - before.requested) {
      const used = `${after.used - before.used} of ${after.requested - before.requested}`;
      throw new Violation('I10', `${describe(step)} used ${used} nodes requested`);
    }
    tree.validate();
    if (wrongAnswer !== null) throw wrongAnswer;
    // The leaf that a first store builds does not refresh the cursor's END, in 6.12 as here.
    if (formBefore !== 'nodes' && reference.form === 'nodes') this.#resetCursors();
  }

  #resetCursors(): void {
    this.cursor.reset();
    this.refCursor.reset();
  }

  #setCursors(index: bigint): void {
    this.cursor.set(this.driver.key(index));
    this.refCursor.set(index, index);
  }

  #tree(step: Resolved): void {
    const { driver, reference } = this;
    const { tree } = driver;
    const { a, b, entry, op, size } = step;
    const key = driver.key;
    const real = entry === ZERO ? ZERO_ENTRY : (entry as string | null);
    switch (op) {
      case 'load':
        this.#same(step, 'I6', plain(tree.load(key(a))), reference.load(a));
        break;
      case 'store':
        this.#same(step, 'I6', tree.storeRange(key(a), key(b), real), reference.store(a, b, entry));
        break;
      case 'insert': {
        const code = step.every
          ? tree.cursor(key(a), key(b)).insert(real)
          : tree.insertRange(key(a), key(b), real);
        this.#same(step, 'I9', code, reference.insert(a, b, entry));
        break;
      }
      case 'erase':
        this.#same(step, 'I6', plain(tree.erase(key(a))), reference.erase(a));
        break;
      case 'allocate':
      case 'allocateRev': {
        if (real === null) break;
        const low = op === 'allocate';
        const call = low ? tree.allocRangeLow.bind(tree) : tree.allocRangeHigh.bind(tree);
        const start = call(real, key(size), key(a), key(b));
        this.#same(step, 'I8', BigInt(start), BigInt(reference.allocate(entry, size, a, b, low)));
        break;
      }
      case 'allocateCyclic': {
        if (real === null) break;
        const found = tree.allocCyclic(real, key(0n), key(b), key(a));
        const { next, start, wrapped } =
          typeof found === 'number' ? { start: found, next: 0n, wrapped: false } : found;
        const wanted = reference.allocateCyclic(entry, 0n, b, a);
        const expected = typeof wanted === 'number' ? [wanted, 0, false] : Object.values(wanted);
        this.#same(step, 'I8', `${start} ${next} ${wrapped}`, expected.join(' '));
        break;
      }
      case 'find': {
        const found = tree.find(key(a), key(b));
        const seen = found && { entry: plain(found.entry), index: BigInt(found.index) };
        this.#same(step, 'I6', show(seen), show(reference.find(a, b)));
        if (step.every) this.#findAll(step);
        break;
      }
      case 'next':
        this.#same(step, 'I7', plain(tree.next(key(a), key(b))), reference.next(a, b));
        break;
      case 'prev':
        this.#same(step, 'I7', plain(tree.prev(key(a), key(b))), reference.prev(a, b));
        break;
      default:
        throw new Error(`world: no operation ${op}`);
    }
    if (!['load', 'find', 'next', 'prev'].includes(op)) this.#resetCursors();
  }

  /** A step of the cursor. It may not end in an exception either: 6.12 follows a null node there. */
  #cursor(step: Resolved): void {
    try {
      this.#cursorStep(step);
    } catch (error) {
      if (error instanceof Violation || !(error instanceof Error)) throw error;
      throw new Violation('cursor-model', `${describe(step)}: ${error.message}`);
    }
  }

  #cursorStep(step: Resolved): void {
    const { cursor, refCursor } = this;
    const { a, b, entry, every, op } = step;
    const key = this.driver.key;
    let seen: unknown = null;
    let wanted: unknown = null;
    switch (op) {
      case 'mas_set':
        cursor.set(key(a), key(b));
        refCursor.set(a, b);
        break;
      case 'mas_reset':
        this.#resetCursors();
        break;
      case 'mas_pause':
        cursor.pause();
        refCursor.pause();
        break;
      case 'mas_walk':
        [seen, wanted] = [cursor.walk(), refCursor.walk()];
        break;
      case 'mas_next':
        seen = every ? cursor.nextRange(key(b)) : cursor.next(key(b));
        wanted = refCursor.next(b, every);
        break;
      case 'mas_prev':
        seen = every ? cursor.prevRange(key(a)) : cursor.prev(key(a));
        wanted = refCursor.prev(a, every);
        break;
      case 'mas_find':
        seen = every ? cursor.findRange(key(b)) : cursor.find(key(b));
        wanted = refCursor.find(b, every);
        break;
      case 'mas_find_rev':
        seen = every ? cursor.findRangeRev(key(a)) : cursor.findRev(key(a));
        wanted = refCursor.findRev(a, every);
        break;
      case 'mas_store':
        [seen, wanted] = [errnoName(this.#storeByCursor(step)), errnoName(refCursor.store(entry))];
        break;
      case 'mas_erase':
        [seen, wanted] = [cursor.erase(), refCursor.erase()];
        break;
      case 'mas_empty_area':
        this.#search(step);
        return;
      default:
        throw new Error(`world: no operation ${op}`);
    }
    this.#same(step, 'cursor-model', plain(seen as Entry | null), wanted);
    const range = `${cursor.status} ${cursor.index} ${cursor.last}`;
    this.#same(
      step,
      'cursor-model',
      range,
      `${refCursor.status} ${refCursor.index} ${refCursor.last}`,
    );
  }

  /** Stores by one of the three calls that store the same; the step's size decides which. */
  #storeByCursor(step: Resolved): number {
    const { cursor } = this;
    const entry = step.entry === ZERO ? ZERO_ENTRY : (step.entry as string | null);
    if (cursor.index > cursor.last || step.size % 4n < 2n) return cursor.storeGfp(entry);
    if (step.size % 4n === 2n) {
      const before = this.reference.slotAt(BigInt(cursor.index)).entry;
      this.#same(step, 'cursor-model', plain(cursor.store(entry)), before);
      return cursor.errno;
    }
    const code = cursor.preallocate(entry);
    if (code === 0) cursor.storePrealloc(entry);
    return code;
  }

  #findAll(step: Resolved): void {
    const { driver, reference } = this;
    const { a, b } = step;
    const found = driver.tree.findAll(driver.key(a), driver.key(b));
    const seen = Array.from(found, ({ entry, index }) => `${plain(entry)}<${index}`);
    const wanted: string[] = [];
    let next = reference.find(a, b);
    while (next !== null) {
      wanted.push(`${String(next.entry)}<${next.index}`);
      next = next.index === 0n ? null : reference.find(next.index, b);
    }
    this.#same(step, 'I6', seen.join(' '), wanted.join(' '));
  }

  /** Searches for room, and goes on from the hole found. */
  #search(step: Resolved): void {
    const { cursor, driver, refCursor, reference } = this;
    const { a, b, every, size } = step;
    const key = driver.key;
    this.#resetCursors();
    const search = every ? cursor.emptyAreaRev.bind(cursor) : cursor.emptyArea.bind(cursor);
    const code = search(key(a), key(b), key(size));
    const bad = a > b || size === 0n || b - a < size - 1n;
    const start = bad ? null : reference.place(size, a, b, !every);
    this.#same(step, 'I8', code, bad ? -22 : start === null ? -16 : 0);
    if (start === null) {
      this.#setCursors(a);
      return;
    }
    const last = start + size - 1n;
    this.#same(step, 'I8', `${cursor.index} ${cursor.last}`, `${start} ${last}`);
    if (this.reference.form !== 'nodes') {
      this.#setCursors(a);
      return;
    }
    // A step from a search's result goes on from the hole that was found.
    const slot = reference.slotAt(start);
    cursor.setRangeHere(key(slot.first), key(slot.last));
    refCursor.set(slot.first, slot.last);
    refCursor.walk();
    const next = plain(cursor.nextRange(driver.tree.keys.max));
    this.#same(step, 'I13', next, refCursor.next(driver.max, true));
    const range = `${cursor.index} ${cursor.last}`;
    this.#same(step, 'I13', range, `${refCursor.index} ${refCursor.last}`);
    this.#setCursors(a);
  }

  #same(step: Resolved, property: string, seen: unknown, wanted: unknown): void {
    if (seen !== wanted) {
      throw new Violation(
        property,
        `${describe(step)}: expected ${String(wanted)}, got ${String(seen)}`,
      );
    }
  }

  /** Compares the whole content, forwards, backwards and at every end. */
  checkContent(): void {
    const { driver, reference } = this;
    const { tree } = driver;
    const slots = reference.slots();
    const forward = walkAll(tree, false);
    const expected = slots.map(show);
    if (reference.form === 'nodes') {
      if (forward.join() !== expected.join()) {
        throw new Violation('I7', `forwards ${forward.join(' ')}, expected ${expected.join(' ')}`);
      }
      const backward = walkAll(tree, true);
      if (backward.join() !== expected.reverse().join()) {
        throw new Violation('I7', `backwards ${backward.join(' ')}`);
      }
    }
    for (const [at, { entry, first, last }] of slots.entries()) {
      this.#loads(first, entry);
      this.#loads(last, entry);
      const [before, behind] = [slots[at - 1], slots[at + 1]];
      if (before !== undefined) this.#loads(first - 1n, before.entry);
      if (behind !== undefined) this.#loads(last + 1n, behind.entry);
    }
  }

  #loads(index: bigint, entry: unknown): void {
    const { key, tree } = this.driver;
    const expected = entry === ZERO ? null : entry;
    if (plain(tree.load(key(index))) === expected) return;
    throw new Violation('I6', `load(${index}): expected ${show(expected)}`);
  }
}

/** Every slot of a tree with nodes, in order. */
export function walkAll(tree: MapleTree<Key, Entry>, backwards: boolean): string[] {
  const { keys } = tree;
  const cursor = tree.cursor(backwards ? keys.max : keys.zero);
  const seen: string[] = [];
  let entry = cursor.walk();
  for (;;) {
    seen.push(
      show({ first: BigInt(cursor.index), last: BigInt(cursor.last), entry: plain(entry) }),
    );
    entry = backwards ? cursor.prevRange(keys.zero) : cursor.nextRange(keys.max);
    if (cursor.status !== 'active') return seen;
  }
}

function show(value: unknown): string {
  return JSON.stringify(value, (_, one: unknown) => (typeof one === 'bigint' ? `${one}` : one));
}

function describe({ a, b, entry, every, op, size }: Resolved): string {
  return `${op}(${a}, ${b}, size ${size}, ${String(entry)}${every ? ', every' : ''})`;
}
