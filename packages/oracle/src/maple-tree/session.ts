// SPDX-License-Identifier: MIT
import { formatHex, type Json } from '@kernel-models/model-core';
import {
  createMapleTree,
  errnoName,
  RETRY_ENTRY,
  STORE_TYPES,
  ZERO_ENTRY,
  type Cursor,
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
  /** Makes an empty tree of the same kind. */
  readonly #newTree: () => MapleTree<K, Entry>;

  constructor(
    newTree: () => MapleTree<K, Entry>,
    toKey: (word: bigint) => K,
    tree: MapleTree<K, Entry> = newTree(),
    cursor: Cursor<K, Entry> = tree.cursor(),
  ) {
    this.#newTree = newTree;
    this.#toKey = toKey;
    this.tree = tree;
    this.cursor = cursor;
  }

  /** A second session that goes its own way from here, by what is given. */
  branch(options: SnapshotOptions): Session<K> {
    const tree = this.tree.snapshot(options);
    return new Session(this.#newTree, this.#toKey, tree, this.cursor.in(tree));
  }

  /** Does one operation. */
  run(operation: Operation): Outcome {
    if (operation.op === 'dump') return { kind: 'dump', tree: this.#dump() };
    if (operation.op === 'dup') return this.#dup();
    const before = this.tree.statistics();
    const answer = this.#tree(operation) ?? this.#step(operation) ?? this.#write(operation);
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
    const copy = this.#newTree();
    copy.setInRcu(original.inRcu);
    const answer = code(original.dup(copy));
    const queued = original.statistics().queued;
    original.destroy();
    this.tree = copy;
    this.cursor = copy.cursor(cursor.index, cursor.last);
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
  return setup.machine === '64-bit'
    ? new Session<bigint>(
        () => createMapleTree<Entry>({ geometry: 'kernel64', ...common, keys: 'u64' }),
        (word) => word,
      )
    : new Session<number>(
        () => createMapleTree<Entry>({ geometry: 'kernel32', ...common, keys: 'u32' }),
        Number,
      );
}
