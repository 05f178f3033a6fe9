// SPDX-License-Identifier: MIT
import type { DumpFormat } from './dump.ts';
import { ZERO_ENTRY } from './entry.ts';
import { EINVAL } from './errno.ts';
import type { Key } from './key.ts';
import type { MapleTree } from './tree.ts';

/** A range of a dumped tree that holds something. Both ends belong to it. */
export interface DumpedRange {
  readonly first: bigint;
  readonly last: bigint;
  /** The entry as the dump writes it: `value 5 (0x5)`, or a string's own text. */
  readonly entry: string;
}

/** What a dump tells of a tree. */
export interface DumpedTree {
  /** ma_flags with the height: include/linux/maple_tree.h, Linux 6.12. */
  readonly flags: number;
  readonly height: number;
  /** Nodes of the dump. */
  readonly nodes: number;
  readonly ranges: readonly DumpedRange[];
}

const HEADER = /^maple_tree\(\S+\) flags ([0-9A-F]+), height (\d+) root .*$/;
const NODE =
  /^ *([0-9a-f]+)(?:-([0-9a-f]+))?: node \S+ depth \d+ type \d(?: parent \S+)? contents: /;
const ENTRY = /^ *([0-9a-f]+)(?:-([0-9a-f]+))?: (.*)$/;
/** How a dump writes an empty slot and the zero entry. */
const NOTHING = '(nil)';
const ZERO = 'zero (257)';

/**
 * Reads a dump: what `MapleTree.dump()` writes, in the format of mt_dump(), lib/maple_tree.c,
 * Linux 6.12. Leaves are read, and the bounds of nodes; the contents of node lines say the same again.
 *
 * @param text the dump
 * @param format how it writes indices
 * @throws RangeError `line N: expected X, got Y`
 */
export function parseDump(text: string, format: DumpFormat = 'hex'): DumpedTree {
  const [head = '', ...lines] = text.trimEnd().split('\n');
  const header = HEADER.exec(head);
  if (header === null) throw complaint(1, 'the header of a dump', head);
  const ranges: DumpedRange[] = [];
  let nodes = 0;
  let next = 0n;
  for (const [position, line] of lines.entries()) {
    if (NODE.test(line)) {
      nodes++;
      continue;
    }
    const { entry, first, last } = parseRange(line, position + 2, format);
    if (nodes > 0 && first !== next) {
      throw complaint(position + 2, `a range from ${written(next, format)} on`, line);
    }
    next = last + 1n;
    if (entry !== NOTHING) ranges.push({ first, last, entry });
  }
  const [, flags = '', height = ''] = header;
  return { flags: Number.parseInt(flags, 16), height: Number(height), nodes, ranges };
}

function parseRange(line: string, number: number, format: DumpFormat): DumpedRange {
  const [matched, from, to = from, entry] = ENTRY.exec(line) ?? [];
  const isDecimal = /^\d+$/.test(`${from}${to}`);
  if (matched === undefined || from === undefined || to === undefined || entry === undefined) {
    throw complaint(number, 'a range and its entry', line);
  }
  if (format === 'dec' && !isDecimal) throw complaint(number, 'decimal indices', line);
  const prefix = format === 'hex' ? '0x' : '';
  const [first, last] = [BigInt(prefix + from), BigInt(prefix + to)];
  if (first > last) throw complaint(number, 'a range that does not end before it starts', line);
  return { first, last, entry };
}

function written(index: bigint, format: DumpFormat): string {
  return index.toString(format === 'hex' ? 16 : 10);
}

function complaint(line: number, expected: string, got: string): RangeError {
  return new RangeError(`line ${line}: expected ${expected}, got ${got}`);
}

/**
 * Stores what a dump holds into an empty tree. The content is equal; the nodes are as they come.
 *
 * @param entryOf the entry that a text stands for; the zero entry is known
 * @returns 0; -EINVAL where the tree is not empty, -ENOMEM with the tree left empty
 * @throws RangeError where an index is not of the tree's domain; nothing is stored then
 */
export function loadDump<K extends Key, V>(
  tree: MapleTree<K, V>,
  { ranges }: DumpedTree,
  entryOf: (text: string) => V,
): number {
  if (!tree.empty) return EINVAL;
  const rows = ranges.map(({ entry, first, last }) => ({
    first: tree.keys.ofBigInt(first),
    last: tree.keys.ofBigInt(last),
    entry: entry === ZERO ? (ZERO_ENTRY as V) : entryOf(entry), // Every tree may hold the zero entry.
  }));
  for (const { entry, first, last } of rows) {
    const code = tree.storeRange(first, last, entry);
    if (code !== 0) {
      tree.destroy();
      return code;
    }
  }
  return 0;
}
