// SPDX-License-Identifier: MIT

/** A key of a tree: a number in the modes `number` and `u32`, a bigint in `u64`. */
export type Key = number | bigint;

/** The name of a key mode. */
export type KeyModeName = 'number' | 'u32' | 'u64';

/**
 * The index domain of a tree and its arithmetic. Comparison needs none: `<` and `===` mean the same
 * for numbers and for bigints.
 *
 * @typeParam K number or bigint
 */
export interface KeyMode<K extends Key> {
  readonly name: KeyModeName;
  readonly zero: K;
  readonly one: K;
  /** The last index: 2^53-1, 2^32-1 or 2^64-1. What the kernel calls ULONG_MAX. */
  readonly max: K;
  /** `key + 1`. The caller knows that `key < max`. */
  next(key: K): K;
  /** `key - 1`. The caller knows that `key > 0`. */
  previous(key: K): K;
  /** `first + count`, wrapping past {@link max} to 0 as an unsigned long does. */
  add(first: K, count: K): K;
  /** `last - first`. The caller knows that `first <= last`. */
  distance(first: K, last: K): K;
  /** A key's image; see {@link KeyMode.keyOf}. */
  image(key: K): number;
  /** A key's tail. */
  tail(key: K): number;
  /**
   * The key of an image and a tail. Nodes store keys as such pairs of numbers: the image is the key
   * itself below 2^53 and rounded down to a multiple of 2048 from there on, so a double holds it
   * exactly; the tail is what was cut off. Pairs are in the order of the keys, image first.
   */
  keyOf(image: number, tail: number): K;
  /**
   * The key of a bigint.
   *
   * @throws RangeError where it is not of this domain
   */
  ofBigInt(index: bigint): K;
  /** Whether `value` is a key of this domain. */
  accepts(value: unknown): value is K;
}

function checkDomain(index: bigint, max: bigint): void {
  if (index >= 0n && index <= max) return;
  throw new RangeError(`index: expected one from 0 to ${max}, got ${index}`);
}

function numberMode(name: 'number' | 'u32', max: number): KeyMode<number> {
  return Object.freeze({
    name,
    zero: 0,
    one: 1,
    max,
    next: (key: number) => key + 1,
    previous: (key: number) => key - 1,
    add: (first: number, count: number) => {
      const room = max - first;
      return count > room ? count - room - 1 : first + count;
    },
    distance: (first: number, last: number) => last - first,
    image: (key: number) => key,
    tail: () => 0,
    keyOf: (image: number) => image,
    ofBigInt: (index: bigint) => {
      checkDomain(index, BigInt(max));
      return Number(index);
    },
    accepts: (value: unknown): value is number =>
      typeof value === 'number' && value >= 0 && value <= max && Number.isInteger(value),
  });
}

/** 0 to 2^53-1, in numbers. */
export const NUMBER_KEYS: KeyMode<number> = numberMode('number', Number.MAX_SAFE_INTEGER);

/** 0 to 2^32-1, in numbers: the kernel's domain on a 32-bit machine. */
export const U32_KEYS: KeyMode<number> = numberMode('u32', 0xffff_ffff);

const U64_MAX = 0xffff_ffff_ffff_ffffn;

// One bigint seen as two words: dividing a bigint costs an allocation, storing it does not.
const wide: BigUint64Array = new BigUint64Array(1);
const halves: Uint32Array = new Uint32Array(wide.buffer);
const double: Float64Array = new Float64Array(wide.buffer);
const littleEndian: boolean = new Uint8Array(new Uint16Array([1]).buffer)[0] === 1;
const HIGH: number = littleEndian ? 1 : 0;

/** Below this high word a key is less than 2^53, and a double holds it exactly. */
const EXACT_HIGH = 0x20_0000;
const TWO_52 = 2 ** 52;
/** What a double cannot hold of a key from 2^53 on. */
const TAIL_MASK = 0x7ff;

/** 0 to 2^64-1, in bigints: the kernel's domain on a 64-bit machine. */
export const U64_KEYS: KeyMode<bigint> = Object.freeze({
  name: 'u64',
  zero: 0n,
  one: 1n,
  max: U64_MAX,
  next: (key: bigint) => key + 1n,
  previous: (key: bigint) => key - 1n,
  add: (first: bigint, count: bigint) => BigInt.asUintN(64, first + count),
  distance: (first: bigint, last: bigint) => last - first,
  image: (key: bigint) => {
    wide[0] = key;
    // Both halves exist: the view has two words.
    const high = halves[HIGH] as number;
    const low = halves[1 - HIGH] as number;
    return high * 0x1_0000_0000 + (high < EXACT_HIGH ? low : low - (low & TAIL_MASK));
  },
  tail: (key: bigint) => {
    wide[0] = key;
    return (halves[HIGH] as number) < EXACT_HIGH ? 0 : (halves[1 - HIGH] as number) & TAIL_MASK;
  },
  keyOf: (image: number, tail: number) => {
    if (image < TWO_52) {
      // From 2^52 to 2^53 a double's last 52 bits are the number less 2^52. Saves a quarter.
      double[0] = image + TWO_52;
      return BigInt.asUintN(52, wide[0] as bigint);
    }
    const high = Math.floor(image / 0x1_0000_0000);
    halves[HIGH] = high;
    halves[1 - HIGH] = image - high * 0x1_0000_0000 + tail;
    return wide[0] as bigint;
  },
  ofBigInt: (index: bigint) => {
    checkDomain(index, U64_MAX);
    return index;
  },
  accepts: (value: unknown): value is bigint => {
    if (typeof value !== 'bigint') return false;
    // What does not fit comes back as another number. Two comparisons take twice the time.
    wide[0] = value;
    return wide[0] === value;
  },
});

/**
 * Refuses what is not a key.
 *
 * @throws RangeError `name: expected X, got Y`
 */
export function checkKey<K extends Key>(keys: KeyMode<K>, name: string, value: K): void {
  if (!keys.accepts(value)) throw new RangeError(keyComplaint(keys, name, value));
}

function keyComplaint(keys: KeyMode<Key> | KeyMode<never>, name: string, value: unknown): string {
  const kind = keys.name === 'u64' ? 'a bigint' : 'a whole number';
  return `${name}: expected ${kind} from 0 to ${keys.max}, got ${spell(value)}`;
}

/** A value as its type is written, so that `'5'` is told from `5` and from `5n`. */
function spell(value: unknown): string {
  if (typeof value === 'bigint') return `${value}n`;
  return typeof value === 'string' ? JSON.stringify(value) : String(value);
}
