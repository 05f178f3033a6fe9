// SPDX-License-Identifier: MIT
import type { AnyComparison, CheckReport } from '../check.ts';
import { subsystemOf } from '../subsystems.ts';
import { formatDivergence } from './divergence-text.ts';
import { formatCount, formatTable, plural } from './table.ts';

/**
 * The report of `kernel-oracle check` for people: for each model a table with a line for each
 * operation and rule, a column for each target; then what was compared with what, the divergences,
 * the skips, and one line with the verdict.
 */
export function formatCheck(report: CheckReport): string {
  const models = [...new Set(report.comparisons.map(({ comparison }) => comparison.model))];
  const parts = models.map((model) => formatModel(report, model));
  for (const { comparison, shrunk } of report.comparisons) {
    for (const [index, one] of shrunk.entries()) {
      const facts = comparison.divergences[index];
      if (facts === undefined) continue;
      parts.push(formatDivergence(subsystemOf(comparison.model), one, facts));
    }
    const hidden = comparison.divergences.length - shrunk.length;
    if (hidden > 0) parts.push(`(${plural(hidden, 'more distinct divergence')} of the same run)`);
  }
  if (report.skips.length > 0) {
    const skips = report.skips.map(({ model, target, reason, required }) => [
      model,
      target,
      required ? `${reason} (asked for, so inconclusive)` : reason,
    ]);
    parts.push(
      `Skipped (${report.skips.length}):\n${formatTable(
        [{ title: 'model' }, { title: 'target' }, { title: 'reason' }],
        skips,
      )}`,
    );
  }
  parts.push(summaryLine(report));
  return `${parts.join('\n\n')}\n`;
}

function formatModel(report: CheckReport, model: string): string {
  const comparisons = report.comparisons
    .map(({ comparison }) => comparison)
    .filter((comparison) => comparison.model === model);
  return `${model}\n\n${rowTable(comparisons)}\n\n${comparisonTable(comparisons)}`;
}

function rowTable(comparisons: readonly AnyComparison[]): string {
  const keys = new Map<string, readonly [string, string]>();
  for (const { rows } of comparisons) {
    for (const { operation, rule } of rows) keys.set(`${operation}\n${rule}`, [operation, rule]);
  }
  const counts = comparisons.map(
    ({ rows }) => new Map(rows.map((row) => [`${row.operation}\n${row.rule}`, row.count])),
  );
  const rows = [...keys]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([key, names]) => [...names, ...counts.map((count) => formatCount(count.get(key) ?? 0))]);
  return formatTable(
    [
      { title: 'operation' },
      { title: 'rule' },
      ...comparisons.map(({ target }) => ({ title: target, align: 'right' as const })),
    ],
    rows,
  );
}

function comparisonTable(comparisons: readonly AnyComparison[]): string {
  return formatTable(
    [
      { title: 'target' },
      { title: 'source' },
      { title: 'revision' },
      { title: 'traces', align: 'right' },
      { title: 'rows', align: 'right' },
      { title: 'diverging', align: 'right' },
      { title: 'inconclusive', align: 'right' },
      { title: 'rows/s', align: 'right' },
    ],
    comparisons.map((comparison) => [
      comparison.target,
      comparison.source.kernel ?? comparison.source.kind,
      comparison.revision,
      formatCount(comparison.traces),
      `${formatCount(comparison.consumed)} of ${formatCount(comparison.total)}`,
      formatCount(sum(comparison.divergences.map(({ occurrences }) => occurrences))),
      formatCount(sum(comparison.inconclusive.values())),
      formatCount(comparison.consumed / Math.max(comparison.elapsed, 1e-9)),
    ]),
  );
}

/** One line: the verdict and what it rests on. */
export function summaryLine(report: CheckReport): string {
  const comparisons = report.comparisons.map(({ comparison }) => comparison);
  const rows = sum(comparisons.map(({ consumed }) => consumed));
  const divergences = sum(comparisons.map((comparison) => comparison.divergences.length));
  const reasons = comparisons.flatMap(({ inconclusive }) => [...inconclusive]);
  const lines = [
    ...comparisons.flatMap(({ target, excluded }) =>
      [...excluded].map(
        ([lack, count]) => `left out on ${target}: ${plural(count, 'case')}: ${lack}`,
      ),
    ),
    ...reasons.map(([reason, count]) => `inconclusive: ${reason} (${plural(count, 'trace')})`),
    ...report.uncompared.map((model) => `inconclusive: ${model}: nothing was compared`),
    ...(report.interrupted ? ['interrupted: this report is of what had been compared'] : []),
    `${report.verdict}: ${plural(rows, 'row')} in ${plural(comparisons.length, 'comparison')}, ` +
      `${plural(divergences, 'distinct divergence')}, ${report.skips.length} skipped` +
      executedCases(report),
  ];
  return lines.join('\n');
}

/** The seed belongs to the cases that were executed; where none was, it says nothing. */
function executedCases({ comparisons, seed }: CheckReport): string {
  const executed = comparisons.filter((one) => one.executed);
  if (executed.length === 0) return '';
  const cases = sum(executed.map(({ comparison }) => comparison.traces));
  return ` (seed ${seed}, ${plural(cases, 'case')} executed)`;
}

function sum(numbers: Iterable<number>): number {
  let total = 0;
  for (const number of numbers) total += number;
  return total;
}
