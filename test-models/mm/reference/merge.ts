// SPDX-License-Identifier: MIT
import { VM_SPECIAL } from './vm-flags.ts';
import { has, insert, PAGE, pagesOf, remove, type Process, type Vma } from './state.ts';

/** Where a range of memory that is to be joined comes from. */
export interface Origin {
  /** A part of this VMA is copied: mremap(2). */
  readonly copiedFrom?: Vma;
  /** This VMA is no partner. */
  readonly never?: Vma;
  /** Only the left neighbour is a partner: brk(2). */
  readonly leftOnly?: boolean;
}

/** Whether two ranges are the same in everything but place and anon_vma. */
function alike(a: Vma, b: Vma): boolean {
  if (has(a, VM_SPECIAL) || has(b, VM_SPECIAL)) return false;
  return a.flags === b.flags && a.policy === b.policy && sameBacking(a, b);
}

function sameBacking({ backing: a }: Vma, { backing: b }: Vma): boolean {
  if (a.kind === 'file' && b.kind === 'file') return a.index === b.index;
  if (a.kind === 'shmem' && b.kind === 'shmem') return a.serial === b.serial;
  return a.kind === b.kind && a.kind !== 'special';
}

/** Whether one range follows another in memory and in what backs them. */
function follows(left: Vma, right: Vma): boolean {
  return left.end === right.start && left.pgoff + pagesOf(left) === right.pgoff;
}

function isForked(vma: Vma | undefined): boolean {
  return vma !== undefined && vma.chain.length > 1;
}

/** Whether the anon_vmas of a neighbour and of a range go together: is_mergeable_anon_vma(). */
function anonVmasAgree(
  { rules }: Process,
  neighbour: Vma,
  anonVma: number | null,
  source: Vma | undefined,
): boolean {
  if (rules.anonVmaRule === 'one-entry') {
    const oneLacks = neighbour.anonVma === null || anonVma === null;
    return (oneLacks && neighbour.chain.length === 1) || neighbour.anonVma === anonVma;
  }
  if (neighbour.anonVma === null && anonVma !== null) return !isForked(source);
  if (neighbour.anonVma !== null && anonVma === null) return !isForked(neighbour);
  return neighbour.anonVma === anonVma;
}

/** Whether both neighbours may become one VMA. */
function neighboursAgree(left: Vma, right: Vma): boolean {
  return left.anonVma === null || right.anonVma === null || left.anonVma === right.anonVma;
}

/** The neighbours that a range is joined with. */
interface Partners {
  readonly left: Vma | undefined;
  readonly right: Vma | undefined;
}

function partnersOf(
  process: Process,
  range: Vma,
  others: readonly Vma[],
  source: Vma | undefined,
): Partners {
  const fits = (neighbour: Vma): boolean =>
    alike(neighbour, range) && anonVmasAgree(process, neighbour, range.anonVma, source);
  const left = others.find((other) => follows(other, range) && fits(other));
  const right = others.find((other) => follows(range, other) && fits(other));
  if (left !== undefined && right !== undefined && !neighboursAgree(left, right)) {
    return { left, right: undefined };
  }
  return { left, right };
}

/** mmap(2) of Linux 6.1: the right neighbour first, then the left one in its light. */
function partnersRightFirst(process: Process, range: Vma): Partners {
  const fits = (neighbour: Vma, anonVma: number | null): boolean =>
    alike(neighbour, range) && anonVmasAgree(process, neighbour, anonVma, undefined);
  const right = process.vmas.find((other) => follows(range, other) && fits(other, null));
  const left = process.vmas.find(
    (other) => follows(other, range) && fits(other, right?.anonVma ?? null),
  );
  return { left, right };
}

/** Makes one VMA of a range and its partners. The leftmost survives, unless it is the range. */
function join(process: Process, range: Vma, { left, right }: Partners): Vma | null {
  const survivor = left ?? right;
  if (survivor === undefined) return null;
  const parts = [left, range, right].filter((part) => part !== undefined);
  const start = left?.start ?? range.start;
  const end = right?.end ?? range.end;
  const pgoff = left?.pgoff ?? range.pgoff;
  const faulted = [survivor, ...parts].find(({ anonVma }) => anonVma !== null);
  Object.assign(survivor, { start, end, pgoff });
  if (survivor.anonVma === null && faulted !== undefined) {
    survivor.anonVma = faulted.anonVma;
    survivor.chain = faulted.chain;
  }
  if (left !== undefined && right !== undefined) remove(process, right);
  return survivor;
}

/**
 * Joins a range where nothing is mapped with its neighbours, if it can be. The range's anon_vma is
 * that of what is copied or extended.
 *
 * @returns the VMA that covers it, or null
 */
export function mergeNew(process: Process, range: Vma, origin: Origin = {}): Vma | null {
  const others = process.vmas.filter((vma) => vma !== origin.never);
  const partners = partnersOf(process, range, others, origin.copiedFrom);
  const right = origin.leftOnly === true ? undefined : partners.right;
  return join(process, range, { left: partners.left, right });
}

/** The same for mmap(2). */
export function mergeMapped(process: Process, range: Vma): Vma | null {
  if (process.rules.mmapLooks === 'left-first') return mergeNew(process, range);
  return join(process, range, partnersRightFirst(process, range));
}

/** What mprotect(2) and its like change. */
export type Change = Partial<Pick<Vma, 'flags' | 'policy'>>;

/** Joins a changed part of a VMA with a neighbour of the VMA that it touches: null if it cannot. */
export function mergeExisting(
  process: Process,
  vma: Vma,
  start: bigint,
  end: bigint,
  change: Change,
): Vma | null {
  const part = partOf(vma, start, end, change);
  const others = process.vmas.filter((other) => other !== vma);
  const partners = partnersOf(process, part, others, vma);
  const merged = join(process, part, partners);
  if (merged === null) return null;
  if (start === vma.start && end === vma.end) remove(process, vma);
  else if (start === vma.start) cutHead(vma, end);
  else vma.end = start;
  return merged;
}

/** A VMA for some pages of another, not in the address space. */
export function partOf(vma: Vma, start: bigint, end: bigint, change: Change = {}): Vma {
  const pgoff = vma.pgoff + (start - vma.start) / PAGE;
  return { ...vma, ...change, start, end, pgoff };
}

function cutHead(vma: Vma, start: bigint): void {
  vma.pgoff += (start - vma.start) / PAGE;
  vma.start = start;
}

/** Makes two VMAs of one, without a check. */
export function cut(process: Process, vma: Vma, at: bigint): void {
  const tail = partOf(vma, at, vma.end);
  vma.end = at;
  insert(process, tail);
}
