// SPDX-License-Identifier: MIT
import { describe, expect, test } from 'vitest';
import {
  BISECT_EXIT,
  EXIT,
  formatCheck,
  formatHtml,
  formatJunit,
  formatKtap,
  worstVerdict,
  type AnyComparison,
  type CheckReport,
} from '@kernel-models/oracle';

const comparison: AnyComparison = {
  model: 'toy',
  target: 'linux-1.0',
  revision: 'linux-1.0',
  source: { kind: 'kernel', kernel: '1.0 <odd> & "quoted"' },
  verdict: 'agree',
  traces: 2,
  consumed: 1234,
  total: 1234,
  rows: [
    { operation: 'up', rule: 'up.limit', count: 1000 },
    { operation: 'down', rule: 'down', count: 234 },
  ],
  divergences: [],
  inconclusive: new Map(),
  excluded: new Map([['CAP_SYS_TIME', 4]]),
  elapsed: 0.5,
};

const report: CheckReport = {
  verdict: 'inconclusive',
  comparisons: [
    { comparison, shrunk: [], executed: false },
    {
      comparison: {
        ...comparison,
        target: 'live',
        verdict: 'inconclusive',
        inconclusive: new Map([['the probe hung', 3]]),
      },
      shrunk: [],
      executed: true,
    },
  ],
  skips: [{ model: 'toy', target: 'via', reason: 'no --via <command>', required: false }],
  uncompared: ['other'],
  interrupted: false,
  seed: 1,
  runs: 10,
};

describe('the report of a check', () => {
  test('for people: a table by operation and rule, a column for each target', () => {
    const text = formatCheck(report);
    expect(text).toContain('  operation  rule      linux-1.0   live');
    expect(text).toContain('  up         up.limit      1,000  1,000');
    expect(text).toContain('Skipped (1):');
    expect(text).toContain('inconclusive: the probe hung (3 traces)');
    expect(text).toContain('left out on live: 4 cases: CAP_SYS_TIME');
    expect(text).toContain('inconclusive: other: nothing was compared');
    expect(text).toMatch(
      /inconclusive: 2,468 rows in 2 comparisons, 0 distinct divergences, 1 skipped \(seed 1, 2 cases executed\)\n$/,
    );
    const recorded = report.comparisons.map((one) => ({ ...one, executed: false }));
    expect(formatCheck({ ...report, comparisons: recorded })).toMatch(/, 1 skipped\n$/);
  });

  test('as KTAP: a test for each model, a subtest for each target, skips named', () => {
    expect(formatKtap(report)).toBe(`KTAP version 1
1..2
  KTAP version 1
  1..3
  # 1234 of 1234 rows explained
  ok 1 linux-1.0 against linux-1.0
  # 1234 of 1234 rows explained
  # inconclusive: the probe hung (3)
  not ok 2 live against linux-1.0
  ok 3 via # SKIP no --via <command>
not ok 1 toy
  KTAP version 1
  1..1
  # nothing compared
  not ok 1 any target
not ok 2 other
`);
  });

  test('as JUnit: counts that add up, text escaped', () => {
    const xml = formatJunit(report);
    expect(xml).toContain('<testsuites tests="4" failures="0" errors="2" skipped="1">');
    expect(xml).toContain('<testsuite name="toy" tests="3" failures="0" errors="1" skipped="1">');
    expect(xml).toContain('<skipped message="no --via &lt;command&gt;"/>');
  });

  test('as one HTML page without scripts or network', () => {
    const html = formatHtml(report);
    expect(html).toContain('1.0 &lt;odd&gt; &amp; &quot;quoted&quot;');
    expect(html).not.toMatch(/<script|https?:|src=/);
    for (const tag of ['table', 'tr', 'td', 'th', 'h2', 'pre', 'body']) {
      const open = html.split(new RegExp(`<${tag}[ >]`)).length;
      expect(html.split(`</${tag}>`)).toHaveLength(open);
    }
  });
});

describe('verdicts', () => {
  test('the worst decides: a divergence, else an inconclusive one', () => {
    expect(worstVerdict([])).toBe('agree');
    expect(worstVerdict(['agree', 'inconclusive', 'agree'])).toBe('inconclusive');
    expect(worstVerdict(['inconclusive', 'diverge'])).toBe('diverge');
  });

  test('have the exit codes that are documented', () => {
    expect(EXIT).toEqual({ agree: 0, diverge: 1, usage: 2, inconclusive: 3, interrupted: 130 });
    expect(BISECT_EXIT).toMatchObject({ agree: 0, diverge: 1, inconclusive: 125, usage: 128 });
  });
});
