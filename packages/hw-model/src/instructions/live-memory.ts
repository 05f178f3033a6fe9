// SPDX-License-Identifier: MIT
import { PF_INSTRUCTION, PF_PRESENT, PF_USER, PF_WRITE, VECTOR } from '../cpu/exception.ts';
import { CR0_WP } from '../cpu/registers.ts';
import type { Cpl } from '../cpu/state.ts';
import { Fault } from './fault.ts';
import { halves, isCanonical, join } from './halves.ts';
import { frozenPage, own, readNumber, type LivePage } from './live-page.ts';
import { PAGE_SIZE, type MachineState, type Page } from './machine-state.ts';

/**
 * Memory that is read and written in place, with the rights of the current level. 64-bit quantities
 * are pairs of signed 32-bit halves.
 */
export class LiveMemory {
  /** The level whose rights hold; only {@link LiveMemory.takeRights} changes it. */
  cpl: Cpl;
  /** The value that was read, or the address that was computed, last. */
  low = 0;
  high = 0;
  readonly #pages = new Map<number, LivePage>();
  readonly #writeProtect: boolean;
  #fetched: LivePage | undefined = undefined;
  #fetchedNumber = -1;
  #accessed: LivePage | undefined = undefined;
  #accessedNumber = -1;

  constructor({ control, pages }: MachineState) {
    this.cpl = control.cpl;
    this.#writeProtect = (control.cr0 & CR0_WP) !== 0n;
    for (const page of pages) {
      this.#pages.set(Number(page.address >> 12n), {
        source: page,
        bytes: page.bytes,
        owned: false,
        code: [],
      });
    }
  }

  /** The pages as they are now; those that they were made from where none was written. */
  frozenPages(before: readonly Page[]): readonly Page[] {
    const changed = [...this.#pages.values()].some(({ owned }) => owned);
    // The bytes go out by value: the machine may run on.
    return changed ? [...this.#pages.values()].map(frozenPage) : before;
  }

  /** The rights of a level hold from now on. */
  takeRights(cpl: Cpl): void {
    this.cpl = cpl;
    this.#fetched = undefined;
  }

  /** Does an access to memory that the current level does not stand for. */
  withRightsOf<Result>(cpl: Cpl, access: () => Result): Result {
    const current = this.cpl;
    this.cpl = cpl;
    try {
      return access();
    } finally {
      this.cpl = current;
    }
  }

  /** What was read last. */
  get value(): bigint {
    return join(this.low, this.high);
  }

  /** The page to fetch from at RIP. */
  fetchPage(low: number, high: number): LivePage {
    const number = (high >>> 0) * 0x10_0000 + (low >>> 12);
    if (this.#fetched !== undefined && number === this.#fetchedNumber) return this.#fetched;
    if (!isCanonical(high)) throw new Fault(VECTOR.GP, 0);
    const page = this.#pages.get(number);
    if (page === undefined || !page.source.executable || (this.cpl === 3 && !page.source.user)) {
      const user = this.cpl === 3 ? PF_USER : 0;
      const present = page === undefined ? 0 : PF_PRESENT;
      throw new Fault(VECTOR.PF, PF_INSTRUCTION | user | present, join(low, high));
    }
    this.#fetched = page;
    this.#fetchedNumber = number;
    return page;
  }

  /** Reads memory into `low` and `high`. */
  readAt(low: number, high: number, size: number, stack = false): void {
    const offset = low & 0xfff;
    if (offset + size > PAGE_SIZE) {
      this.#readAcross(low, high, size, stack);
      return;
    }
    const { bytes } = this.#page(low, high, false, stack);
    this.low = readNumber(bytes, offset, size);
    this.high = size === 8 ? readNumber(bytes, offset + 4, 4) : 0;
  }

  #readAcross(low: number, high: number, size: number, stack: boolean): void {
    const parts = [0, 0];
    for (let index = 0; index < size; index += 1) {
      const at = (low + index) | 0;
      const carry = at >>> 0 < low >>> 0 ? 1 : 0;
      const page = this.#page(at, (high + carry) | 0, false, stack);
      const half = index >> 2;
      parts[half] = (parts[half] ?? 0) | ((page.bytes[at & 0xfff] ?? 0) << (8 * (index & 3)));
    }
    [this.low = 0, this.high = 0] = parts;
  }

  /** Writes memory: all of it or, where a byte cannot be written, nothing. */
  writeAt(
    low: number,
    high: number,
    size: number,
    valueLow: number,
    valueHigh: number,
    stack = false,
  ): void {
    const lastLow = (low + size - 1) | 0;
    const lastHigh = (high + (lastLow >>> 0 < low >>> 0 ? 1 : 0)) | 0;
    const first = this.#page(low, high, true, stack);
    const offset = low & 0xfff;
    const last = offset + size > PAGE_SIZE ? this.#page(lastLow, lastHigh, true, stack) : first;
    for (let index = 0; index < size; index += 1) {
      const at = offset + index;
      const half = index < 4 ? valueLow : valueHigh;
      const page = at < PAGE_SIZE ? first : last;
      own(page)[at & 0xfff] = half >>> (8 * (index & 3));
    }
    if (first.source.executable || last.source.executable) this.#forgetCode();
  }

  /**
   * Self-modifying code, in a mapping that no correct kernel makes: nothing decoded stays valid.
   */
  #forgetCode(): void {
    for (const page of this.#pages.values()) page.code.length = 0;
  }

  #page(low: number, high: number, write: boolean, stack: boolean): LivePage {
    const number = (high >>> 0) * 0x10_0000 + (low >>> 12);
    let page = number === this.#accessedNumber ? this.#accessed : undefined;
    if (page === undefined) {
      if (!isCanonical(high)) throw new Fault(stack ? VECTOR.SS : VECTOR.GP, 0);
      page = this.#pages.get(number);
      this.#accessed = page;
      this.#accessedNumber = number;
    }
    const user = this.cpl === 3;
    const bits = (write ? PF_WRITE : 0) | (user ? PF_USER : 0);
    if (page === undefined) throw new Fault(VECTOR.PF, bits, join(low, high));
    const { source } = page;
    const readOnly = write && !source.writable && (user || this.#writeProtect);
    if (readOnly || (user && !source.user)) {
      throw new Fault(VECTOR.PF, bits | PF_PRESENT, join(low, high));
    }
    return page;
  }

  /** Reads a quantity from the stack. */
  readStack(address: bigint, size: number): bigint {
    const [low, high] = halves(address);
    this.readAt(low, high, size, true);
    return BigInt.asUintN(8 * size, this.value);
  }

  /** Writes quantities below an address, the first at the top; returns the new top of the stack. */
  writeStack(top: bigint, size: number, values: readonly bigint[]): bigint {
    let address = top;
    for (const value of values) {
      address = BigInt.asUintN(64, address - BigInt(size));
      const [low, high] = halves(address);
      this.writeAt(low, high, size, ...halves(value), true);
    }
    return address;
  }
}
