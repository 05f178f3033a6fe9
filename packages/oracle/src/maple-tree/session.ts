// SPDX-License-Identifier: MIT
import { formatHex, type Json } from '@kernel-models/model-core';
import {
  createMapleTree,
  errnoName,
  RETRY_ENTRY,
  STORE_TYPES,
  ZERO_ENTRY,
  type Cursor,
  type GeometryName,
  type Key,
  type MapleTree,
  type MapleTreeOptions,
  type NodeDump,
  type SnapshotOptions,
} from '@kernel-models/maple-tree';
import type { Operation } from './operation.ts';
import type { Answered, CursorView, Outcome } from './outcome.ts';
import type { Setup } from './setup.ts';

/** An entry as the tree holds it: the kernel's word, or one of its two reserved entries. */
export type Entry = bigint | typeof ZERO_ENTRY | typeof RETRY_ENTRY;

/** XA_RETRY_ENTRY and XA_ZERO_ENTRY, include/linux/xarray.h, Linux 6.12. */
const RETRY_WORD = 0x402n;
const ZERO_WORD = 0x406n;

function entryOf(word: bigint): Entry | null {
  if (word === 0n) return null;
  if (word === ZERO_WORD) return ZERO_ENTRY;
  return word === RETRY_WORD ? RETRY_ENTRY : word;
}

function wordOf(entry: Entry | null): bigint | null {
  if (entry === null) return null;
  if (entry === ZERO_ENTRY) return ZERO_WORD;
  return entry === RETRY_ENTRY ? RETRY_WORD : entry;
}

/** The shape of a tree's nodes: the machine's own, or one that promises only the content. */
export type NodeShape = 'kernel' | 'tuned';

/** What a branch follows, and the shape of its nodes. */
export type BranchOptions = SnapshotOptions & { readonly nodes?: NodeShape };

/** What a call answered, before the structure is added. */
interface Answer {
  value?: bigint | null;
  errno?: string;
  at?: bigint;
  next?: bigint;
}

/**
 * A tree and one cursor, on which operations are done in place. A write through the tree, or a gap
 * search that found nothing, resets the cursor: the probe does the same to the kernel's.
 */
export class Session<K extends Key> {
  tree: MapleTree<K, Entry>;
  cursor: Cursor<K, Entry>;
  readonly #toKey: (word: bigint) => K;
  /** Makes an empty tree of the same kind, with nodes of a shape. */
  readonly #newTree: (nodes: NodeShape) => MapleTree<K, Entry>;
  readonly #nodes: NodeShape;

  constructor(
    newTree: (nodes: NodeShape) => MapleTree<K, Entry>,
    toKey: (word: bigint) => K,
    nodes: NodeShape = 'kernel',
    tree: MapleTree<K, Entry> = newTree(nodes),
    cursor: Cursor<K, Entry> = tree.cursor(),
  ) {
    this.#newTree = newTree;
    this.#toKey = toKey;
    this.#nodes = nodes;
    this.tree = tree;
    this.cursor = cursor;
  }

