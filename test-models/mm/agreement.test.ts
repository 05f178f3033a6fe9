// SPDX-License-Identifier: MIT
import fc from 'fast-check';
import { describe, test } from 'vitest';
import { mmModel, type State } from '@kernel-models/mm';
import { draws, focuses, operationFor, setups, swarms, type Draw } from '@kernel-models/mm/testing';
import { checkProperty } from '../support/check-property.ts';
import { covered } from '../support/rule-coverage.ts';
import { agrees, keeps, promised, Violation, walk, type Check, type Run } from './history.ts';

/*
 * Every revision, held against the naive reference and its own invariants, on both geometries of the
 * tree, with tight limits and without.
 */

const model = covered(mmModel);
const REVISIONS = [
  'linux-6.0',
  'linux-6.1',
  'linux-6.12',
  'linux-6.18',
  'linux-6.18-fixed',
] as const;

const runs: fc.Arbitrary<Run> = fc.record({
  setup: setups,
  swarm: swarms,
  focus: focuses,
  draws: fc.array(draws, { maxLength: 60, size: 'max' }),
});

describe('the address space', () => {
  test.each(REVISIONS)('%s answers as the reference does, and keeps its invariants', (revision) => {
    const invariants = keeps(promised(model, revision), revision);
    return checkProperty(
      `mm agrees with its reference on ${revision}`,
      fc.property(runs, (run) => {
        const reference = agrees(model, run.setup, revision);
        walk(model, run, revision, (step) => invariants(step) ?? reference(step));
      }),
      { runs: 120 },
    );
  });

  test('as a sequence of commands', () =>
    checkProperty(
      'mm as commands',
      fc.property(
        setups,
        fc.commands([draws.map((draw) => new DrawCommand(draw))], { size: 'max', maxCommands: 40 }),
        (setup, commands) => {
          fc.modelRun(
            () => ({
              model: agrees(model, setup, 'linux-6.18'),
              real: new Process(model.initial(setup)),
            }),
            commands,
          );
        },
      ),
      { runs: 60 },
    ));
});

/** The state that a sequence of commands changes. */
class Process {
  state: State;

  constructor(state: State) {
    this.state = state;
  }
}

/** One draw as a command of fast-check: the reference is its model. */
class DrawCommand implements fc.Command<Check, Process> {
  readonly draw: Draw;

  constructor(draw: Draw) {
    this.draw = draw;
  }

  check(): boolean {
    return true;
  }

  run(reference: Check, process: Process): void {
    const operation = operationFor(process.state, this.draw);
    const step = model.apply(process.state, operation, 'linux-6.18');
    const broken = reference({ before: process.state, operation, step });
    if (broken !== undefined) throw new Violation(broken, [operation]);
    process.state = step.state;
  }

  toString(): string {
    return JSON.stringify(this.draw);
  }
}
