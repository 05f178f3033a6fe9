// SPDX-License-Identifier: MIT
import { PAGE_SIZE } from './constants.ts';
import type { Machine } from './machine.ts';

/*
 * From the registers of a system call to the numbers that the model works with. Whatever lies beyond
 * 2^51, farther than any address space reaches, becomes 2^51 plus its place in a page: so sums stay
 * exact, and where the kernel's own sums would wrap is told apart here, once.
 */

const FAR = 2 ** 51;
const FAR_BITS = BigInt(FAR);
const PAGE_MASK_BITS = 0xfffn;

/** An address or length: exact below 2^51, else beyond everything and as aligned as it was. */
export function argument(machine: Machine, value: bigint): number {
  const passed = machine.narrow ? BigInt.asUintN(32, value) : value;
  return fold(passed);
}

function fold(value: bigint): number {
  return value < FAR_BITS ? Number(value) : FAR + Number(value & PAGE_MASK_BITS);
}

/** PAGE_ALIGN() of a number that cannot wrap. */
export function pageAlign(address: number): number {
  const rest = address % PAGE_SIZE;
  return rest === 0 ? address : address + PAGE_SIZE - rest;
}

/** An address rounded down to its page. */
export function pageStart(address: number): number {
  return address - (address % PAGE_SIZE);
}

export function isPageAligned(address: number): boolean {
  return address % PAGE_SIZE === 0;
}

/** PAGE_ALIGN() of a length: one of the last page of the arithmetic wraps to 0. */
export function pageAlignLength(machine: Machine, length: bigint): number {
  const passed = machine.narrow ? BigInt.asUintN(32, length) : length;
  if (passed < FAR_BITS && machine.wordBits === 64) return pageAlign(Number(passed));
  return fold(roundUp(machine, passed));
}

function roundUp({ wordBits }: Machine, value: bigint): bigint {
  return BigInt.asUintN(wordBits, value + PAGE_MASK_BITS) & ~PAGE_MASK_BITS;
}

/** A range as a system call reads it. */
export interface Span {
  readonly start: number;
  /** Exclusive. Means nothing where `wraps`. */
  readonly end: number;
  /** Bytes, rounded up to pages. */
  readonly length: number;
  /** Whether the length is 0. */
  readonly isEmpty: boolean;
  /** Whether the length was not 0 and became 0 when it was rounded. */
  readonly vanishes: boolean;
  /** Whether the end lies below the start, in the kernel's arithmetic. */
  readonly wraps: boolean;
}

/**
 * A range whose length is rounded up to pages; the start stays as it is.
 *
 * @param widen whether the length is first made to reach from the start of the first page, which
 *   the start then is: mlock(2)
 */
export function span(
  machine: Machine,
  address: bigint,
  length: bigint,
  widen: boolean = false,
): Span {
  if (machine.wordBits === 64 && !machine.narrow && address < FAR_BITS && length < FAR_BITS) {
    return nearSpan(Number(address), Number(length), widen);
  }
  const mask = machine.narrow ? 32 : machine.wordBits;
  const start = BigInt.asUintN(mask, address);
  const wanted = BigInt.asUintN(mask, length);
  const from = widen ? start & ~PAGE_MASK_BITS : start;
  const bytes = roundUp(machine, wanted + (start - from));
  const end = BigInt.asUintN(machine.wordBits, from + bytes);
  return {
    start: fold(from),
    end: fold(from) + fold(bytes),
    length: fold(bytes),
    isEmpty: wanted === 0n,
    vanishes: wanted !== 0n && bytes === 0n,
    wraps: end < from,
  };
}

/** A range that cannot wrap: almost every one. */
function nearSpan(address: number, wanted: number, widen: boolean): Span {
  const start = widen ? pageStart(address) : address;
  const length = pageAlign(wanted + (address - start));
  return {
    start,
    end: start + length,
    length,
    isEmpty: wanted === 0,
    vanishes: false,
    wraps: false,
  };
}
