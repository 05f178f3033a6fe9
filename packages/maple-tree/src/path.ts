// SPDX-License-Identifier: MIT
import { maxOf, pivotAt, type MapleNode } from './node.ts';
import type { Key, KeyMode } from './key.ts';

/**
 * The way from the root to a node: the nodes of levels 0 (the root) to {@link level}, and the offset
 * taken in each. What the kernel finds by parent pointers, which shared nodes cannot have.
 */
export class Path<K extends Key, V> {
  readonly nodes: MapleNode<K, V>[] = [];
  readonly offsets: number[] = [];
  /** Level of the deepest node; -1 while there is none. */
  level = -1;

  /** The node of a level that the path has. */
  node(level: number): MapleNode<K, V> {
    return this.nodes[level]!; // eslint-disable-line @typescript-eslint/no-non-null-assertion -- level <= this.level
  }

  /** The offset taken at a level that the path has. */
  offset(level: number): number {
    return this.offsets[level]!; // eslint-disable-line @typescript-eslint/no-non-null-assertion -- level <= this.level
  }

  set(level: number, node: MapleNode<K, V>, offset: number): void {
    this.nodes[level] = node;
    this.offsets[level] = offset;
  }

  /** Lower bound of the node at a level: after the nearest slot to the left of the path. */
  minAt(level: number, keys: KeyMode<K>): K {
    for (let above = level - 1; above >= 0; above--) {
      const offset = this.offset(above);
      if (offset > 0) return keys.next(pivotAt(this.node(above), offset - 1));
    }
    return keys.zero;
  }

  /** Upper bound of the node at a level. */
  maxAt(level: number): K {
    return maxOf(this.node(level));
  }

  copyFrom(other: Path<K, V>): void {
    for (let level = 0; level <= other.level; level++) {
      this.set(level, other.node(level), other.offset(level));
    }
    this.level = other.level;
  }

  /** Whether the node at a level begins the tree. */
  isLeftmost(level: number): boolean {
    for (let above = 0; above < level; above++) if (this.offset(above) > 0) return false;
    return true;
  }

  /** Whether the node at a level ends the tree. */
  isRightmost(level: number): boolean {
    for (let above = 0; above < level; above++) {
      if (this.offset(above) < this.node(above).end) return false;
    }
    return true;
  }
}
