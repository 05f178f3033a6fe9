// SPDX-License-Identifier: MIT
import fc from 'fast-check';
import {
  createMapleTree,
  DOCUMENTED,
  loadDump,
  parseDump,
  type Cursor,
  type Key,
  type MapleTree,
  type MapleTreeOptions,
} from '@kernel-models/maple-tree';
import { loadInSteps, UseAfterFreeError } from '@kernel-models/maple-tree/testing';
import { choices, kinds, resolve } from './arbitraries.ts';
import { Reference } from './reference.ts';
import { driverOf, openDriver, Violation, World, type Entry, type Kind } from './world.ts';

/** What a tree under test is made with beside its kind: a known bug. */
export type Variation = MapleTreeOptions<Entry>;

/** A property of the tree, for any variation of it. */
export type TreeProperty = (variation: Variation) => fc.IRawProperty<unknown>;

function varied(kind: Kind, { geometry }: Variation): Kind {
  return typeof geometry === 'string' ? { ...kind, geometry } : kind;
}

/** A world whose tree holds [4i, 4i + 1] for the first `fill` i. */
function filledWorld(kind: Kind, variation: Variation, fill: number): World {
  const world = new World(kind, variation);
  const { driver, reference } = world;
  for (let i = 0n; i < BigInt(fill); i++) {
    driver.tree.storeRange(driver.key(4n * i), driver.key(4n * i + 1n), 'f');
    reference.store(4n * i, 4n * i + 1n, 'f');
  }
  return world;
}

/** I1 to I10, I13 and the cursor model: programs over both interfaces, on trees of several levels. */
export const programs: TreeProperty = (variation) => {
  const cases = kinds
    .map((kind) => varied(kind, variation))
    .chain((kind) =>
      fc.record({ kind: fc.constant(kind), fill: fc.nat(260), steps: choices(60, kind) }),
    );
  return fc.property(cases, ({ fill, kind, steps }) => {
    const world = filledWorld(kind, variation, fill);
    for (const step of steps) world.run(resolve(step, world.reference));
    world.checkContent();
  });
};

const rcuKind = fc.constantFrom<Kind>(
  { keys: 'number', geometry: 'kernel64', allocRange: false, rcu: true },
  { keys: 'number', geometry: 'tuned', allocRange: true, rcu: true },
);

/** Every content that the tree had since a reader began. */
type History = Reference[];

function wasThere(history: History, index: bigint, value: unknown): boolean {
  return history.some((reference) => reference.load(index) === value);
}

/** Where a write begins: anywhere, or near the hole behind the last range. */
const writeStart = fc.oneof(
  fc.nat(250).map((index) => (_: number) => index),
  fc.integer({ min: -3, max: 3 }).map((delta) => (tail: number) => Math.max(0, tail + delta)),
);

/**
 * I12: loads that stop between any two reads and scans that stop between any two ranges, with whole
 * writes in between. What a reader reports was there at some moment, and no write moves the END or two
 * pivots of a node that a reader may have read half of.
 */
