// SPDX-License-Identifier: MIT
import {
  deepEqual,
  type Invariant,
  type Model,
  type RevisionId,
  type Step,
} from '@kernel-models/model-core';
import type { Operation, Outcome, Setup, State } from '@kernel-models/mm';
import { operationFor, type Draw, type Focus } from '@kernel-models/mm/testing';
import { referenceApply, referenceInitial } from './reference/index.ts';

/** The model, or one of its stand-ins. */
export type MmModel = Model<State, Operation, Outcome, Setup>;

/** What chance has to say about one run. */
export interface Run {
  readonly setup: Setup;
  readonly swarm: number;
  readonly focus: Focus;
  readonly draws: readonly Draw[];
}

/** A property that a step broke. */
export class Violation extends Error {
  readonly property: string;

  constructor(property: string, operations: readonly Operation[], detail: string = '') {
    const told = operations.map(show).join('\n  ');
    super(`${property} does not hold after\n  ${told}${detail === '' ? '' : `\n${detail}`}`);
    this.name = 'Violation';
    this.property = property;
  }
}

/** JSON for people: bigints in hexadecimal. */
export function show(value: unknown): string {
  return JSON.stringify(value, (_, item: unknown) =>
    typeof item === 'bigint' ? `0x${item.toString(16)}` : item,
  );
}

/** What is asked of every step of a run. */
export type Check = (step: {
  readonly before: State;
  readonly operation: Operation;
  readonly step: Step<State, Outcome>;
}) => string | undefined;

/**
 * Runs what the draws mean and asks after each step.
 *
 * @returns the operations
 * @throws Violation with the property that a check names
 */
export function walk(
  model: MmModel,
  { setup, swarm, focus, draws }: Run,
  revision: RevisionId,
  check: Check,
): readonly Operation[] {
  let state = model.initial(setup);
  const operations: Operation[] = [];
  for (const draw of draws) {
    const operation = operationFor(state, draw, swarm, focus);
    operations.push(operation);
    const step = model.apply(state, operation, revision);
    const broken = check({ before: state, operation, step });
    if (broken !== undefined) throw new Violation(broken, operations, show(step.outcome));
    ({ state } = step);
  }
  return operations;
}

const OBSERVE: Operation = { op: 'smaps' };

/** The name that known bugs give to the comparison with the reference. */
export const AGREEMENT = 'mm.agreement';

/**
 * A check that the naive reference answers the same, and shows the same address space.
 *
 * @param referenceRevision what the reference follows
 */
export function agrees(
  model: MmModel,
  setup: Setup,
  revision: RevisionId,
  referenceRevision: RevisionId = revision,
): Check {
  let reference = referenceInitial(setup);
  return ({ operation, step }) => {
    const expected = referenceApply(reference, operation, referenceRevision);
    ({ reference } = expected);
    if (!deepEqual(expected.outcome, step.outcome)) return AGREEMENT;
    const seen = model.apply(step.state, OBSERVE, revision).outcome;
    const shown = referenceApply(reference, OBSERVE, referenceRevision).outcome;
    return deepEqual(seen, shown) ? undefined : AGREEMENT;
  };
}

/** A check of all invariants that a revision promises. */
export function keeps(
  invariants: readonly Invariant<State, Operation, Outcome>[],
  revision: RevisionId,
): Check {
  return (transition) =>
    invariants.find((invariant) => !invariant.holds({ ...transition, revision }))?.id;
}

/** The invariants that are promised on a revision, or on the base of a bug. */
export function promised(
  model: MmModel,
  revision: RevisionId,
): readonly Invariant<State, Operation, Outcome>[] {
  return model.invariants.filter(
    ({ revisions }) => revisions === undefined || revisions.includes(revision),
  );
}
