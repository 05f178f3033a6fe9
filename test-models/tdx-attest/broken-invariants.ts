// SPDX-License-Identifier: MIT
import type { AnyOperation, Model, RevisionId } from '@kernel-models/model-core';
import fc, { type Arbitrary } from 'fast-check';
import { SUITE_SEED } from '../support/check-property.ts';

/** A world and what is done in it. */
export interface Run<Setup, Operation> {
  readonly setup: Setup;
  readonly operations: readonly Operation[];
}

/**
 * Which invariants of a model a revision breaks in a number of random runs, whether it promises
 * them or not, by id.
 */
export function brokenInvariants<State, Operation extends AnyOperation, Outcome, Setup>(
  model: Model<State, Operation, Outcome, Setup>,
  revision: RevisionId,
  runs: Arbitrary<Run<Setup, Operation>>,
  count: number,
): readonly string[] {
  const broken = new Set<string>();
  for (const { setup, operations } of fc.sample(runs, { seed: SUITE_SEED, numRuns: count })) {
    let before = model.initial(setup);
    for (const operation of operations) {
      const step = model.apply(before, operation, revision);
      for (const { id, holds } of model.invariants) {
        if (!broken.has(id) && !holds({ before, operation, step, revision })) broken.add(id);
      }
      before = step.state;
    }
  }
  return [...broken].sort();
}

/** Runs of a fixed length from one setup or several; smaller ones have operations left out. */
export function runsOf<Setup, Operation>(
  setup: Arbitrary<Setup>,
  operation: Arbitrary<Operation>,
  length: number,
): Arbitrary<Run<Setup, Operation>> {
  const kept = fc.option(operation, { nil: undefined, freq: 50 });
  return fc.record({
    setup,
    operations: fc
      .array(kept, { minLength: length, maxLength: length })
      .map((all) => all.filter((one) => one !== undefined)),
  });
}

/** The first promised invariant that a run breaks, as an error; nothing where all hold. */
export function holdPromises<State, Operation extends AnyOperation, Outcome, Setup>(
  model: Model<State, Operation, Outcome, Setup>,
  revision: RevisionId,
  { setup, operations }: Run<Setup, Operation>,
): void {
  let before = model.initial(setup);
  for (const [index, operation] of operations.entries()) {
    const step = model.apply(before, operation, revision);
    for (const { id, revisions, holds } of model.invariants) {
      if (revisions !== undefined && !revisions.includes(revision)) continue;
      if (!holds({ before, operation, step, revision })) {
        throw new Error(`${id} is broken by step ${index}, ${operation.op}, on ${revision}`);
      }
    }
    before = step.state;
  }
}
