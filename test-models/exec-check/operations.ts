// SPDX-License-Identifier: MIT
import fc from 'fast-check';
import type { Features, Operation } from '@kernel-models/exec-check';
import { Dice } from './dice.ts';
import { access, check, exec } from './families/call.ts';
import { client } from './families/client.ts';
import { credential, securebits } from './families/credential.ts';
import { descriptor } from './families/descriptor.ts';
import { attribute, file } from './families/file.ts';
import { taskFrom } from './families/paths.ts';
import { worldChange } from './families/world-change.ts';
import type { World } from './reference/world.ts';

/** An operation that is not chosen yet: the state decides what the numbers mean. */
export interface Choice {
  readonly family: number;
  readonly dice: readonly number[];
}

export const choice: fc.Arbitrary<Choice> = fc.record({
  family: fc.nat({ max: 0xffff }),
  dice: fc.array(fc.nat({ max: 0xffff }), { minLength: 7, maxLength: 7 }),
});

/** How likely each family is in one run: about a third of them is left out of it altogether. */
export type Weights = readonly number[];

export const weights: fc.Arbitrary<Weights> = fc.array(fc.constantFrom(0, 1, 1, 3, 0, 2), {
  minLength: 10,
  maxLength: 10,
});

/** Families of operations, each choosing by the state. */
type Family = (dice: Dice, world: World, task: string, features: Features) => Operation;

const FAMILIES: readonly Family[] = [
  check,
  exec,
  access,
  descriptor,
  file,
  attribute,
  credential,
  securebits,
  client,
  worldChange,
];

/** The operation that a choice means in this state. */
export function operationFor(
  { family, dice: numbers }: Choice,
  world: World,
  weight: Weights,
  features: Features,
): Operation {
  const dice = new Dice(numbers);
  const total = weight.reduce((sum, each) => sum + each, 0);
  let left = total === 0 ? 0 : family % total;
  const index = Math.max(
    weight.findIndex((each) => {
      left -= each;
      return left < 0;
    }),
    0,
  );
  const chosen = FAMILIES[index] ?? check;
  return chosen(dice, world, taskFrom(dice, world), features);
}