export const readersAgainstWriters: TreeProperty = (variation) =>
  fc.asyncProperty(
    fc.scheduler(),
    rcuKind,
    fc.nat(40),
    fc.array(fc.nat(180), { minLength: 1, maxLength: 3 }),
    fc.array(fc.tuple(writeStart, fc.nat(8), fc.option(fc.constantFrom('w', 'x', 'y'))), {
      minLength: 1,
      maxLength: 8,
    }),
    async (scheduler, kind, fill, indices, writes) => {
      const { tree, max } = openDriver(kind, variation);
      const reference = new Reference(max, kind.allocRange);
      for (let i = 0; i < fill; i++) {
        tree.storeRange(4 * i, 4 * i + 2, 'f');
        reference.store(BigInt(4 * i), BigInt(4 * i + 2), 'f');
      }
      const readers = new Set<History>();
      const section = async (read: (history: History) => Promise<void>): Promise<void> => {
        const history = [reference.copy()];
        const pin = tree.rcuReadLock();
        readers.add(history);
        await read(history);
        readers.delete(history);
        pin.release();
      };
      const load = async (index: number, history: History): Promise<void> => {
        const steps = loadInSteps(tree, index);
        let step = steps.next();
        for (; step.done !== true; step = steps.next()) {
          await scheduler.schedule(Promise.resolve(), `load of ${index}`);
        }
        if (wasThere(history, BigInt(index), step.value)) return;
        throw new Violation('I12', `load(${index}) gave ${String(step.value)}, never there`);
      };
      const scan = async (history: History): Promise<void> => {
        const cursor = tree.cursor();
        let entry = cursor.walk();
        do {
          const [first, last] = [BigInt(cursor.index), BigInt(cursor.last)];
          if (![first, last].every((index) => wasThere(history, index, entry))) {
            const range = `[${first}, ${last}] ${String(entry)}`;
            throw new Violation('I12', `a scan came to ${range}, never there`);
          }
          await scheduler.schedule(Promise.resolve(), `scan after ${last}`);
          entry = cursor.nextRange();
        } while (cursor.status === 'active');
      };
      const write = async (): Promise<void> => {
        for (const [start, length, entry] of writes) {
          const first = start(4 * fill - 1);
          await scheduler.schedule(Promise.resolve(), `store at ${first}, ${length + 1}: ${entry}`);
          const published = nodesOf(tree).map((node) => ({ node, ...shapeOf(node) }));
          tree.storeRange(first, first + length, entry);
          reference.store(BigInt(first), BigInt(first + length), entry);
          published.forEach(checkPublished);
          for (const history of readers) history.push(reference.copy());
        }
      };
      const loads = indices.map((index) => section((history) => load(index, history)));
      const all = Promise.all([...loads, section(scan), write()]).catch((error: unknown) => {
        if (error instanceof UseAfterFreeError) throw new Violation('I12', error.message);
        throw error;
      });
      await scheduler.waitFor(all);
      if (tree.statistics().awaitingGrace !== 0) {
        throw new Violation('I10', 'nodes wait for a grace period without a reader');
      }
    },
  );

type Node = NonNullable<MapleTree<Key, Entry>['root']>;

/** The nodes of a tree. */
function nodesOf(tree: MapleTree<Key, Entry>): Node[] {
  const nodes: Node[] = [];
  const waiting = [tree.root];
  for (let node = waiting.pop(); node != null; node = waiting.pop()) {
    nodes.push(node);
    if (!node.leaf) waiting.push(...node.children.slice(0, node.end + 1));
  }
  return nodes;
}

function shapeOf({ end, pivots }: Node): { end: number; pivots: readonly Key[] } {
  return { end, pivots: pivots.slice(0, end + 1) };
}

/** What a write did to a node that readers could reach, if the node is still in use. */
function checkPublished({
  end,
  node,
  pivots,
}: {
  node: Node;
  end: number;
  pivots: readonly Key[];
}): void {
  if (node.state !== LIVE) return;
  const moved = pivots.filter((pivot, offset) => node.pivots[offset] !== pivot).length;
  if (node.end !== end) throw new Violation('I12', `END of a node in use: ${end} to ${node.end}`);
  if (moved > 1) throw new Violation('I12', `${moved} pivots of a node in use moved at once`);
}

/** States of a node, as the package has them. */
const LIVE = 0;
const FREED = 2;

