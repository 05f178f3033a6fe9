// SPDX-License-Identifier: MIT
import type { AnyComparison, CheckReport } from '../check.ts';
import { subsystemOf } from '../subsystems.ts';
import { summaryLine } from './check-text.ts';
import { formatDivergence } from './divergence-text.ts';
import { formatCount } from './table.ts';
import { escapeXml } from './xml.ts';

const STYLE = `
body { font: 15px/1.5 system-ui, sans-serif; max-width: 80rem; margin: 2rem auto; padding: 0 1rem; }
table { border-collapse: collapse; margin: 1rem 0; } caption { text-align: left; font-weight: 600; }
th, td { padding: .15rem .7rem; border-bottom: 1px solid #8884; text-align: left; }
td.n, th.n { text-align: right; font-variant-numeric: tabular-nums; } td.zero { color: #8888; }
.agree { color: #17803d; } .diverge { color: #c01c28; } .inconclusive { color: #a15c00; }
.bar { display: inline-block; height: .6em; background: #3584e4; vertical-align: baseline; }
pre { background: #8881; padding: 1rem; overflow: auto; } :root { color-scheme: light dark; }`;

/** The report of a check as one self-contained HTML page that needs neither network nor scripts. */
export function formatHtml(report: CheckReport): string {
  const models = [...new Set(report.comparisons.map(({ comparison }) => comparison.model))];
  const sections = models.map((model) => section(report, model)).join('\n');
  const skips = report.skips
    .map(({ model, target, reason }) => row([model, target, reason]))
    .join('\n');
  const skipTable =
    skips === ''
      ? ''
      : `<table><caption>Skipped</caption>${head(['model', 'target', 'reason'])}${skips}</table>`;
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>kernel-oracle: ${report.verdict}</title>
<style>${STYLE}</style></head><body>
<h1>kernel-oracle: <span class="${report.verdict}">${report.verdict}</span></h1>
<p>${escapeXml(summaryLine(report)).replaceAll('\n', '<br>')}</p>
${sections}
${skipTable}
</body></html>
`;
}

function section(report: CheckReport, model: string): string {
  const members = report.comparisons.filter(({ comparison }) => comparison.model === model);
  const comparisons = members.map(({ comparison }) => comparison);
  const divergences = members.flatMap(({ comparison, shrunk }) =>
    shrunk.flatMap((one, index) => {
      const facts = comparison.divergences[index];
      if (facts === undefined) return [];
      return [`<pre>${escapeXml(formatDivergence(subsystemOf(model), one, facts))}</pre>`];
    }),
  );
  return `<h2>${escapeXml(model)}</h2>
${targets(comparisons)}
${divergences.join('\n')}
${rules(comparisons)}`;
}

function targets(comparisons: readonly AnyComparison[]): string {
  const rows = comparisons.map(
    ({ target, source, revision, traces, consumed, total, verdict }) =>
      `<tr><td>${escapeXml(target)}</td><td>${escapeXml(source.kernel ?? source.kind)}</td>` +
      `<td>${escapeXml(revision)}</td><td class="n">${formatCount(traces)}</td>` +
      `<td class="n">${formatCount(consumed)} of ${formatCount(total)}</td>` +
      `<td class="${verdict}">${verdict}</td></tr>`,
  );
  const titles = ['target', 'source', 'revision', 'traces', 'rows', 'verdict'];
  return `<table><caption>Compared with</caption>${head(titles)}${rows.join('\n')}</table>`;
}

function rules(comparisons: readonly AnyComparison[]): string {
  const counts = new Map<string, number[]>();
  for (const [column, { rows }] of comparisons.entries()) {
    for (const { operation, rule, count } of rows) {
      const key = `${operation}\n${rule}`;
      const cells = counts.get(key) ?? comparisons.map(() => 0);
      cells[column] = count;
      counts.set(key, cells);
    }
  }
  const most = Math.max(1, ...[...counts.values()].flat());
  const lines = [...counts]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([key, cells]) => {
      const names = key.split('\n').map((name) => `<td>${escapeXml(name)}</td>`);
      const numbers = cells.map(
        (count) =>
          `<td class="n${count === 0 ? ' zero' : ''}">${formatCount(count)} ` +
          `<span class="bar" style="width:${((60 * count) / most).toFixed(1)}px"></span></td>`,
      );
      return `<tr>${names.join('')}${numbers.join('')}</tr>`;
    });
  const titles = ['operation', 'rule', ...comparisons.map(({ target }) => target)];
  return `<table><caption>Rows by operation and rule</caption>${head(titles)}${lines.join('\n')}</table>`;
}

function head(titles: readonly string[]): string {
  return `<tr>${titles.map((title) => `<th>${escapeXml(title)}</th>`).join('')}</tr>`;
}

function row(cells: readonly string[]): string {
  return `<tr>${cells.map((cell) => `<td>${escapeXml(cell)}</td>`).join('')}</tr>`;
}
