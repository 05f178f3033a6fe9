// SPDX-License-Identifier: MIT
import { AF, CF, OF, PARITY, SF, ZF } from './flags.ts';

/*
 * Arithmetic on quantities of 8 to 64 bits in two 32-bit halves, with the flags that it leaves. Two
 * halves and not BigInt: an addition of BigInts takes some 100 ns, one of halves 3 ns. Results are
 * in `low`, `high` and `flags` until the next operation.
 */

/** The result of the last operation. */
export class Alu {
  /** Bits 31:0, signed. */
  low = 0;
  /** Bits 63:32, signed. Of no meaning below 64 bits. */
  high = 0;
  /** The status flags. */
  flags = 0;

  /** `a + b`, and with `carry` 1 one more. */
  add(size: number, al: number, ah: number, bl: number, bh: number): void {
    if (size < 8) return this.#addNarrow(32 - 8 * size, al, bl);
    const low = (al + bl) | 0;
    const carry = low >>> 0 < al >>> 0 ? 1 : 0;
    const high = (ah + bh + carry) | 0;
    const carryOut = (ah >>> 0) + (bh >>> 0) + carry > 0xffff_ffff;
    const overflow = ((ah ^ high) & (bh ^ high)) < 0;
    this.#set64(low, high, (carryOut ? CF : 0) | (overflow ? OF : 0) | ((al ^ bl ^ low) & AF));
  }

  /** `a - b`. */
  sub(size: number, al: number, ah: number, bl: number, bh: number): void {
    if (size < 8) return this.#subNarrow(32 - 8 * size, al, bl);
    const low = (al - bl) | 0;
    const borrow = al >>> 0 < bl >>> 0 ? 1 : 0;
    const high = (ah - bh - borrow) | 0;
    const borrowOut = (ah >>> 0) - (bh >>> 0) - borrow < 0;
    const overflow = ((ah ^ bh) & (ah ^ high)) < 0;
    this.#set64(low, high, (borrowOut ? CF : 0) | (overflow ? OF : 0) | ((al ^ bl ^ low) & AF));
  }

  /** The flags of a bitwise operation: CF, OF and AF are clear. */
  logic(size: number, low: number, high: number): void {
    if (size === 8) this.#set64(low, high, 0);
    else this.#setNarrow(32 - 8 * size, low << (32 - 8 * size), 0);
  }

  /**
   * Operands of fewer bits are moved to the top of 32, where carry and overflow are those of 32.
   */
  #addNarrow(shift: number, al: number, bl: number): void {
    const [a, b] = [al << shift, bl << shift];
    const sum = (a + b) | 0;
    const carry = sum >>> 0 < a >>> 0 ? CF : 0;
    const overflow = ((a ^ sum) & (b ^ sum)) < 0 ? OF : 0;
    this.#setNarrow(shift, sum, carry | overflow | ((al ^ bl ^ (sum >>> shift)) & AF));
  }

  #subNarrow(shift: number, al: number, bl: number): void {
    const [a, b] = [al << shift, bl << shift];
    const difference = (a - b) | 0;
    const borrow = a >>> 0 < b >>> 0 ? CF : 0;
    const overflow = ((a ^ b) & (a ^ difference)) < 0 ? OF : 0;
    this.#setNarrow(
      shift,
      difference,
      borrow | overflow | ((al ^ bl ^ (difference >>> shift)) & AF),
    );
  }

  #set64(low: number, high: number, flags: number): void {
    this.low = low;
    this.high = high;
    const zero = (low | high) === 0 ? ZF : 0;
    this.flags = flags | zero | (high < 0 ? SF : 0) | (PARITY[low & 0xff] ?? 0);
  }

  #setNarrow(shift: number, shifted: number, flags: number): void {
    const low = shifted >>> shift;
    this.low = low | 0;
    this.high = 0;
    const sign = shifted < 0 ? SF : 0;
    this.flags = flags | (shifted === 0 ? ZF : 0) | sign | (PARITY[low & 0xff] ?? 0);
  }

  /** SHL. `count` from 1, masked as the instruction does; flags are those before it. */
  shl(size: number, low: number, high: number, count: number, before: number): void {
    const bits = 8 * size;
    const value = join(size, low, high);
    const result = BigInt.asUintN(bits, value << BigInt(count));
    const out = count <= bits && ((value >> BigInt(bits - count)) & 1n) === 1n;
    this.#shifted(size, result, out, before);
    const top = ((result >> BigInt(bits - 1)) & 1n) === 1n;
    if (count === 1) this.flags = (this.flags & ~OF) | (top !== out ? OF : 0);
  }

  /** SHR, or SAR where `arithmetic`. */
  shr(
    size: number,
    low: number,
    high: number,
    count: number,
    before: number,
    arithmetic: boolean,
  ): void {
    const bits = 8 * size;
    const unsigned = join(size, low, high);
    const value = arithmetic ? BigInt.asIntN(bits, unsigned) : unsigned;
    const result = BigInt.asUintN(bits, value >> BigInt(count));
    const out = ((value >> BigInt(count - 1)) & 1n) === 1n;
    this.#shifted(size, result, out, before);
    const top = ((unsigned >> BigInt(bits - 1)) & 1n) === 1n;
    if (count === 1) this.flags = (this.flags & ~OF) | (!arithmetic && top ? OF : 0);
  }

  /**
   * OF of a shift by more than one is undefined: it stays as it was. AF, undefined too, is clear.
   */
  #shifted(size: number, result: bigint, carry: boolean, before: number): void {
    this.low = Number(BigInt.asIntN(32, result));
    this.high = Number(BigInt.asIntN(32, result >> 32n));
    this.logic(size, this.low, this.high);
    this.flags |= (carry ? CF : 0) | (before & OF);
  }
}

function join(size: number, low: number, high: number): bigint {
  const value = (BigInt(high >>> 0) << 32n) | BigInt(low >>> 0);
  return BigInt.asUintN(8 * size, value);
}