/** I6 with another writer while an erase waits for memory with the lock dropped. */
export const writerWhileWaiting: TreeProperty = (variation) =>
  fc.property(
    fc.nat(60),
    fc.nat(240),
    fc.nat(12),
    fc.nat(240),
    fc.nat(6),
    (fill, first, length, otherFirst, otherLength) => {
      let armed = false;
      const other = (): void => {
        tree.cursor(otherFirst, otherFirst + otherLength).storeGfp('other');
        reference.store(BigInt(otherFirst), BigInt(otherFirst + otherLength), 'other');
      };
      const tree = createMapleTree<Entry>({
        geometry: 'kernel64',
        rcu: true,
        ...variation,
        keys: 'number',
        allocator: {
          tryAllocate: () => !armed,
          allocate: () => {
            if (armed) {
              armed = false;
              other();
            }
            return true;
          },
        },
      });
      const reference = new Reference(BigInt(tree.keys.max), false);
      for (let i = 0; i < fill; i++) {
        tree.storeRange(4 * i, 4 * i + 2, 'f');
        reference.store(BigInt(4 * i), BigInt(4 * i + 2), 'f');
      }
      armed = true;
      tree.cursor(first, first + length).storeGfp(null);
      reference.store(BigInt(first), BigInt(first + length), null);
      for (let index = 0n; index < 300n; index++) {
        if (tree.load(Number(index)) !== reference.load(index)) {
          throw new Violation(
            'I6-retry',
            `load(${index}): expected ${String(reference.load(index))}`,
          );
        }
      }
    },
  );

/** An index close to the first one or to the last. */
interface Edge {
  readonly distance: number;
  readonly isHigh: boolean;
}

const edge: fc.Arbitrary<Edge> = fc.record({
  distance: fc.oneof(fc.constant(0), fc.nat(14)),
  isHigh: fc.boolean(),
});

/** I8 alone: room is sought up to both ends of trees of few ranges, with nodes and without. */
export const gapSearches: TreeProperty = (variation) =>
  fc.property(
    kinds.map((kind) => ({ ...varied(kind, variation), allocRange: true, rcu: false })),
    fc.array(fc.tuple(edge, fc.nat(3)), { maxLength: 5 }),
    fc.tuple(edge, edge),
    fc.integer({ min: 1, max: 6 }),
    fc.boolean(),
    (kind, ranges, window, size, isReverse) => {
      const { key, max, tree } = openDriver(kind, variation);
      const reference = new Reference(max, true);
      const at = ({ distance, isHigh }: Edge): bigint =>
        isHigh ? max - BigInt(distance) : BigInt(distance);
      for (const [start, length] of ranges) {
        const first = at(start);
        const last = max - first < BigInt(length) ? max : first + BigInt(length);
        tree.storeRange(key(first), key(last), 'g');
        reference.store(first, last, 'g');
      }
      const [from, to] = window.map(at);
      if (from === undefined || to === undefined || to - from < BigInt(size) - 1n) return;
      const cursor = tree.cursor();
      const search = isReverse ? cursor.emptyAreaRev.bind(cursor) : cursor.emptyArea.bind(cursor);
      const code = search(key(from), key(to), key(BigInt(size)));
      const seen = code === 0 ? String(cursor.index) : `error ${code}`;
      const start = reference.place(BigInt(size), from, to, !isReverse);
      const wanted = start === null ? 'error -16' : String(start);
      if (seen !== wanted) {
        throw new Violation(
          'I8',
          `room for ${size} in [${from}, ${to}]: expected ${wanted}, got ${seen}`,
        );
      }
    },
  );

/** I2 after bulk loading, with overwrites inside the last leaf. */
export const bulkLoading: TreeProperty = (variation) =>
  fc.property(
    kinds.map((kind) => ({ ...varied(kind, variation), rcu: false })),
    fc.integer({ min: 1, max: 300 }),
    fc.integer({ min: 1, max: 40 }),
    (kind, count, overwrittenLength) => {
      const { driver, reference } = new World(kind, variation);
      const { key, tree } = driver;
      const cursor = tree.cursor();
      if (cursor.expectedEntries(count + 2) !== 0)
        throw new Error('bulk: expected nodes, got none');
      const put = (first: bigint, last: bigint): void => {
        cursor.set(key(first), key(last));
        cursor.store('b');
        reference.store(first, last, 'b');
      };
      for (let i = 0n; i < BigInt(count); i++) put(3n * i, 3n * i + 1n);
      const last = 3n * BigInt(count - 1) + 1n;
      const from = last - BigInt(overwrittenLength);
      if (from > 0n) put(from, last);
      const owed = cursor.needsRebalance;
      cursor.destroy();
      if (owed) checkTail(tree, cursor.index);
      tree.validate();
      for (let index = 0n; index <= last + 2n; index++) {
        if (tree.load(key(index)) !== reference.load(index)) {
          throw new Violation('I6', `bulk: load(${index})`);
        }
      }
    },
  );

