// SPDX-License-Identifier: MIT
import fc from 'fast-check';
import {
  createMapleTree,
  DOCUMENTED,
  InvariantError,
  loadDump,
  parseDump,
  type Cursor,
  type Key,
  type MapleTree,
  type MapleTreeOptions,
} from '@kernel-models/maple-tree';
import { choices, kinds, resolve } from './arbitraries.ts';
import { Reference } from './reference.ts';
import { FREED, nodesOf } from './tree-nodes.ts';
import {
  driverOf,
  openDriver,
  Violation,
  World,
  type Entry,
  type Kind,
  type Resolved,
} from './world.ts';

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

/** A window to search: often all there is, which is what most callers give. */
const window: fc.Arbitrary<readonly [Edge, Edge]> = fc.oneof(
  fc.constant([
    { distance: 0, isHigh: false },
    { distance: 0, isHigh: true },
  ] as const),
  fc.tuple(edge, edge),
);

/** I8 alone: room is sought up to both ends of trees of few ranges, with nodes and without. */
export const gapSearches: TreeProperty = (variation) =>
  fc.property(
    kinds.map((kind) => ({ ...varied(kind, variation), allocRange: true, rcu: false })),
    fc.array(fc.tuple(edge, fc.nat(3)), { maxLength: 5 }),
    window,
    fc.integer({ min: 1, max: 6 }),
    fc.boolean(),
    (kind, ranges, [from, to], size, isReverse) => {
      const { key, max: highest, tree } = openDriver(kind, variation);
      const reference = new Reference(highest, true);
      const at = ({ distance, isHigh }: Edge): bigint =>
        isHigh ? highest - BigInt(distance) : BigInt(distance);
      for (const [start, length] of ranges) {
        const first = at(start);
        const last = highest - first < BigInt(length) ? highest : first + BigInt(length);
        tree.storeRange(key(first), key(last), 'g');
        reference.store(first, last, 'g');
      }
      const [min, max] = [at(from), at(to)];
      if (max - min < BigInt(size) - 1n) return;
      const cursor = tree.cursor();
      const search = isReverse ? cursor.emptyAreaRev.bind(cursor) : cursor.emptyArea.bind(cursor);
      const code = search(key(min), key(max), key(BigInt(size)));
      const seen = code === 0 ? String(cursor.index) : `error ${code}`;
      const start = reference.place(BigInt(size), min, max, !isReverse);
      const wanted = start === null ? 'error -16' : String(start);
      if (seen !== wanted) {
        throw new Violation(
          'I8',
          `room for ${size} in [${min}, ${max}]: expected ${wanted}, got ${seen}`,
        );
      }
    },
  );

/** What a cursor does at a place before it goes on from there. */
const stopover = fc.record({
  op: fc.constantFrom('storeGfp', 'store', 'erase', 'emptyArea', 'emptyAreaRev'),
  first: fc.nat(700),
  length: fc.oneof(fc.nat(3), fc.nat(40)),
  entry: fc.constantFrom('s', null),
});

/** The steps with which a cursor goes on. */
const STEPS = ['next', 'prev', 'nextRange', 'prevRange', 'find', 'findRange', 'findRev'] as const;

/**
 * I13: a cursor that has just stored, erased or found room goes on as a fresh one does that was set to
 * the slot where it stands and walked there.
 */
export const continuations: TreeProperty = (variation) => {
  const cases = kinds
    .map((kind) => varied(kind, variation))
    .chain((kind) =>
      fc.record({
        kind: fc.constant(kind),
        fill: fc.integer({ min: 1, max: 170 }),
        stops: fc.array(fc.tuple(stopover, fc.array(fc.constantFrom(...STEPS), { minLength: 1 })), {
          minLength: 1,
          maxLength: 12,
        }),
      }),
    );
  return fc.property(cases, ({ fill, kind, stops }) => {
    const { tree, key } = filledWorld(kind, variation, fill).driver;
    for (const [{ entry, first, length, op }, steps] of stops) {
      const cursor = tree.cursor(key(BigInt(first)), key(BigInt(first + length)));
      const hadNodes = tree.root !== null;
      if (op === 'erase') cursor.erase();
      else if (op === 'storeGfp' || op === 'store') cursor[op](entry);
      else if (cursor[op](key(0n), tree.keys.max, key(BigInt(length + 1))) !== 0) continue;
      // The leaf that a first store builds does not refresh the cursor's END, in 6.12 as here.
      if (!hadNodes || !cursor.is('active')) continue;
      const fresh = walked(tree, cursor.index);
      // What was found is a part of a hole; both go on from all of it.
      cursor.setRangeHere(fresh.index, fresh.last);
      for (const step of steps) {
        const [seen, wanted] = [cursor[step](), fresh[step]()];
        const [at, expected] = [cursor, fresh].map(
          ({ index, last, status }) => `${status} [${index}, ${last}]`,
        );
        if (seen === wanted && at === expected) continue;
        const asked = `${op} at ${first}, ${length + 1}, then ${step}()`;
        throw new Violation(
          'I13',
          `${asked}: expected ${String(wanted)} ${expected}, got ${String(seen)} ${at}`,
        );
      }
    }
  });
};

