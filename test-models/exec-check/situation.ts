// SPDX-License-Identifier: MIT
import fc from 'fast-check';
import type { RevisionId } from '@kernel-models/model-core';
import {
  AT_EXECVE_CHECK,
  featuresOf,
  type ExecveatArguments,
  type Operation,
  type Outcome,
  type Setup,
  type State,
} from '@kernel-models/exec-check';
import { setups, TASKS } from './arbitraries.ts';
import { Dice } from './dice.ts';
import { choice, operationFor, type Choice, type Weights } from './operations.ts';
import { reference } from './families/references.ts';
import type { ExecModel } from './property.ts';
import { referenceInitial, referenceStep } from './reference/reference.ts';
import { taskOf, type World } from './reference/world.ts';
import { Violation } from './violation.ts';

/** A world, something that has happened in it, and a file that somebody is about to execute. */
export interface Situation {
  readonly setup: Setup;
  readonly before: readonly Choice[];
  readonly after: readonly Choice[];
  readonly call: readonly number[];
}

/** Weights by family: see the list of families beside the generator of operations. */
const BEFORE: Weights = [0, 0, 0, 6, 2, 3, 2, 0, 0, 1];
const AFTER: Weights = [3, 2, 1, 4, 2, 2, 1, 1, 1, 1];
/** Descriptors, files and attributes: nothing that reads content or credentials changes it. */
const FILES_ONLY: Weights = [0, 0, 0, 4, 2, 2, 0, 0, 0, 0];
const NOTHING: Weights = [0, 0, 0, 1, 0, 0, 0, 0, 0, 0];

const dice = fc.array(fc.nat({ max: 0xffff }), { minLength: 7, maxLength: 7 });

export function situations(revision: RevisionId): fc.Arbitrary<Situation> {
  return fc.record({
    setup: setups(featuresOf(revision)),
    before: fc.array(choice, { maxLength: 4 }),
    after: fc.array(choice, { maxLength: 4 }),
    call: dice,
  });
}

/** What has happened before, for properties that change the setup. */
export type Prefix = 'anything' | 'files' | 'nothing';

const WEIGHTS: Readonly<Record<Prefix, Weights>> = {
  anything: BEFORE,
  files: FILES_ONLY,
  nothing: NOTHING,
};

/** A situation in which a model has arrived. */
export class Scene {
  readonly model: ExecModel;
  readonly revision: RevisionId;
  readonly setup: Setup;
  readonly operations: readonly Operation[];
  readonly state: State;
  readonly world: World;
  readonly task: string;
  readonly call: ExecveatArguments;
  readonly #base: RevisionId;

  private constructor(
    model: ExecModel,
    revision: RevisionId,
    base: RevisionId,
    fields: Pick<Scene, 'setup' | 'operations' | 'state' | 'world' | 'task' | 'call'>,
  ) {
    this.model = model;
    this.revision = revision;
    this.#base = base;
    this.setup = fields.setup;
    this.operations = fields.operations;
    this.state = fields.state;
    this.world = fields.world;
    this.task = fields.task;
    this.call = fields.call;
  }

  /**
   * Leads a model into a situation. The reference of `base` goes along, so that choices are made
   * by its state and are the same whatever the model answers.
   */
  static arrive(
    model: ExecModel,
    revision: RevisionId,
    base: RevisionId,
    situation: Situation,
    prefix: Prefix = 'anything',
  ): Scene {
    const features = featuresOf(base);
    let state = model.initial(situation.setup);
    let world = referenceInitial(situation.setup);
    const operations: Operation[] = [];
    for (const each of prefix === 'nothing' ? [] : situation.before) {
      const operation = operationFor(each, world, WEIGHTS[prefix], features);
      operations.push(operation);
      world = referenceStep(world, operation, base).world;
      state = model.apply(state, operation, revision).state;
    }
    const numbers = new Dice(situation.call);
    const alive = TASKS.filter((name) => world.tasks.get(name)?.alive === true);
    const task = alive[numbers.roll(Math.max(alive.length, 1))] ?? 'init';
    const strings = { kind: 'list', strings: [{ kind: 'text', text: 'x' }] } as const;
    const call = {
      ...reference(numbers, world, task),
      argv: strings,
      envp: { kind: 'null' },
    } as const;
    const { setup } = situation;
    return new Scene(model, revision, base, { setup, operations, state, world, task, call });
  }

  /** The call as a check, from here or from another state. */
  check(state: State = this.state, call: ExecveatArguments = this.call): Answer {
    const flags = (call.flags | AT_EXECVE_CHECK) >>> 0;
    return this.perform({ op: 'execveat', task: this.task, ...call, flags }, state);
  }

  /** The call as a real exec. */
  exec(state: State = this.state, call: ExecveatArguments = this.call): Answer {
    const flags = (call.flags & ~AT_EXECVE_CHECK) >>> 0;
    return this.perform({ op: 'execveat', task: this.task, ...call, flags }, state);
  }

  perform(operation: Operation, state: State = this.state): Answer {
    const step = this.model.apply(state, operation, this.revision);
    return { operation, ...step };
  }

  /** What further choices come to from a state: the outcomes, one by one. */
  goOn(choices: readonly Choice[], from: State): readonly Answer[] {
    const features = featuresOf(this.#base);
    let state = from;
    let { world } = this;
    return choices.map((each) => {
      const operation = operationFor(each, world, AFTER, features);
      world = referenceStep(world, operation, this.#base).world;
      const answer = this.perform(operation, state);
      state = answer.state;
      return answer;
    });
  }

  /** Whether the process limit is about to say something, which is what a check may change. */
  get hasProcessFlag(): boolean {
    return taskOf(this.world, this.task).nprocExceeded;
  }

  /** Stops a property with everything that is needed to see why. */
  violated(sentence: string, ...answers: readonly Answer[]): never {
    throw new Violation(sentence, {
      revision: this.revision,
      setup: this.setup,
      operations: [...this.operations, ...answers.map(({ operation }) => operation)],
      rule: answers.at(-1)?.rule,
    });
  }
}

/** A step, and what was asked. */
export interface Answer {
  readonly operation: Operation;
  readonly state: State;
  readonly outcome: Outcome;
  readonly rule: string;
}

/** 'ok' or the errno: what a caller looks at first. */
export function resultOf({ outcome }: Pick<Answer, 'outcome'>): string {
  if (outcome.kind === 'errno') return outcome.errno;
  return outcome.kind === 'value' ? 'ok' : outcome.kind;
}
