// SPDX-License-Identifier: MIT

/** Bits of one control register that must keep their value: 1 where high, 0 where low. */
export interface Pins {
  readonly low: bigint;
  readonly high: bigint;
}

/** Nothing is pinned. */
export const NO_PINS: Pins = Object.freeze({ low: 0n, high: 0n });

/** The bits of a value that are not as they are pinned. Zero: the value respects the pins. */
export function violatedBits(value: bigint, { low, high }: Pins): bigint {
  return (high & ~value) | (low & value);
}

/**
 * The value with its pinned bits as they are pinned. What a nested exit makes of L1's registers.
 */
export function force(value: bigint, { low, high }: Pins): bigint {
  return (value | high) & ~low;
}

/** Whether a value of a register is refused, by the predicate that a revision uses. */
export type Predicate = 'whole-value' | 'changed-bits' | 'xor-allowed';

/** What the pin check of a write looks at. */
export interface PinnedWrite {
  readonly value: bigint;
  readonly old: bigint;
  readonly pins: Pins;
  readonly allowed: bigint;
}

/**
 * Whether a write is refused.
 *
 * - `whole-value`: the new value as a whole, whatever changes (June 2020);
 * - `changed-bits`: only bits that change, a planted bug;
 * - `xor-allowed`: as posted in February 2020: once anything is pinned, every allowed bit that is
 *   not pinned must be 0.
 */
export function violates(
  predicate: Predicate,
  { value, old, pins, allowed }: PinnedWrite,
): boolean {
  switch (predicate) {
    case 'whole-value':
      return violatedBits(value, pins) !== 0n;
    case 'changed-bits':
      return (violatedBits(value, pins) & (value ^ old)) !== 0n;
    case 'xor-allowed':
      return pins.high !== 0n && ((value ^ pins.high) & allowed) !== 0n;
  }
}
