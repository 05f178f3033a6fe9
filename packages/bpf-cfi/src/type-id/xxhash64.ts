// SPDX-License-Identifier: MIT

/*
 * xxHash64, seed 0: the hash of kCFI type ids. https://github.com/Cyan4973/xxHash, xxhash_spec.md,
 * "XXH64 algorithm description".
 *
 * In two halves of 32 bits: a 64-bit product takes four products of 16-bit halves, all below 2^53,
 * and is some ten times faster than BigInt. `high` and `low` hold the result of the last operation;
 * they never outlive a call of `xxHash64`.
 */

let high = 0;
let low = 0;

const P1H = 0x9e3779b1;
const P1L = 0x85ebca87;
const P2H = 0xc2b2ae3d;
const P2L = 0x27d4eb4f;
const P3H = 0x165667b1;
const P3L = 0x9e3779f9;
const P4H = 0x85ebca77;
const P4L = 0xc2b2ae63;
const P5H = 0x27d4eb2f;
const P5L = 0x165667c5;

function multiply(ah: number, al: number, bh: number, bl: number): void {
  const a0 = al & 0xffff;
  const a1 = al >>> 16;
  const b0 = bl & 0xffff;
  const b1 = bl >>> 16;
  const p00 = a0 * b0;
  const middle = a0 * b1 + a1 * b0 + (p00 >>> 16);
  const carried = Math.floor(middle / 0x10000);
  low = (middle << 16) | (p00 & 0xffff) | 0;
  high = (a1 * b1 + carried + Math.imul(ah, bl) + Math.imul(al, bh)) | 0;
}

function add(ah: number, al: number, bh: number, bl: number): void {
  const sum = (al >>> 0) + (bl >>> 0);
  low = sum | 0;
  high = (ah + bh + (sum > 0xffff_ffff ? 1 : 0)) | 0;
}

function rotate(h: number, l: number, by: number): void {
  if (by < 32) {
    high = (h << by) | (l >>> (32 - by));
    low = (l << by) | (h >>> (32 - by));
  } else {
    high = (l << (by - 32)) | (h >>> (64 - by));
    low = (h << (by - 32)) | (l >>> (64 - by));
  }
}

/** round(accumulator, lane) of the specification. */
function round(ah: number, al: number, laneHigh: number, laneLow: number): void {
  multiply(laneHigh, laneLow, P2H, P2L);
  add(ah, al, high, low);
  rotate(high, low, 31);
  multiply(high, low, P1H, P1L);
}

function mergeAccumulator(h: number, l: number, ah: number, al: number): void {
  round(0, 0, ah, al);
  multiply(h ^ high, l ^ low, P1H, P1L);
  add(high, low, P4H, P4L);
}

function read32(bytes: Uint8Array, at: number): number {
  return (
    (bytes[at] ?? 0) |
    ((bytes[at + 1] ?? 0) << 8) |
    ((bytes[at + 2] ?? 0) << 16) |
    ((bytes[at + 3] ?? 0) << 24)
  );
}

/** Steps 1 to 3: stripes of 32 bytes in four accumulators. */
function consumeStripes(bytes: Uint8Array, length: number): number {
  // 0 + P1 + P2, P2, 0, 0 - P1.
  let [h1, l1] = [0x60ea27ee, 0xadc0b5d6 | 0];
  let [h2, l2] = [P2H, P2L];
  let [h3, l3] = [0, 0];
  let [h4, l4] = [0x61c8864e, 0x7a143579];
  let at = 0;
  for (; at + 32 <= length; at += 32) {
    round(h1, l1, read32(bytes, at + 4), read32(bytes, at));
    [h1, l1] = [high, low];
    round(h2, l2, read32(bytes, at + 12), read32(bytes, at + 8));
    [h2, l2] = [high, low];
    round(h3, l3, read32(bytes, at + 20), read32(bytes, at + 16));
    [h3, l3] = [high, low];
    round(h4, l4, read32(bytes, at + 28), read32(bytes, at + 24));
    [h4, l4] = [high, low];
  }
  rotate(h1, l1, 1);
  let [h, l] = [high, low];
  rotate(h2, l2, 7);
  add(h, l, high, low);
  [h, l] = [high, low];
  rotate(h3, l3, 12);
  add(h, l, high, low);
  [h, l] = [high, low];
  rotate(h4, l4, 18);
  add(h, l, high, low);
  mergeAccumulator(high, low, h1, l1);
  mergeAccumulator(high, low, h2, l2);
  mergeAccumulator(high, low, h3, l3);
  mergeAccumulator(high, low, h4, l4);
  return at;
}

/** Step 5: what is left of the input, in lanes of 8, 4 and 1 bytes. */
function consumeRest(bytes: Uint8Array, length: number, from: number): void {
  let at = from;
  let [h, l] = [high, low];
  for (; at + 8 <= length; at += 8) {
    round(0, 0, read32(bytes, at + 4), read32(bytes, at));
    rotate(h ^ high, l ^ low, 27);
    multiply(high, low, P1H, P1L);
    add(high, low, P4H, P4L);
    [h, l] = [high, low];
  }
  if (at + 4 <= length) {
    multiply(0, read32(bytes, at), P1H, P1L);
    rotate(h ^ high, l ^ low, 23);
    multiply(high, low, P2H, P2L);
    add(high, low, P3H, P3L);
    [h, l] = [high, low];
    at += 4;
  }
  for (; at < length; at += 1) {
    multiply(0, bytes[at] ?? 0, P5H, P5L);
    rotate(h ^ high, l ^ low, 11);
    multiply(high, low, P1H, P1L);
    [h, l] = [high, low];
  }
  [high, low] = [h, l];
}

/** Step 6: every bit of the input reaches every bit of the hash. */
function avalanche(): void {
  // high and low are shifted as one quantity: by 33, 29 and 32 bits.
  low ^= high >>> 1;
  multiply(high, low, P2H, P2L);
  const h = high;
  high ^= h >>> 29;
  low ^= (low >>> 29) | (h << 3);
  multiply(high, low, P3H, P3L);
  low ^= high;
}

function hash(bytes: Uint8Array, length: number): void {
  let at = 0;
  if (length >= 32) at = consumeStripes(bytes, length);
  else [high, low] = [P5H, P5L];
  add(high, low, 0, length);
  consumeRest(bytes, length, at);
  avalanche();
}

let scratch = new Uint8Array(1024);

function fill(ascii: string): number {
  if (ascii.length > scratch.length) scratch = new Uint8Array(2 * ascii.length);
  for (let index = 0; index < ascii.length; index += 1) scratch[index] = ascii.charCodeAt(index);
  return ascii.length;
}

/** xxHash64 with seed 0 of bytes. */
export function xxHash64(bytes: Uint8Array): bigint {
  hash(bytes, bytes.length);
  return (BigInt(high >>> 0) << 32n) | BigInt(low >>> 0);
}

/** The low 32 bits of xxHash64 with seed 0 of an ASCII string, as an unsigned number. */
export function xxHash64Low(ascii: string): number {
  hash(scratch, fill(ascii));
  return low >>> 0;
}