/**
 * Bulk loading owed a repair: where it ended in the last leaf, and that leaf has a neighbour under its
 * parent with slots to give, it has as many as mas_destroy() promises.
 */
function checkTail(tree: MapleTree<Key, Entry>, index: Key): void {
  const { end, max, path } = walked(tree, index);
  const least = tree.geometry.leafMin - 1;
  if (path.level === 0 || max !== tree.keys.max) return;
  const sibling = path.node(path.level - 1).children[path.offset(path.level - 1) - 1];
  if (sibling == null || sibling.end <= (tree.geometry.leafSlots >> 1) + 1) return;
  if (end + 1 < least) throw new Violation('I2', `last leaf: ${end + 1} slots, not ${least}`);
}

function walked(tree: MapleTree<Key, Entry>, index: Key): Cursor<Key, Entry> {
  const cursor = tree.cursor(index);
  cursor.walk();
  return cursor;
}

/** I10: after destroy and a grace period no node is left that was in the tree. */
export const destruction: TreeProperty = (variation) =>
  fc.property(fc.integer({ min: 1, max: 140 }), fc.boolean(), (count, allocRange) => {
    const kind: Kind = { keys: 'number', geometry: 'kernel64', allocRange, rcu: true };
    const { tree } = openDriver(kind, variation);
    for (let i = 0; i < count; i++) tree.store(2 * i, 'd');
    const nodes = nodesOf(tree);
    tree.destroy();
    const left = nodes.filter((node) => node.state !== FREED).length;
    if (left > 0) throw new Violation('I10', `${left} of ${nodes.length} nodes are not freed`);
  });

/** I11 and I14: what a snapshot or a copy holds never changes by what others write. */
export const branches: TreeProperty = (variation) => {
  const cases = kinds
    .map((kind) => varied(kind, variation))
    .chain((kind) =>
      fc.record({
        kind: fc.constant(kind),
        fill: fc.nat(150),
        program: fc.array(choices(25, kind), { minLength: 2, maxLength: 6, size: 'max' }),
        copies: fc.array(fc.boolean(), { minLength: 6, maxLength: 6 }),
      }),
    );
  return fc.property(cases, ({ copies, fill, kind, program }) => {
    const worlds = [filledWorld(kind, variation, fill)];
    for (const [turn, steps] of program.entries()) {
      const world = worlds[turn % worlds.length] ?? worlds[0];
      if (world === undefined) return;
      const { reference } = world;
      let { tree } = world.driver;
      if (copies[turn] === true) {
        tree = openDriver(kind, variation).tree;
        if (world.driver.tree.dup(tree) !== 0) throw new Violation('I14', 'dup() refused');
        const same = tree.dump() === world.driver.tree.dump();
        if (!same) throw new Violation('I14', 'a copy has other nodes');
      } else tree = tree.snapshot();
      world.cursor.reset();
      world.refCursor.reset();
      const branch = new World(kind, variation, driverOf(kind, tree), reference.copy());
      worlds.push(branch);
      for (const [position, step] of steps.entries()) {
        const writer = position % 2 === 0 ? branch : world;
        writer.run(resolve(step, writer.reference));
      }
      for (const one of worlds) one.checkContent();
    }
  });
};

/**
 * Strictness of stores without a plan: in the kernel's geometries a tree that takes them has the same
 * nodes and the same statistics, after every operation, as one that plans every store.
 */
