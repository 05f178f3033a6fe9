// SPDX-License-Identifier: MIT
import { isBugRevision, type RevisionId } from '@kernel-models/model-core';
import { REVISIONS } from './revisions.ts';
import { runScenario, SCENARIOS, type Scenario } from './scenarios.ts';
import type { Verdict } from './verdict.ts';

/** One attack against every defence. */
export interface MatrixRow {
  readonly scenario: Scenario;
  /** By revision, in the matrix’s order. */
  readonly verdicts: readonly Verdict[];
}

/** Defence by attack, each cell computed by running the attack. */
export interface Matrix {
  readonly revisions: readonly RevisionId[];
  readonly rows: readonly MatrixRow[];
}

/** Every revision that is not a bug: the defences. */
export const DEFENCES: readonly RevisionId[] = REVISIONS.filter(
  (revision) => !isBugRevision(revision),
).map(({ id }) => id);

/**
 * Runs every scenario against every defence.
 *
 * @throws RangeError where a revision does not exist
 */
export function threatMatrix(
  revisions: readonly RevisionId[] = DEFENCES,
  scenarios: readonly Scenario[] = SCENARIOS,
): Matrix {
  const rows = scenarios.map((scenario) => ({
    scenario,
    verdicts: revisions.map((revision) => runScenario(scenario, revision).verdict),
  }));
  return { revisions, rows };
}

/** The matrix as text: a line for each attack, columns as wide as they need. */
export function formatMatrix({ revisions, rows }: Matrix): string {
  const table = [
    ['', 'attack', ...revisions],
    ...rows.map(({ scenario, verdicts }) => [scenario.id, scenario.title, ...verdicts]),
  ];
  const widths = table[0]?.map((_, column) =>
    Math.max(...table.map((cells) => cells[column]?.length ?? 0)),
  );
  return table
    .map((cells) => cells.map((cell, column) => cell.padEnd(widths?.[column] ?? 0)).join('  '))
    .map((line) => `${line.trimEnd()}\n`)
    .join('');
}
