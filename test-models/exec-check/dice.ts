// SPDX-License-Identifier: MIT

/**
 * A few generated numbers from which a choice is made once the state is known. Smaller numbers
 * choose earlier alternatives, so shrinking leads to the simplest that still fails.
 */
export class Dice {
  readonly #numbers: readonly number[];
  #next = 0;

  constructor(numbers: readonly number[]) {
    this.#numbers = numbers;
  }

  /** 0 to `sides` - 1. */
  roll(sides: number): number {
    const number = this.#numbers[this.#next % this.#numbers.length] ?? 0;
    const turn = Math.floor(this.#next / this.#numbers.length);
    this.#next += 1;
    // Numbers that were used before are used again with other digits.
    return (turn === 0 ? number : Math.floor(number / 7 ** turn)) % sides;
  }

  /** One of the alternatives, each as likely as the others. */
  pick<T>(alternatives: readonly [T, ...T[]] | readonly T[]): T {
    const chosen = alternatives[this.roll(alternatives.length)];
    if (chosen === undefined) throw new Error('dice: expected alternatives, got none');
    return chosen;
  }

  /** True in one of `sides` cases, and not in the simplest one. */
  oneIn(sides: number): boolean {
    return this.roll(sides) === sides - 1;
  }
}
