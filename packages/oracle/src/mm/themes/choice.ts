// SPDX-License-Identifier: MIT
import type { Operation } from '@kernel-models/mm';
import type { Dice } from '../../dice.ts';
import type { View } from '../generate.ts';

export type Choice = (dice: Dice, view: View) => Operation;

export function weighted(
  ...choices: readonly (readonly [weight: number, choice: Choice])[]
): Choice {
  const total = choices.reduce((sum, [weight]) => sum + weight, 0);
  return (dice, view) => {
    let left = dice.below(total);
    for (const [weight, choice] of choices) {
      left -= weight;
      if (left < 0) return choice(dice, view);
    }
    throw new RangeError('weighted: expected a choice, got none');
  };
}
