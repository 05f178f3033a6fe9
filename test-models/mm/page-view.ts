// SPDX-License-Identifier: MIT

/*
 * The address space as a flat map from pages to what they are: no VMAs, no merging, no limits. It
 * does not predict whether an operation succeeds; given the outcome, it says which pages are mapped
 * how. pageViewAfter() is null where an error, or an operation that it does not follow, may have
 * changed pages that it cannot name: begin again with pageViewOf() of a look at the address space.
 */
import * as MM from '@kernel-models/mm';
import type { Operation, OperationOf, Outcome, Setup } from '@kernel-models/mm';

const PAGE = 4096n;

/** What one page is. */
export interface ViewedPage {
  /** `rw-p`. */
  readonly perms: string;
  /** As smaps names it, but for [heap] and [stack], which follow from addresses: nothing. */
  readonly name: string;
  /** Bytes; 0 for private anonymous memory. */
  readonly offset: bigint;
}

export interface PageView {
  readonly setup: Setup;
  readonly brk: bigint;
  /** By address. */
  readonly pages: ReadonlyMap<bigint, ViewedPage>;
}

type Pages = Map<bigint, ViewedPage>;

/** The pages that a look at the address space shows. */
export function pageViewOf(
  setup: Setup,
  brk: bigint,
  smaps: Extract<Outcome, { readonly kind: 'smaps' }>,
): PageView {
  const pages: Pages = new Map();
  for (const { start, end, perms, name, offset } of smaps.vmas) {
    const plain = name === '[heap]' || name === '[stack]' ? '' : name;
    const first = { perms, name: plain, offset };
    for (let at = start; at < end; at += PAGE) pages.set(at, shifted(first, at - start));
  }
  return { setup, brk, pages };
}

/** The page that stands so many bytes behind another in what backs both. */
function shifted(page: ViewedPage, bytes: bigint): ViewedPage {
  const filed = page.name !== '' && !page.name.startsWith('[');
  return filed ? { ...page, offset: page.offset + bytes } : page;
}

/** The first address at which two views differ; null: nowhere. */
export function firstDifference(a: PageView, b: PageView): bigint | null {
  for (const address of new Set([...a.pages.keys(), ...b.pages.keys()])) {
    const one = a.pages.get(address);
    const other = b.pages.get(address);
    if (one === undefined || other === undefined) return address;
    if (one.perms !== other.perms || one.name !== other.name) return address;
    if (one.offset !== other.offset) return address;
  }
  return null;
}

/** The view after an operation that had this outcome. */
export function pageViewAfter(
  view: PageView,
  operation: Operation,
  outcome: Outcome,
): PageView | null {
  if (outcome.kind === 'errno') return leavesPages(operation) ? view : null;
  if (outcome.kind !== 'value') return view;
  const pages: Pages = new Map(view.pages);
  const { setup } = view;
  switch (operation.op) {
    case 'brk':
      return afterBrk(view, pages, outcome.value);
    case 'mmap':
      map(pages, setup, operation, outcome.value);
      break;
    case 'munmap': {
      const start = word(setup, operation.address);
      for (const at of range(start, roundUp(word(setup, operation.length)))) pages.delete(at);
      break;
    }
    case 'mprotect':
      if ((operation.prot & (MM.PROT_GROWSDOWN | MM.PROT_GROWSUP)) !== 0) return null;
      protect(pages, setup, operation);
      break;
    case 'mremap':
      move(pages, setup, operation, outcome.value);
      break;
    case 'touchRead':
    case 'touchWrite':
      growDown(pages, word(setup, operation.address));
      break;
    case 'fork':
      // A child lacks what MADV_DONTFORK marks, which no page shows.
      if (operation.follow === 'child') return null;
      break;
    case 'vmBrkFlags':
      return null;
    default:
      return view;
  }
  return { ...view, pages };
}

/** Whether an error of the operation can have changed no page. */
function leavesPages(operation: Operation): boolean {
  switch (operation.op) {
    case 'mmap':
      return (operation.flags & (MM.MAP_FIXED | MM.MAP_FIXED_NOREPLACE)) === 0;
    case 'mprotect':
    case 'mremap':
    case 'touchRead':
    case 'touchWrite':
    case 'vmBrkFlags':
      return false;
    default:
      return true;
  }
}

