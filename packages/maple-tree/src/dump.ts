// SPDX-License-Identifier: MIT
import { ZERO_ENTRY } from './entry.ts';
import type { Key } from './key.ts';
import { childAt, entryAt, gapAt, maxOf, pivotAt, type MapleNode } from './node.ts';
import type { MapleTree } from './tree.ts';

/** How a dump writes indices: enum mt_dump_format, include/linux/maple_tree.h, Linux 6.12. */
export type DumpFormat = 'dec' | 'hex';

/** A node as data. `children` or `entries` stands for the slots. */
export interface NodeDump<K extends Key, V> {
  readonly pivots: readonly K[];
  readonly gap?: number;
  readonly gaps?: readonly K[];
  readonly children?: readonly NodeDump<K, V>[];
  readonly entries?: readonly (V | null)[];
}

/** The nodes of a tree as data; null where there is none. */
export function dumpData<K extends Key, V>(tree: MapleTree<K, V>): NodeDump<K, V> | null {
  return tree.root === null ? null : nodeData(tree.root, tree.allocRange);
}

function nodeData<K extends Key, V>(node: MapleNode<K, V>, hasGaps: boolean): NodeDump<K, V> {
  const slots = Array.from({ length: node.end + 1 }, (_, offset) => offset);
  const { pivots } = node;
  if (node.leaf) return { pivots, entries: slots.map((offset) => entryAt(node, offset)) };
  const children = slots.map((offset) => nodeData(childAt(node, offset), hasGaps));
  if (!hasGaps) return { pivots, children };
  return { pivots, gap: node.gapSlot, gaps: slots.map((offset) => gapAt(node, offset)), children };
}

/**
 * A tree as text, in the kernel's format: mt_dump(), lib/maple_tree.c, Linux 6.12. Nodes and entries
 * have numbers, in the order of the dump, in place of addresses.
 */
export function dumpTree<K extends Key, V>(tree: MapleTree<K, V>, format: DumpFormat): string {
  return new Dumper(tree, format).text();
}

class Dumper<K extends Key, V> {
  readonly #tree: MapleTree<K, V>;
  readonly #format: DumpFormat;
  readonly #numbers = new Map<MapleNode<K, V>, number>();
  readonly #lines: string[] = [];

  constructor(tree: MapleTree<K, V>, format: DumpFormat) {
    this.#tree = tree;
    this.#format = format;
  }

  text(): string {
    const { height, root, rootEntry } = this.#tree;
    const flags = this.#flags().toString(16).toUpperCase();
    const at = root === null ? describeEntry(rootEntry) : this.#name(root);
    this.#lines.push(`maple_tree(tree) flags ${flags}, height ${height} root ${at}`);
    if (root !== null) this.#node(root, this.#tree.keys.zero, 0);
    else if (rootEntry !== null)
      this.#entry(rootEntry, this.#tree.keys.zero, this.#tree.keys.zero, 0);
    return `${this.#lines.join('\n')}\n`;
  }

  #flags(): number {
    const { allocRange, allocWrapped, height, inRcu } = this.#tree;
    return (allocRange ? 1 : 0) | (inRcu ? 2 : 0) | (height << 2) | (allocWrapped ? 0x800 : 0);
  }

  #node(node: MapleNode<K, V>, min: K, depth: number): void {
    const { keys } = this.#tree;
    const type = node.leaf ? 1 : this.#tree.allocRange ? 3 : 2;
    const head = `${this.#range(min, maxOf(node), depth)} node ${this.#name(node)}`;
    this.#lines.push(`${head} depth ${depth} type ${type} contents: ${this.#contents(node)}`);
    let first = min;
    for (let offset = 0; offset <= node.end; offset++) {
      const last = pivotAt(node, offset);
      if (node.leaf) this.#entry(entryAt(node, offset), first, last, depth + 1);
      else this.#node(childAt(node, offset), first, depth + 1);
      if (last < keys.max) first = keys.next(last);
    }
  }

  #contents(node: MapleNode<K, V>): string {
    const parts: string[] = [];
    const hasGaps = !node.leaf && this.#tree.allocRange;
    for (let offset = 0; hasGaps && offset <= node.end; offset++) {
      parts.push(this.#number(gapAt(node, offset)));
    }
    if (hasGaps) parts.push(`| ${twoDigits(node.end)} ${twoDigits(node.gapSlot)}|`);
    for (let offset = 0; offset <= node.end; offset++) {
      const slot = node.leaf
        ? describeEntry(entryAt(node, offset))
        : this.#name(childAt(node, offset));
      parts.push(offset < node.end ? `${slot} ${this.#number(pivotAt(node, offset))}` : slot);
    }
    return parts.join(' ');
  }

  #entry(entry: V | null, first: K, last: K, depth: number): void {
    this.#lines.push(`${this.#range(first, last, depth)} ${describeEntry(entry)}`);
  }

  #range(first: K, last: K, depth: number): string {
    const indent = '  '.repeat(depth);
    if (first === last) return `${indent}${this.#number(first)}:`;
    return `${indent}${this.#number(first)}-${this.#number(last)}:`;
  }

  #number(value: K): string {
    return this.#format === 'hex' ? value.toString(16) : value.toString();
  }

  #name(node: MapleNode<K, V>): string {
    const known = this.#numbers.get(node);
    if (known !== undefined) return `#${known}`;
    const number = this.#numbers.size;
    this.#numbers.set(node, number);
    return `#${number}`;
  }
}

function twoDigits(value: number): string {
  return value.toString(16).toUpperCase().padStart(2, '0');
}

function describeEntry(entry: unknown): string {
  if (entry === null) return '(nil)';
  if (entry === ZERO_ENTRY) return 'zero (257)';
  if (typeof entry === 'number' || typeof entry === 'bigint') {
    return `value ${entry} (0x${entry.toString(16)})`;
  }
  return String(entry);
}