  /** A second session that goes its own way from here, by what is given. */
  branch({ nodes = 'kernel', ...options }: BranchOptions): Session<K> {
    const from = nodes === this.#nodes ? this : this.#inNodes(nodes);
    const tree = from.tree.snapshot(options);
    return new Session(this.#newTree, this.#toKey, nodes, tree, from.cursor.in(tree));
  }

  /** The same content, flags and cursor in nodes of another shape. */
  #inNodes(nodes: NodeShape): Session<K> {
    const { cursor: from, tree: source } = this;
    const tree = this.#newTree(nodes);
    const { max, zero } = tree.keys;
    if (source.root !== null) {
      // Stored like this a tree has a leaf, whatever it holds later.
      tree.storeRange(zero, max, ZERO_ENTRY);
      tree.storeRange(zero, max, null);
    }
    source.forEach((entry, first, last) => tree.storeRange(first, last, entry));
    tree.setInRcu(source.inRcu);
    tree.allocWrapped = source.allocWrapped;
    tree.resetStatistics();
    const cursor = tree.cursor(from.index, from.last);
    if (from.node !== null) cursor.walk();
    cursor.setRangeHere(from.index, from.last);
    cursor.status = from.status;
    return new Session(this.#newTree, this.#toKey, nodes, tree, cursor);
  }

  /** Whether a store would be one over the whole domain: null takes the null beside it along. */
  coversAll({ entry, first, last }: { first: bigint; last: bigint; entry: bigint }): boolean {
    const max = BigInt(this.tree.keys.max);
    if (entry !== 0n) return first === 0n && last === max;
    const [before] = this.#hole(first > 0n ? first - 1n : 0n);
    const [, behind] = this.#hole(last < max ? last + 1n : max);
    return before === 0n && behind === max;
  }

  /** Whether there are nodes that hold nothing: a leaf whose one slot is null. */
  isOneHole(): boolean {
    const [first, last] = this.#hole(0n);
    return this.tree.root !== null && first === 0n && last === BigInt(this.tree.keys.max);
  }

  /** The ends of the null slot at an index; of an entry only the index itself. */
  #hole(index: bigint): readonly [bigint, bigint] {
    const cursor = this.tree.cursor(this.#toKey(index));
    if (cursor.walk() !== null) return [index, index];
    return [BigInt(cursor.index), BigInt(cursor.last)];
  }

  /** Does one operation. */
  run(operation: Operation): Outcome {
    if (operation.op === 'dump') return { kind: 'dump', tree: this.#dump() };
    if (operation.op === 'dup') return this.#dup();
    const before = this.tree.statistics();
    let answer: Answer;
    try {
      answer = this.#tree(operation) ?? this.#step(operation) ?? this.#write(operation);
    } catch (error) {
      // Only with this bug can a cursor that is active have no node.
      if (this.tree.rules.limitBeforeWalkStarts || this.cursor.node !== null) throw error;
      return { kind: 'fault', fault: 'null node' };
    }
    const after = this.tree.statistics();
    const store = STORE_TYPES.find((type) => after.stores[type] > before.stores[type]);
    return {
      kind: answer.errno === undefined ? 'value' : 'errno',
      ...answer,
      structure: {
        ...(store !== undefined && { store }),
        requested: after.requested - before.requested,
        queued: after.queued - before.queued,
        height: after.height,
        nodes: after.nodes,
      },
      ...(operation.op.startsWith('mas_') && { cursor: this.#view() }),
    } satisfies Answered;
  }

  /** Goes on with a copy of the tree; the original is destroyed. */
  #dup(): Outcome {
    const { cursor, tree: original } = this;
    const copy = this.#newTree(this.#nodes);
    copy.setInRcu(original.inRcu);
    const answer = code(original.dup(copy));
    const queued = original.statistics().queued;
    original.destroy();
    this.tree = copy;
    // The cursor starts over and keeps what it remembers, as the kernel's own does.
    this.cursor = cursor.in(copy);
    this.cursor.reset();
    const { height, nodes, requested } = copy.statistics();
    const structure = { requested, queued: original.statistics().queued - queued, height, nodes };
    return { kind: 'value', ...answer, structure };
  }

  /** The simple interface. */
  #tree(operation: Operation): Answer | null {
    const key = this.#toKey;
    const { tree } = this;
    switch (operation.op) {
      case 'load':
        return entry(tree.load(key(operation.index)));
      case 'store':
        return this.#reset(
          code(
            tree.storeRange(key(operation.first), key(operation.last), entryOf(operation.entry)),
          ),
        );
      case 'insert':
        return this.#reset(
          code(
            tree.insertRange(key(operation.first), key(operation.last), entryOf(operation.entry)),
          ),
        );
      case 'erase':
        return this.#reset(entry(tree.erase(key(operation.index))));
      case 'alloc_range':
      case 'alloc_rrange':
        return this.#reset(this.#allocate(operation));
      case 'alloc_cyclic':
        return this.#reset(this.#allocateCyclic(operation));
      case 'find':
      case 'find_after': {
        const find = operation.op === 'find' ? tree.find.bind(tree) : tree.findAfter.bind(tree);
        const found = find(key(operation.index), key(operation.max));
        return { ...entry(found?.entry ?? null), at: BigInt(found?.index ?? operation.index) };
      }
      case 'next':
        return entry(tree.next(key(operation.index), key(operation.max)));
      case 'prev':
        return entry(tree.prev(key(operation.index), key(operation.min)));
      case 'destroy':
        tree.destroy();
        return this.#reset({ value: null });
      case 'rcu':
        tree.setInRcu(operation.on !== 0n);
        return { value: null };
      default:
        return null;
    }
  }

