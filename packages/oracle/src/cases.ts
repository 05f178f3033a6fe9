// SPDX-License-Identifier: MIT
import { sample } from 'fast-check';
import type { AnyOperation, RevisionId } from '@kernel-models/model-core';
import type { Subsystem } from './subsystem.ts';
import type { Case } from './target.ts';

/** Cases drawn at once: enough to make a start of a target worth its price, few enough to hold. */
const BATCH = 256;

/**
 * Cases from a seed, in batches; the same seed gives the same cases, however many are asked for.
 *
 * @param count how many cases in all
 * @param worlds those that the target has, where it cannot have others
 */
export function* generateCases<State, Operation extends AnyOperation, Outcome, Setup>(
  subsystem: Subsystem<State, Operation, Outcome, Setup>,
  revision: RevisionId,
  seed: number,
  count: number,
  worlds?: readonly Setup[],
): Generator<readonly Case<Setup, Operation>[]> {
  if (subsystem.cases === undefined) return;
  const arbitrary = subsystem.cases(revision, worlds);
  for (let done = 0, batch = 0; done < count; done += BATCH, batch += 1) {
    // Always a whole batch is drawn, so that the first n cases do not depend on the count.
    const cases = sample(arbitrary, { seed: batchSeed(seed, batch), numRuns: BATCH });
    yield cases.slice(0, count - done);
  }
}

/** Spreads batches of one seed far apart: fast-check's neighbouring seeds give related values. */
function batchSeed(seed: number, batch: number): number {
  return Math.imul(seed ^ Math.imul(batch + 1, 0x9e3779b1), 0x85ebca6b) | 0;
}
