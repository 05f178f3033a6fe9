// SPDX-License-Identifier: MIT

/** The four bytes of a 32-bit quantity, low first. */
export function le32(value: number): readonly number[] {
  return [value & 0xff, (value >>> 8) & 0xff, (value >>> 16) & 0xff, (value >>> 24) & 0xff];
}

/** The eight bytes of a 64-bit quantity, low first. */
export function le64(value: bigint): readonly number[] {
  return [...le32(Number(value & 0xffff_ffffn)), ...le32(Number((value >> 32n) & 0xffff_ffffn))];
}

/** A 32-bit word of bytes, unsigned; undefined where it leaves them. */
export function word32(bytes: Uint8Array, at: number): number | undefined {
  if (at < 0 || at + 4 > bytes.length) return undefined;
  return new DataView(bytes.buffer, bytes.byteOffset).getUint32(at, true);
}

/** A 32-bit distance. */
export function relative(target: bigint, from: bigint): number {
  return Number(BigInt.asIntN(32, target - from));
}

/** Bytes as hexadecimal digits, two each. */
export function toHex(bytes: Iterable<number>): string {
  return [...bytes].map((byte) => byte.toString(16).padStart(2, '0')).join('');
}

/**
 * Bytes from hexadecimal digits; spaces between them are skipped.
 *
 * @throws RangeError where there is anything else
 */
export function fromHex(text: string): Uint8Array {
  const digits = text.replace(/\s+/g, '');
  if (!/^(?:[0-9a-fA-F]{2})*$/.test(digits)) {
    throw new RangeError(`bytes: expected pairs of hexadecimal digits, got ${text.slice(0, 40)}`);
  }
  return Uint8Array.from(digits.match(/../g) ?? [], (pair) => parseInt(pair, 16));
}

/** A number of equal bytes. */
export function repeated(byte: number, count: number): readonly number[] {
  return new Array<number>(Math.max(0, count)).fill(byte);
}