  #allocate(operation: Operation & { op: 'alloc_range' | 'alloc_rrange' }): Answer {
    const { tree } = this;
    const key = this.#toKey;
    const word = entryOf(operation.entry);
    if (word === null) throw nothingToAllocate();
    const allocate =
      operation.op === 'alloc_range'
        ? tree.allocRangeLow.bind(tree)
        : tree.allocRangeHigh.bind(tree);
    const start = allocate(word, key(operation.size), key(operation.min), key(operation.max));
    return start < 0 ? code(Number(start)) : { value: 0n, at: BigInt(start) };
  }

  #allocateCyclic(operation: Operation & { op: 'alloc_cyclic' }): Answer {
    const key = this.#toKey;
    const word = entryOf(operation.entry);
    if (word === null) throw nothingToAllocate();
    const found = this.tree.allocCyclic(
      word,
      key(operation.min),
      key(operation.max),
      key(operation.next),
    );
    if (typeof found === 'number') return code(found);
    const { next, start, wrapped } = found;
    return { value: wrapped ? 1n : 0n, at: BigInt(start), next: BigInt(next) };
  }

  /** Steps of the cursor. */
  #step(operation: Operation): Answer | null {
    const key = this.#toKey;
    const { cursor } = this;
    switch (operation.op) {
      case 'mas_set':
        cursor.set(key(operation.first), key(operation.last));
        return { value: null };
      case 'mas_reset':
        cursor.reset();
        return { value: null };
      case 'mas_pause':
        cursor.pause();
        return { value: null };
      case 'mas_walk':
        return entry(cursor.walk());
      case 'mas_next':
        return entry(cursor.next(key(operation.max)));
      case 'mas_next_range':
        return entry(cursor.nextRange(key(operation.max)));
      case 'mas_prev':
        return entry(cursor.prev(key(operation.min)));
      case 'mas_prev_range':
        return entry(cursor.prevRange(key(operation.min)));
      case 'mas_find':
        return entry(cursor.find(key(operation.max)));
      case 'mas_find_range':
        return entry(cursor.findRange(key(operation.max)));
      case 'mas_find_rev':
        return entry(cursor.findRev(key(operation.min)));
      case 'mas_find_range_rev':
        return entry(cursor.findRangeRev(key(operation.min)));
      default:
        return null;
    }
  }

  /** Writes and gap searches of the cursor. */
  #write(operation: Operation): Answer {
    const key = this.#toKey;
    const { cursor } = this;
    switch (operation.op) {
      case 'mas_store':
        cursor.store(entryOf(operation.entry));
        return { value: null };
      case 'mas_store_gfp':
        return code(cursor.storeGfp(entryOf(operation.entry)));
      case 'mas_store_prealloc': {
        const result = cursor.preallocate(entryOf(operation.entry));
        if (result === 0) cursor.storePrealloc(entryOf(operation.entry));
        return code(result);
      }
      case 'mas_erase':
        return entry(cursor.erase());
      case 'mas_expected_entries':
        return code(cursor.expectedEntries(Number(operation.count)));
      case 'mas_destroy':
        cursor.destroy();
        return this.#reset({ value: null });
      case 'mas_empty_area':
      case 'mas_empty_area_rev': {
        const search =
          operation.op === 'mas_empty_area'
            ? cursor.emptyArea.bind(cursor)
            : cursor.emptyAreaRev.bind(cursor);
        const min = key(operation.min);
        const answer = code(search(min, key(operation.max), key(operation.size)));
        if (answer.errno === 'EBUSY') cursor.set(min);
        return answer;
      }
      default:
        throw new RangeError(`op: expected an operation on a maple tree, got ${operation.op}`);
    }
  }

  #reset(answer: Answer): Answer {
    this.cursor.reset();
    return answer;
  }

  #view(): CursorView {
    const { end, index, last, max, min, node, offset, status } = this.cursor;
    const range = { status, index: BigInt(index), last: BigInt(last) };
    if (status !== 'active' || node === null) return range;
    return { ...range, place: { min: BigInt(min), max: BigInt(max), offset, end } };
  }

  /** All that later operations can depend on, as data. */
  describe(): Json {
    const { bulk, needsRebalance, preallocated } = this.cursor;
    const { index, last, place, status } = this.#view();
    return {
      tree: this.#dump(),
      wrapped: this.tree.allocWrapped,
      rcu: this.tree.inRcu,
      cursor: [status, formatHex(index), formatHex(last), place?.offset ?? null],
      bulk: [bulk, needsRebalance, preallocated],
    };
  }

  #dump(): Json {
    const nodes = this.tree.dumpNodes();
    if (nodes !== null) return { root: nodeJson(nodes) };
    const word = wordOf(this.tree.rootEntry);
    return { root: null, entry: word === null ? null : formatHex(word) };
  }
}

function nothingToAllocate(): RangeError {
  return new RangeError('entry: expected an entry to allocate for, got NULL');
}

function entry(found: Entry | null): Answer {
  return { value: wordOf(found) };
}

function code(result: number): Answer {
  return result < 0 ? { errno: errnoName(result) } : { value: BigInt(result) };
}

function nodeJson<K extends Key>(node: NodeDump<K, Entry>): Json {
  const hex = (key: K): string => formatHex(BigInt(key));
  return {
    pivots: node.pivots.map(hex),
    ...(node.gaps !== undefined && { gap: node.gap, gaps: node.gaps.map(hex) }),
    ...(node.entries !== undefined && {
      entries: node.entries.map((one) => {
        const word = wordOf(one);
        return word === null ? null : formatHex(word);
      }),
    }),
    ...(node.children !== undefined && { children: node.children.map(nodeJson) }),
  };
}

/** A session on a machine of either kind. */
export type AnySession = Session<bigint> | Session<number>;

/** A fresh session. */
export function openSession(setup: Setup, options: MapleTreeOptions<Entry> = {}): AnySession {
  const common: MapleTreeOptions<Entry> = {
    allocRange: setup.allocRange,
    rcu: setup.rcu,
    isInternalEntry: (word) => typeof word === 'symbol' || (word & 3n) === 2n,
    ...options,
  };
  const shaped = (nodes: NodeShape, own: GeometryName): MapleTreeOptions<Entry> => ({
    ...common,
    geometry: nodes === 'kernel' ? own : nodes,
  });
  return setup.machine === '64-bit'
    ? new Session<bigint>(
        (nodes) => createMapleTree<Entry>({ ...shaped(nodes, 'kernel64'), keys: 'u64' }),
        (word) => word,
      )
    : new Session<number>(
        (nodes) => createMapleTree<Entry>({ ...shaped(nodes, 'kernel32'), keys: 'u32' }),
        Number,
      );
}
