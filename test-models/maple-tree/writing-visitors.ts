// SPDX-License-Identifier: MIT
import fc from 'fast-check';
import { RangeMap, type Key, type MapleTree } from '@kernel-models/maple-tree';
import { clamp, neighbourhoods, settle, SPREAD } from './neighbourhood.ts';
import type { TreeProperty, Variation } from './properties.ts';
import type { Reference, Slot } from './reference.ts';
import { driverOf, plain, Violation, World, type Entry } from './world.ts';

/** What is called with every range; without its ends by who does not tell them. */
type Visit = (entry: Entry, first?: Key, last?: Key) => void;

type Tree = MapleTree<Key, Entry>;

/** The ways to see all ranges while the tree is written to. */
const WAYS = {
  forEach: (tree: Tree, visit: Visit, from: Key, to: Key): void => tree.forEach(visit, from, to),
  entries: (tree: Tree, visit: Visit, from: Key, to: Key): void => {
    const map = new RangeMap(tree);
    for (const { first, last, value } of map.entries(from, to)) visit(value, first, last);
  },
  values: (tree: Tree, visit: Visit, from: Key, to: Key): void => {
    for (const value of new RangeMap(tree).values(from, to)) visit(value);
  },
} as const;

const OPERATIONS = [
  ...(['nothing', 'nothing', 'store', 'store', 'null'] as const),
  ...(['erase', 'replace', 'allocate', 'rcu'] as const),
];

/** What a visitor does when it is called. */
interface Deed {
  readonly op: (typeof OPERATIONS)[number];
  /** Where, as seen from the first or the last index of the range that it is called with. */
  readonly fromFirst: boolean;
  readonly distance: number;
  readonly length: number;
  /** Whether it is done to a snapshot that is taken then, so that the walk must not see it. */
  readonly elsewhere: boolean;
}

const deeds = fc.array(
  fc.record({
    op: fc.constantFrom(...OPERATIONS),
    fromFirst: fc.boolean(),
    distance: fc.oneof(
      { weight: 4, arbitrary: fc.integer({ min: -6, max: 10 }) },
      { weight: 1, arbitrary: fc.integer({ min: -300, max: 300 }) },
    ),
    length: fc.oneof(
      { weight: 5, arbitrary: fc.integer({ min: 1, max: 9 }) },
      { weight: 1, arbitrary: fc.integer({ min: 1, max: 300 }) },
    ),
    elsewhere: fc.nat(9).map((one) => one === 9),
  }),
  { minLength: 1, maxLength: 50, size: 'max' },
);

/** A walk as documented: on behind the range before, with the first that lies or ends there. */
class ReferenceWalk {
  readonly #reference: Reference;
  readonly #to: bigint;
  #next: bigint;

  constructor(reference: Reference, from: bigint, to: bigint) {
    this.#reference = reference;
    this.#next = from;
    this.#to = to;
  }

  /** The range to be visited now, whole; undefined where the walk is over. */
  next(): Slot | undefined {
    if (this.#next > this.#to) return undefined;
    const slot = this.#reference.ranges.find(({ last }) => last >= this.#next);
    if (slot === undefined || slot.first > this.#to) return undefined;
    this.#next = slot.last + 1n;
    return slot;
  }
}

/** Does what a visitor does, on the tree and on the reference. */
function act(
  world: World,
  { distance, fromFirst, length, op }: Deed,
  at: Slot,
  name: string,
): void {
  const { max } = world.driver;
  const wanted = (fromFirst ? at.first : at.last) + BigInt(distance);
  const size = BigInt(length);
  const a = clamp(wanted, max);
  const b = clamp(wanted + size - 1n, max);
  const step = { a, b, size, entry: name, every: false };
  switch (op) {
    case 'nothing':
      break;
    case 'rcu': {
      const { tree } = world.driver;
      tree.setInRcu(!tree.inRcu);
      break;
    }
    case 'null':
      world.run({ ...step, op: 'store', entry: null });
      break;
    case 'replace':
      world.run({ ...step, op: 'store', a: at.first, b: at.last });
      break;
    case 'allocate':
      world.run({ ...step, op, b: clamp(a + 200n, max) });
      break;
    default:
      world.run({ ...step, op });
  }
}

/** A world on a snapshot that is taken now. */
function snapshotOf({ driver, kind, reference }: World, variation: Variation): World {
  return new World(kind, variation, driverOf(kind, driver.tree.snapshot()), reference.copy());
}

/**
 * Who walks over the ranges may write to the tree: the walk goes on behind the range where it was
 * and sees what lies there by then. The trees have nodes when it begins.
 */
export const writingVisitors: TreeProperty = (variation) => {
  const cases = fc.record({
    neighbourhood: neighbourhoods(variation, 150),
    way: fc.constantFrom('forEach', 'forEach', 'entries', 'values'),
    from: fc.oneof(fc.constant(0), fc.nat(400)),
    span: fc.oneof(fc.constant(Number(SPREAD)), fc.nat(800)),
    program: deeds,
  });
  return fc.property(cases, ({ from, neighbourhood, program, span, way }) => {
    const world = settle({ ...neighbourhood, fill: neighbourhood.fill + 2 }, variation);
    const { base } = neighbourhood;
    const { key, max, tree } = world.driver;
    const begin = base + BigInt(from);
    const end = clamp(begin + BigInt(span), max);
    const walk = new ReferenceWalk(world.reference, begin, end);
    const snapshots: World[] = [];
    let calls = 0;
    const visit: Visit = (entry, first, last) => {
      const slot = walk.next();
      const wanted = slot && text(slot.entry, slot.first, slot.last);
      const seen = text(plain(entry), first ?? slot?.first, last ?? slot?.last);
      if (slot === undefined || seen !== wanted) {
        throw new Violation('walk', `${way}: expected ${wanted ?? 'the end'}, got ${seen}`);
      }
      const deed = program[calls++];
      if (deed === undefined) return;
      const target = deed.elsewhere ? snapshotOf(world, variation) : world;
      if (deed.elsewhere) snapshots.push(target);
      act(target, deed, slot, `v${calls}`);
    };
    WAYS[way](tree, visit, key(begin), key(end));
    const missed = walk.next();
    if (missed !== undefined) {
      const { entry, first, last } = missed;
      throw new Violation('walk', `${way}: ended before ${text(entry, first, last)}`);
    }
    for (const one of [world, ...snapshots]) one.checkContent();
  });
};

function text(entry: unknown, first: Key | undefined, last: Key | undefined): string {
  return `${String(entry)} [${first}, ${last}]`;
}
