// SPDX-License-Identifier: MIT
import { PAGE_SIZE, type MachineState, type Page } from './machine-state.ts';

/*
 * Memory from outside of a running CPU: building it, reading it, and patching code the way an
 * operating system does. Writes of running code go through machine.ts and its permissions.
 */

const MASK = BigInt(PAGE_SIZE - 1);

/** What a mapping allows. Both together is what a correct kernel never has. */
export interface Permissions {
  readonly writable: boolean;
  readonly executable: boolean;
  readonly user?: boolean;
}

export const READ_WRITE: Permissions = { writable: true, executable: false };
export const READ_EXECUTE: Permissions = { writable: false, executable: true };

/** The first address of the page that an address lies in. */
export function pageOf(address: bigint): bigint {
  return address & ~MASK;
}

/**
 * Maps bytes at an address, and what is left of their first and last page as zeroes. What was
 * mapped there is replaced.
 *
 * @throws RangeError where the bytes leave the address space
 */
export function mapBytes(
  pages: readonly Page[],
  address: bigint,
  bytes: Uint8Array,
  { writable, executable, user = false }: Permissions,
): readonly Page[] {
  const last = address + BigInt(Math.max(1, bytes.length)) - 1n;
  if (address < 0n || last >= 1n << 64n) {
    throw new RangeError(`address: expected bytes within 64 bits, got 0x${address.toString(16)}`);
  }
  const added: Page[] = [];
  for (let at = pageOf(address); at <= last; at += BigInt(PAGE_SIZE)) {
    const content = new Uint8Array(PAGE_SIZE);
    const from = Number(at - address);
    content.set(
      bytes.subarray(Math.max(0, from), Math.max(0, from + PAGE_SIZE)),
      Math.max(0, -from),
    );
    added.push({ address: at, writable, executable, user, bytes: content });
  }
  return mergePages(pages, added);
}

/** Pages with others in place of those of the same addresses. */
export function mergePages(pages: readonly Page[], others: readonly Page[]): readonly Page[] {
  const replaced = new Set(others.map(({ address }) => address));
  return [...pages.filter(({ address }) => !replaced.has(address)), ...others].sort((a, b) =>
    a.address < b.address ? -1 : 1,
  );
}

/** The page that holds an address; undefined where none is mapped. */
export function findPage(pages: readonly Page[], address: bigint): Page | undefined {
  const wanted = pageOf(address);
  return pages.find((page) => page.address === wanted);
}

/** Bytes of memory; undefined where one of them is not mapped. */
export function peek(
  { pages }: Pick<MachineState, 'pages'>,
  address: bigint,
  count: number,
): Uint8Array | undefined {
  const result = new Uint8Array(count);
  for (let index = 0; index < count;) {
    const at = address + BigInt(index);
    const page = findPage(pages, at);
    if (page === undefined) return undefined;
    const offset = Number(at & MASK);
    const part = page.bytes.subarray(offset, offset + count - index);
    result.set(part, index);
    index += part.length;
  }
  return result;
}

/** A little-endian quantity of memory; undefined where one of its bytes is not mapped. */
export function peekNumber(
  state: Pick<MachineState, 'pages'>,
  address: bigint,
  size: 1 | 2 | 4 | 8,
): bigint | undefined {
  return peek(state, address, size)?.reduceRight((value, byte) => (value << 8n) | BigInt(byte), 0n);
}

/**
 * Writes bytes whatever the permissions, as a private writable alias of the same memory does.
 *
 * @throws RangeError where one of the bytes is not mapped
 */
export function poke<State extends Pick<MachineState, 'pages'>>(
  state: State,
  address: bigint,
  bytes: Uint8Array,
): State {
  const changed = new Map<bigint, Page>();
  for (const [index, byte] of bytes.entries()) {
    const at = address + BigInt(index);
    const page = changed.get(pageOf(at)) ?? findPage(state.pages, at);
    if (page === undefined) {
      throw new RangeError(`address: expected a mapped one, got 0x${at.toString(16)}`);
    }
    const copy = changed.has(page.address) ? page : { ...page, bytes: page.bytes.slice() };
    copy.bytes[Number(at & MASK)] = byte;
    changed.set(copy.address, copy);
  }
  return { ...state, pages: mergePages(state.pages, [...changed.values()]) };
}

/** Changes what mappings allow: of every page that the range touches. */
export function protect<State extends Pick<MachineState, 'pages'>>(
  state: State,
  address: bigint,
  size: number,
  { writable, executable }: Permissions,
): State {
  const [first, last] = [pageOf(address), pageOf(address + BigInt(Math.max(1, size)) - 1n)];
  const pages = state.pages.map((page) =>
    page.address < first || page.address > last ? page : { ...page, writable, executable },
  );
  return { ...state, pages };
}
