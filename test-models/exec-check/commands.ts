// SPDX-License-Identifier: MIT
import type fc from 'fast-check';
import { canonicalJson, type RevisionId } from '@kernel-models/model-core';
import {
  codec,
  featuresOf,
  type Operation,
  type Setup,
  type State,
} from '@kernel-models/exec-check';
import { choice, operationFor, type Choice, type Weights } from './operations.ts';
import type { ExecModel } from './property.ts';
import { referenceInitial, referenceStep } from './reference/reference.ts';
import type { World } from './reference/world.ts';
import { show } from './violation.ts';

/** The reference's side of a command run. */
export interface Expected {
  world: World;
}

/** The model's side. */
export interface Machine {
  readonly model: ExecModel;
  readonly revision: RevisionId;
  state: State;
}

/** Both sides of a fresh world, as the library's model runner wants them. */
export function machineFor(
  model: ExecModel,
  revision: RevisionId,
  setup: Setup,
): { readonly model: Expected; readonly real: Machine } {
  return {
    model: { world: referenceInitial(setup) },
    real: { model, revision, state: model.initial(setup) },
  };
}

/** One operation of the trace format as a command; which one it is shows when it runs. */
class OperationCommand implements fc.Command<Expected, Machine> {
  readonly #choice: Choice;
  readonly #weights: Weights;
  #operation: Operation | undefined;

  constructor(chosen: Choice, weights: Weights) {
    this.#choice = chosen;
    this.#weights = weights;
  }

  check(): boolean {
    return true;
  }

  run(expected: Expected, machine: Machine): void {
    const { model, revision } = machine;
    const features = featuresOf(revision);
    const operation = operationFor(this.#choice, expected.world, this.#weights, features);
    this.#operation = operation;
    const wanted = referenceStep(expected.world, operation, revision);
    const step = model.apply(machine.state, operation, revision);
    if (model.matches?.(wanted.outcome, step.outcome) !== true) {
      throw new Error(
        `the model answers ${show(step.outcome)}, the reference ${show(wanted.outcome)}`,
      );
    }
    expected.world = wanted.world;
    machine.state = step.state;
  }

  toString(): string {
    if (this.#operation === undefined) return 'not run';
    return canonicalJson(codec.encodeOperation(this.#operation));
  }
}

/** One command for each family of operations. */
export function operationCommands(): fc.Arbitrary<fc.Command<Expected, Machine>>[] {
  return Array.from({ length: 10 }, (_, family) =>
    choice.map((chosen) => {
      const weights = Array.from({ length: 10 }, (_each, index) => (index === family ? 1 : 0));
      return new OperationCommand(chosen, weights);
    }),
  );
}
