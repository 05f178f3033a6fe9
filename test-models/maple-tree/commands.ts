// SPDX-License-Identifier: MIT
import fc from 'fast-check';
import { EVERY_OPERATION, choice, resolve, type Choice } from './arbitraries.ts';
import type { World } from './world.ts';

/** The model of fast-check's model-based runs. The world holds the reference, which is the model. */
export interface Model {
  readonly world: World;
}

/** One operation as a command: the thin adapter between fast-check's commands and the world. */
export class TreeCommand implements fc.Command<Model, World> {
  readonly choice: Choice;

  constructor(choice: Choice) {
    this.choice = choice;
  }

  check({ world }: Readonly<Model>): boolean {
    const allocates = this.choice.op.startsWith('allocate');
    return world.kind.allocRange || !allocates;
  }

  run(_: Model, world: World): void {
    world.run(resolve(this.choice, world.reference));
  }

  toString(): string {
    return JSON.stringify(this.choice);
  }
}

/** Sequences of commands over both interfaces. */
export const commands: fc.Arbitrary<Iterable<fc.Command<Model, World>>> = fc.commands(
  EVERY_OPERATION.map((op) => choice([op]).map((one) => new TreeCommand(one))),
  { maxCommands: 120, size: 'max' },
);
