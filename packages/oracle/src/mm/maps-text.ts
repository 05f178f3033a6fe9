// SPDX-License-Identifier: MIT
import type { SmapsVma } from '@kernel-models/mm';

/** A node of the tree, as data: entries are numbers of mappings, from 1. */
export interface TreeNode {
  /** What the node covers; both inclusive. */
  readonly first: bigint;
  readonly last: bigint;
  /** The last address of each slot. */
  readonly pivots: readonly bigint[];
  /** Of a leaf: the mapping in each slot; null where nothing is mapped. */
  readonly entries?: readonly (number | null)[];
  /** Of an inner node: the largest hole below each slot, bytes. */
  readonly gaps?: readonly bigint[];
  readonly children?: readonly TreeNode[];
}

/** An address space as `kernel-oracle maps` shows it. */
export interface SpaceView {
  /** The lines of /proc/PID/maps, one a mapping. */
  readonly maps: readonly string[];
  readonly vmas: readonly SmapsVma[];
  /** Null: everything is in the root's pointer. */
  readonly tree: TreeNode | null;
}

/** Most characters of a line of slots. */
const SLOTS_WIDTH = 72;

/**
 * An address space: a bar of the ranges, the lines of /proc/PID/maps, and the tree beside them.
 *
 * @param before what it was before: lines that came are marked `+`, those that went `-`
 */
export function formatSpace(space: SpaceView, before: SpaceView = space): string {
  const left = mapsLines(space.maps, before.maps);
  const right = space.tree === null ? ['no node'] : treeLines(space.tree, '');
  const width = Math.max(...left.map((line) => line.length));
  const rows = Array.from({ length: Math.max(left.length, right.length) }, (_, row) =>
    `${(left[row] ?? '').padEnd(width)}  │ ${right[row] ?? ''}`.trimEnd(),
  );
  return `${[`      ${rangeBar(space.vmas)}`, ...rows].join('\n')}\n`;
}

/** Numbered lines; `+` before those that are new, `-` before those that are gone, in order. */
function mapsLines(now: readonly string[], before: readonly string[]): readonly string[] {
  const old = new Set(before);
  const current = new Set(now);
  const shown = [
    ...now.map((line, index) => ({ line, mark: old.has(line) ? ' ' : '+', number: index + 1 })),
    ...before
      .filter((line) => !current.has(line))
      .map((line) => ({ line, mark: '-', number: undefined })),
  ];
  const start = (line: string): bigint => BigInt(`0x${line.slice(0, line.indexOf('-'))}`);
  shown.sort((a, b) => Number(start(a.line) - start(b.line)));
  return shown.map(({ line, mark, number }) => {
    const label = number === undefined ? '' : `#${number}`;
    return `${mark} ${label.padStart(3)} ${line.replace(/ {2,}(?=\S)/, '  ')}`.trimEnd();
  });
}

/**
 * The ranges in order, from the lowest address to the highest: a mapping is as wide as the logarithm
 * of its pages, a hole less. `█` may be written, `▓` executed, `▒` read, `░` is none of it.
 */
export function rangeBar(vmas: readonly SmapsVma[]): string {
  let bar = '';
  let end = 0n;
  for (const vma of vmas) {
    if (vma.start > end) bar += '·'.repeat(1 + Math.floor(log2(vma.start - end) / 6));
    bar += shadeOf(vma.perms).repeat(1 + Math.floor(log2(vma.end - vma.start) / 2));
    // Where two mappings touch, the border is seen.
    if (vmas.some(({ start }) => start === vma.end)) bar += '|';
    end = vma.end;
  }
  return bar;
}

/** Of a size in pages. */
function log2(bytes: bigint): number {
  return Math.log2(Number(bytes / 4096n));
}

function shadeOf(perms: string): string {
  if (perms.includes('w')) return '█';
  if (perms.includes('x')) return '▓';
  return perms.includes('r') ? '▒' : '░';
}

function treeLines(node: TreeNode, indent: string): readonly string[] {
  const range = `${node.first.toString(16)}-${node.last.toString(16)}`;
  if (node.children !== undefined) {
    const gaps = (node.gaps ?? []).map((gap) => gap.toString(16));
    return [
      `${indent}node ${range}`,
      ...wrapped(
        slots(
          node,
          gaps.map((gap) => `hole ${gap}`),
        ),
        `${indent}  `,
      ),
      ...node.children.flatMap((child) => treeLines(child, `${indent}  `)),
    ];
  }
  const names = (node.entries ?? []).map((entry) => (entry === null ? '–' : `#${entry}`));
  return [`${indent}leaf ${range}`, ...wrapped(slots(node, names), `${indent}  `)];
}

/** What is in each slot, then the pivot that ends it, which the last one does without. */
function slots(node: TreeNode, contents: readonly string[]): readonly string[] {
  return contents.map((content, index) => {
    const pivot = node.pivots[index];
    return pivot === undefined || index === contents.length - 1
      ? content
      : `${content} ≤${pivot.toString(16)}`;
  });
}

function wrapped(words: readonly string[], indent: string): readonly string[] {
  const lines: string[] = [];
  let line = '';
  for (const word of words) {
    if (line !== '' && line.length + word.length + 2 > SLOTS_WIDTH) {
      lines.push(indent + line);
      line = '';
    }
    line = line === '' ? word : `${line}  ${word}`;
  }
  return line === '' ? lines : [...lines, indent + line];
}
