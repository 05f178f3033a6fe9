// SPDX-License-Identifier: MIT
import { isReserved } from './entry.ts';
import { GEOMETRIES, type Geometry, type GeometryName } from './geometry.ts';
import { NUMBER_KEYS, U32_KEYS, U64_KEYS, type Key, type KeyMode } from './key.ts';
import { NodeFactory } from './node.ts';
import type { NodeAllocator } from './reserve.ts';
import { DOCUMENTED, type Rules } from './rules.ts';
import { MapleTree } from './tree.ts';

/** What a tree is made with. Every field has a default. */
export interface MapleTreeOptions<V = unknown> {
  /** The index domain; `number` by default. */
  readonly keys?: 'number' | 'u32' | 'u64';
  /** The shape of the nodes; `tuned` by default. */
  readonly geometry?: GeometryName | Geometry;
  /** Keep gaps, so that free ranges can be found and allocated: MT_FLAGS_ALLOC_RANGE. Default: no. */
  readonly allocRange?: boolean;
  /** Begin in RCU mode: MT_FLAGS_USE_RCU. Default: no. */
  readonly rcu?: boolean;
  /** `DOCUMENTED` by default; `LINUX_6_12` repeats two wrong answers of that kernel. */
  readonly rules?: Rules;
  /** Who grants nodes; by default every request is granted. */
  readonly allocator?: NodeAllocator;
  /** Check cursors: a stale one throws. Default: no. */
  readonly debug?: boolean;
  /**
   * Which entries have the bits 10 at their end in the kernel's words, so that the root word cannot
   * hold them. Only exact replay needs it. Default: the zero entry alone.
   */
  readonly isInternalEntry?: (entry: V) => boolean;
  /** A class to make in place of {@link MapleTree}: one that overrides it. */
  readonly treeClass?: typeof MapleTree;
}

/** Options with every default filled in, except those that the node factory holds. */
export interface TreeOptions<V> {
  readonly rules: Rules;
  readonly allocator: NodeAllocator | null;
  readonly debug: boolean;
  readonly inRcu: boolean;
  readonly isInternalEntry: (entry: V) => boolean;
  readonly treeClass?: typeof MapleTree;
}

/**
 * Makes an empty tree.
 *
 * Mirrors mt_init_flags(), include/linux/maple_tree.h, Linux 6.12.
 *
 * @example
 * const tree = createMapleTree<string>();
 * tree.storeRange(10, 19, 'a');
 * tree.load(12); // 'a'
 * @throws RangeError for a key mode or geometry that there is not
 */
export function createMapleTree<V>(
  options: MapleTreeOptions<V> & { readonly keys: 'u64' },
): MapleTree<bigint, V>;
export function createMapleTree<V>(
  options?: MapleTreeOptions<V> & { readonly keys?: 'number' | 'u32' },
): MapleTree<number, V>;
export function createMapleTree<V>(
  options: MapleTreeOptions<V> = {},
): MapleTree<number, V> | MapleTree<bigint, V> {
  switch (options.keys) {
    case undefined:
    case 'number':
      return build(NUMBER_KEYS, options);
    case 'u32':
      return build(U32_KEYS, options);
    case 'u64':
      return build(U64_KEYS, options);
    default:
      throw new RangeError(`keys: expected number, u32 or u64, got ${String(options.keys)}`);
  }
}

function build<K extends Key, V>(keys: KeyMode<K>, options: MapleTreeOptions<V>): MapleTree<K, V> {
  const Tree = options.treeClass ?? MapleTree;
  const nodes = new NodeFactory<K, V>(
    keys,
    resolveGeometry(options.geometry ?? 'tuned'),
    options.allocRange ?? false,
  );
  return new Tree<K, V>(
    keys,
    {
      rules: options.rules ?? DOCUMENTED,
      allocator: options.allocator ?? null,
      debug: options.debug ?? false,
      inRcu: options.rcu ?? false,
      isInternalEntry: options.isInternalEntry ?? isReserved,
      treeClass: Tree,
    },
    nodes,
  );
}

function resolveGeometry(geometry: GeometryName | Geometry): Geometry {
  if (typeof geometry !== 'string') return geometry;
  if (!Object.hasOwn(GEOMETRIES, geometry)) {
    throw new RangeError(`geometry: expected kernel64, kernel32 or tuned, got ${geometry}`);
  }
  return GEOMETRIES[geometry];
}