function word({ abi }: Setup, value: bigint): bigint {
  return BigInt.asUintN(abi === 'x86-64' ? 64 : 32, value);
}

function roundUp(value: bigint): bigint {
  return ((value + PAGE - 1n) / PAGE) * PAGE;
}

function* range(start: bigint, length: bigint): Generator<bigint> {
  for (let at = start; at < start + length; at += PAGE) yield at;
}

function permissions(prot: number, sharing: string): string {
  const read = (prot & MM.PROT_READ) !== 0 ? 'r' : '-';
  const write = (prot & MM.PROT_WRITE) !== 0 ? 'w' : '-';
  const execute = (prot & MM.PROT_EXEC) !== 0 ? 'x' : '-';
  return read + write + execute + sharing;
}

/** brk(2) answers the break: where it stood, if it did not move. */
function afterBrk(view: PageView, pages: Pages, brk: bigint): PageView {
  const [oldEnd, newEnd] = [roundUp(view.brk), roundUp(brk)];
  for (const at of range(newEnd, oldEnd - newEnd)) pages.delete(at);
  for (const at of range(oldEnd, newEnd - oldEnd)) {
    pages.set(at, { perms: 'rw-p', name: '', offset: 0n });
  }
  return { ...view, brk, pages };
}

function map(pages: Pages, setup: Setup, operation: OperationOf<'mmap'>, start: bigint): void {
  const type = operation.flags & MM.MAP_TYPE;
  const shared = type === MM.MAP_SHARED || type === MM.MAP_SHARED_VALIDATE;
  const perms = permissions(operation.prot, shared ? 's' : 'p');
  const first = { perms, ...backing(setup, operation, shared) };
  for (const at of range(start, roundUp(word(setup, operation.length)))) {
    pages.set(at, shifted(first, at - start));
  }
}

function backing(
  setup: Setup,
  { flags, fd, offset }: OperationOf<'mmap'>,
  shared: boolean,
): Omit<ViewedPage, 'perms'> {
  if ((flags & MM.MAP_ANONYMOUS) !== 0) return { name: shared ? 'shmem' : '', offset: 0n };
  // /proc shows the inode: the first descriptor of it names the mapping.
  const inode = setup.files[fd]?.inode;
  const index = setup.files.findIndex((file) => file.inode === inode);
  const bits = setup.abi === 'x86-64' ? 64 : 44;
  return { name: `file:${index}`, offset: BigInt.asUintN(bits, (offset / PAGE) * PAGE) };
}

function protect(pages: Pages, setup: Setup, operation: OperationOf<'mprotect'>): void {
  const start = word(setup, operation.address);
  for (const at of range(start, roundUp(word(setup, operation.length)))) {
    const page = pages.get(at);
    if (page === undefined) continue;
    pages.set(at, { ...page, perms: permissions(operation.prot, page.perms.slice(3)) });
  }
}

function move(pages: Pages, setup: Setup, operation: OperationOf<'mremap'>, to: bigint): void {
  const from = word(setup, operation.address);
  const oldLength = roundUp(word(setup, operation.oldLength));
  const newLength = roundUp(word(setup, operation.newLength));
  const first = pages.get(from);
  const kept = oldLength < newLength ? oldLength : newLength;
  const moved = [...range(0n, kept)].map((at) => [at, pages.get(from + at)] as const);
  const stays = to === from || (operation.flags & MM.MREMAP_DONTUNMAP) !== 0;
  for (const at of range(from + kept, oldLength - kept)) pages.delete(at);
  if (!stays) for (const at of range(from, kept)) pages.delete(at);
  for (const [at, page] of moved) if (page !== undefined) pages.set(to + at, page);
  if (first === undefined) return;
  for (const at of range(kept, newLength - kept)) pages.set(to + at, shifted(first, at));
}

/** An access below a stack made it longer, down to the page of the access. */
function growDown(pages: Pages, address: bigint): void {
  const page = address - (address % PAGE);
  if (pages.has(page)) return;
  const above = [...pages.keys()].filter((at) => at > page);
  const next = above.reduce((least, at) => (at < least ? at : least), above[0] ?? page);
  const stack = pages.get(next);
  if (stack === undefined) return;
  for (const at of range(page, next - page)) pages.set(at, stack);
}