/** I2 after bulk loading, with overwrites inside the last leaf. */
export const bulkLoading: TreeProperty = (variation) =>
  fc.property(
    kinds.map((kind) => ({ ...varied(kind, variation), rcu: false })),
    fc.integer({ min: 1, max: 300 }),
    fc.integer({ min: 1, max: 40 }),
    (kind, count, overwrittenLength) => {
      const world = new World(kind, variation);
      const { driver, reference } = world;
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
      world.checkContent();
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

/**
 * I11 and I14: what a snapshot or a copy holds never changes by what others write, and a write to shared
 * nodes builds and copies no more of them than the kernel asks for in the worst case, on each of its paths.
 */
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
    /** Which property a world that changes by itself breaks. */
    const bond = new Map<World, 'I11' | 'I14'>();
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
      for (const one of [branch, world]) bond.set(one, copies[turn] === true ? 'I14' : 'I11');
      for (const [position, step] of steps.entries()) {
        const [writer, other] = position % 2 === 0 ? [branch, world] : [world, branch];
        runTouchingFew(writer, resolve(step, writer.reference));
        untouched(other, bond.get(other), () => other.driver.tree.validate());
      }
      for (const one of worlds) untouched(one, bond.get(one), () => one.checkContent());
    }
  });
};

/** Does an operation, and counts the nodes that it built or had to copy because others share them. */
function runTouchingFew(world: World, step: Resolved): void {
  const { tree } = world.driver;
  const before = tree.statistics();
  world.run(step);
  const after = tree.statistics();
  const touched = after.used + after.cloned - before.used - before.cloned;
  const most = 3 * Math.max(before.height, after.height) + 1;
  if (touched > most)
    throw new Violation('I11', `${step.op} touched ${touched} nodes, not ${most}`);
}

/** Checks a tree that shares nodes, or did, with one that was written to. */
function untouched(world: World, id: string | undefined, check: () => void): void {
  try {
    check();
  } catch (error) {
    if (!(error instanceof Violation || error instanceof InvariantError)) throw error;
    const { keys, geometry } = world.kind;
    throw new Violation(id ?? 'I11', `${keys}, ${geometry}: another's write: ${error.message}`);
  }
}

/**
 * Two trees in a kernel's geometry that must not differ: after every operation both have the same nodes
 * and the same statistics, and their answers are the reference's.
 */
function twins(id: string, one: Variation, other: Variation): fc.IRawProperty<unknown> {
  const cases = kinds
    .filter(({ geometry }) => geometry.startsWith('kernel'))
    .map((kind) => varied({ ...kind, rcu: false }, one))
    .chain((kind) =>
      fc.record({ kind: fc.constant(kind), fill: fc.nat(400), steps: choices(60, kind) }),
    );
  return fc.property(cases, ({ fill, kind, steps }) => {
    const worlds = [filledWorld(kind, one, fill), filledWorld(kind, other, fill)] as const;
    for (const step of steps) {
      for (const world of worlds) world.run(resolve(step, world.reference));
      const [first, second] = [worlds[0].driver.tree, worlds[1].driver.tree];
      const counted = JSON.stringify(first.statistics());
      if (counted !== JSON.stringify(second.statistics())) {
        throw new Violation(id, `${step.op}: ${counted}`);
      }
      if (first.dump() !== second.dump()) throw new Violation(id, `${step.op}: other nodes`);
    }
  });
}

/** Strictness of stores without a plan: a tree that takes them, and one that plans every store. */
export const shortcuts: TreeProperty = (variation) => {
  const rules = variation.rules ?? DOCUMENTED;
  return twins(
    'shortcuts',
    { ...variation, rules },
    { ...variation, rules: { ...rules, shortcuts: false } },
  );
};

/** A tree of the variation does all that a tree without it does, node for node. */
export const harmlessness: TreeProperty = (variation) => {
  const { geometry } = variation;
  const clean: Variation = { rules: { ...DOCUMENTED, shortcuts: false } };
  return twins('harmless', variation, geometry === undefined ? clean : { ...clean, geometry });
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
    const reference = world.reference.copy();
    // What fits the root word is stored there, wherever it was before.
    if (rebuilt.tree.root === null) reference.form = rebuilt.tree.empty ? 'empty' : 'root';
    const copy = new World(kind, variation, rebuilt, reference);
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
