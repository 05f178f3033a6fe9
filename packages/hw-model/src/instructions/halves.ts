// SPDX-License-Identifier: MIT

/* 64-bit quantities as pairs of signed 32-bit halves, which is how a running machine has them. */

/** The two halves of a quantity, modulo 2^64. */
export function halves(value: bigint): [low: number, high: number] {
  return [Number(BigInt.asIntN(32, value)), Number(BigInt.asIntN(32, value >> 32n))];
}

/** The quantity of two halves. */
export function join(low: number, high: number): bigint {
  return (BigInt(high >>> 0) << 32n) | BigInt(low >>> 0);
}

/** Whether an address is canonical, by its upper half. */
export function isCanonical(high: number): boolean {
  const top = high >> 15;
  return top === 0 || top === -1;
}