export const shortcuts: TreeProperty = (variation) => {
  const cases = kinds
    .filter(({ geometry }) => geometry.startsWith('kernel'))
    .map((kind) => ({ ...kind, rcu: false }))
    .chain((kind) =>
      fc.record({ kind: fc.constant(kind), fill: fc.nat(150), steps: choices(60, kind) }),
    );
  return fc.property(cases, ({ fill, kind, steps }) => {
    const rules = variation.rules ?? DOCUMENTED;
    const direct = filledWorld(kind, { ...variation, rules }, fill);
    const planned = filledWorld(
      kind,
      { ...variation, rules: { ...rules, shortcuts: false } },
      fill,
    );
    for (const step of steps) {
      direct.run(resolve(step, direct.reference));
      planned.run(resolve(step, planned.reference));
      const [one, other] = [direct.driver.tree, planned.driver.tree];
      const counted = JSON.stringify(one.statistics());
      if (counted !== JSON.stringify(other.statistics())) {
        throw new Violation('shortcuts', `${step.op}: ${counted}`);
      }
      if (one.dump() !== other.dump()) throw new Violation('shortcuts', `${step.op}: other nodes`);
    }
  });
};

/** I14: a dump, read and stored into an empty tree, gives the same content; in both formats. */
export const dumps: TreeProperty = (variation) => {
  const cases = kinds
    .map((kind) => varied(kind, variation))
    .chain((kind) =>
      fc.record({
        kind: fc.constant(kind),
        fill: fc.nat(150),
        steps: choices(30, kind),
        format: fc.constantFrom('dec' as const, 'hex' as const),
      }),
    );
  return fc.property(cases, ({ fill, format, kind, steps }) => {
    const world = filledWorld(kind, variation, fill);
    for (const step of steps) world.run(resolve(step, world.reference));
    const { tree } = world.driver;
    const dumped = parseDump(tree.dump(format), format);
    const { height, nodes } = tree.statistics();
    if (dumped.height !== height || dumped.nodes !== nodes) {
      throw new Violation('I14', `${dumped.nodes} nodes dumped of ${nodes}`);
    }
    const rebuilt = openDriver(kind, variation);
    const code = loadDump(rebuilt.tree, dumped, (text) => text);
    if (code !== 0) throw new Violation('I14', `loading a dump gave ${code}`);
    const copy = new World(kind, variation, rebuilt, world.reference.copy());
    copy.checkContent();
    rebuilt.tree.validate();
  });
};

/** I9: where memory fails at the k-th node, nothing has changed. */
export const exhaustion: TreeProperty = (variation) => {
  const cases = kinds
    .map((kind) => varied(kind, variation))
    .chain((kind) =>
      fc.record({
        kind: fc.constant(kind),
        steps: choices(60, kind),
        granted: fc.nat(4),
        shared: fc.boolean(),
      }),
    );
  return fc.property(cases, ({ granted, kind, shared, steps }) => {
    let left = Infinity;
    const allocator = { tryAllocate: () => left-- > 0 };
    const world = new World(kind, { ...variation, allocator });
    for (const step of steps) world.run(resolve(step, world.reference));
    const snapshot = shared ? world.driver.tree.snapshot() : null;
    const { tree } = world.driver;
    const before = tree.dump();
    const { height, nodes } = tree.statistics();
    left = granted;
    for (const index of [0n, 3n, 50n, 100n, world.driver.max]) {
      const code = tree.storeRange(world.driver.key(0n), world.driver.key(index), 'z');
      if (code === 0) break;
      if (code !== -12) throw new Violation('I9', `store gave ${code}`);
      const after = tree.statistics();
      if (tree.dump() !== before || after.height !== height || after.nodes !== nodes) {
        throw new Violation('I9', `store over [0, ${index}] changed the tree and gave -ENOMEM`);
      }
      left = granted;
    }
    left = Infinity;
    if (snapshot !== null) snapshot.validate();
    tree.validate();
  });
};
