// SPDX-License-Identifier: MIT
import fc from 'fast-check';
import type { RevisionId } from '@kernel-models/model-core';
import { featuresOf, type Operation, type Outcome, type Setup } from '@kernel-models/exec-check';
import { setups } from './arbitraries.ts';
import { defineProperty, type ExecModel, type Property } from './property.ts';
import { choice, operationFor, weights, type Choice, type Weights } from './operations.ts';
import { referenceInitial, referenceStep } from './reference/reference.ts';
import type { World } from './reference/world.ts';
import { show, Violation } from './violation.ts';

/** A world and what happens in it, chosen as it unfolds. */
export interface History {
  readonly setup: Setup;
  readonly weights: Weights;
  readonly choices: readonly Choice[];
}

export function histories(
  revision: RevisionId,
  length: { readonly minLength: number; readonly maxLength: number },
): fc.Arbitrary<History> {
  return fc.record({
    setup: setups(featuresOf(revision)),
    weights,
    choices: fc.array(choice, { ...length, size: 'max' }),
  });
}

/** One operation of a history, as the reference and the model answered it. */
interface Unfolded {
  readonly operations: readonly Operation[];
  readonly operation: Operation;
  /** The reference's world before the operation. */
  readonly world: World;
  readonly expected: Outcome;
  readonly outcome: Outcome;
  readonly rule: string;
}

/** Runs a history on both sides; every choice sees the reference's state. */
export function unfold(
  model: ExecModel,
  history: History,
  revision: RevisionId,
  base: RevisionId,
  each: (unfolded: Unfolded) => void,
): void {
  const features = featuresOf(base);
  let state = model.initial(history.setup);
  let world = referenceInitial(history.setup);
  const operations: Operation[] = [];
  for (const chosen of history.choices) {
    const operation = operationFor(chosen, world, history.weights, features);
    operations.push(operation);
    const expected = referenceStep(world, operation, base);
    const { outcome, rule, state: next } = model.apply(state, operation, revision);
    each({ operations, operation, world, expected: expected.outcome, outcome, rule });
    state = next;
    world = expected.world;
  }
}

/** Compares both sides outcome by outcome; `witness` is told of every answer that agrees. */
function agree(
  model: ExecModel,
  history: History,
  revision: RevisionId,
  base: RevisionId,
  witness: (operation: Operation, outcome: Outcome) => void,
): void {
  unfold(model, history, revision, base, (step) => {
    const { operations, operation, world, expected, outcome, rule } = step;
    const isSame = model.matches?.(expected, outcome) ?? false;
    if (!isSame && !mayDie(world, operation, [expected, outcome])) {
      throw new Violation(`the model answers ${show(outcome)}, the reference ${show(expected)}`, {
        revision,
        setup: history.setup,
        operations,
        rule,
      });
    }
    witness(operation, outcome);
  });
}

/** Behind the point of no return a stack of a few pages may or may not do. */
const SMALL_STACK = 256n << 10n;

function mayDie(world: World, { task }: Operation, outcomes: readonly Outcome[]): boolean {
  const limit = world.tasks.get(task)?.stackLimit ?? SMALL_STACK;
  return limit < SMALL_STACK && outcomes.every(({ kind }) => kind === 'ran' || kind === 'signal');
}

function resultLabel(operation: Operation, outcome: Outcome): string {
  const result = outcome.kind === 'errno' ? outcome.errno : outcome.kind;
  return `${operation.op} ${result}`;
}

/** Mostly executions, each in a fresh world with little before it. */
const EXECUTIONS: Weights = [6, 4, 2, 4, 0, 1, 0, 0, 1, 0];

const cases = defineProperty({
  id: 'reference.cases',
  sentence:
    'a check, an exec or an access answers as the reference does, with few operations before it',
  runs: 1400,
  coverage: {
    'execveat value': 3,
    'execveat EACCES': 10,
    'execveat ran': 0.5,
    'execveat ENOEXEC': 0.5,
  },
  of: (model, revision, base, labels) =>
    fc.property(histories(base, { minLength: 1, maxLength: 4 }), (history) => {
      agree(model, { ...history, weights: EXECUTIONS }, revision, base, (operation, outcome) => {
        labels.count([resultLabel(operation, outcome)]);
      });
    }),
});

const long = defineProperty({
  id: 'reference.histories',
  sentence: 'every operation of a history answers as the reference does',
  runs: 350,
  of: (model, revision, base, labels) =>
    fc.property(histories(base, { minLength: 1, maxLength: 20 }), (history) => {
      agree(model, history, revision, base, (operation, outcome) => {
        labels.count([resultLabel(operation, outcome)]);
      });
    }),
});

export const AGREEMENT: readonly Property[] = [cases, long];
