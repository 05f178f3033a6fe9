// SPDX-License-Identifier: MIT
import type fc from 'fast-check';
import type { Model, RevisionId } from '@kernel-models/model-core';
import type { Operation, Outcome, Setup, State } from '@kernel-models/exec-check';
import { checkProperty } from '../support/check-property.ts';
import { LabelCoverage } from '../support/label-coverage.ts';

/** exec-check, or something that takes its place. */
export type ExecModel = Model<State, Operation, Outcome, Setup>;

/**
 * One general property, for any model in exec-check's place: the same code judges the model, its
 * bug variants and its sabotaged copies.
 */
export interface Property {
  readonly id: string;
  readonly sentence: string;
  /** Cases in `npm test`. */
  readonly runs: number;
  /** Labels that must be reached, with the least share of the counted cases, percent. */
  readonly coverage: Readonly<Record<string, number>>;
  /**
   * @param revision what the model is asked as
   * @param base what is promised; for a bug variant the revision that it stands on
   */
  of(
    model: ExecModel,
    revision: RevisionId,
    base: RevisionId,
    labels: LabelCoverage,
  ): fc.IRawProperty<unknown>;
}

type Definition = Pick<Property, 'id' | 'sentence' | 'of'> &
  Partial<Pick<Property, 'runs' | 'coverage'>>;

export function defineProperty({ runs = 200, coverage = {}, ...rest }: Definition): Property {
  return { ...rest, runs, coverage };
}

/** Runs a property with the suite's seed, and then looks whether its labels were reached. */
export async function hold(
  property: Property,
  model: ExecModel,
  revision: RevisionId,
  share = 1,
): Promise<void> {
  const labels = new LabelCoverage();
  const name = `${property.id} ${revision}`;
  const runs = Math.ceil(property.runs * share);
  await checkProperty(name, property.of(model, revision, revision, labels), { runs });
  // A run whose length somebody has chosen may be too short to have met everything.
  const isUsual = process.env['KM_RUNS'] === undefined;
  if (isUsual && Object.keys(property.coverage).length > 0) labels.require(property.coverage);
}
