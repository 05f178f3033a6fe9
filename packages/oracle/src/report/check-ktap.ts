// SPDX-License-Identifier: MIT
import type { CheckReport } from '../check.ts';

/**
 * The report of a check as KTAP version 1 (Documentation/dev-tools/ktap.rst), the format of the
 * kernel's own test harnesses: a test for each model, a subtest for each target.
 */
export function formatKtap(report: CheckReport): string {
  const models = modelsOf(report);
  const lines = ['KTAP version 1', `1..${models.length}`];
  for (const [index, model] of models.entries()) {
    const subtests = subtestsOf(report, model);
    const failed = subtests.some(({ status }) => status === 'not ok');
    lines.push(
      '  KTAP version 1',
      `  1..${subtests.length}`,
      ...subtests.flatMap(({ status, name, directive, diagnostics }, position) => [
        ...diagnostics.map((text) => `  # ${text}`),
        `  ${status} ${position + 1} ${name}${directive}`,
      ]),
      `${failed ? 'not ok' : 'ok'} ${index + 1} ${model}`,
    );
  }
  return `${lines.join('\n')}\n`;
}

interface Subtest {
  readonly status: 'ok' | 'not ok';
  readonly name: string;
  readonly directive: string;
  readonly diagnostics: readonly string[];
}

function modelsOf(report: CheckReport): readonly string[] {
  return [
    ...new Set([
      ...report.comparisons.map(({ comparison }) => comparison.model),
      ...report.skips.map(({ model }) => model),
      ...report.uncompared,
    ]),
  ];
}

function subtestsOf(report: CheckReport, model: string): readonly Subtest[] {
  const compared = report.comparisons
    .filter(({ comparison }) => comparison.model === model)
    .map(({ comparison }): Subtest => {
      const { verdict, target, revision, consumed, total, divergences, inconclusive } = comparison;
      return {
        status: verdict === 'agree' ? 'ok' : 'not ok',
        name: `${target} against ${revision}`,
        directive: '',
        diagnostics: [
          `${consumed} of ${total} rows explained`,
          ...divergences.map(
            ({ divergence, occurrences }) =>
              `diverges at ${divergence?.event.operation.op ?? 'the kernel log'} ` +
              `(${divergence?.expected[0]?.rule ?? 'complaint'}), ${occurrences} times`,
          ),
          ...[...inconclusive].map(([reason, count]) => `inconclusive: ${reason} (${count})`),
        ],
      };
    });
  const skipped = report.skips
    .filter((skip) => skip.model === model)
    .map(({ target, reason }): Subtest => ({
      status: 'ok',
      name: target,
      directive: ` # SKIP ${reason}`,
      diagnostics: [],
    }));
  const nothing: Subtest[] = report.uncompared.includes(model)
    ? [{ status: 'not ok', name: 'any target', directive: '', diagnostics: ['nothing compared'] }]
    : [];
  return [...compared, ...skipped, ...nothing];
}
