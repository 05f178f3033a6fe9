// SPDX-License-Identifier: MIT
import type { Benchmark, Goal, Series } from './benchmark.ts';

/** A goal and what was reached. */
export interface Judged {
  readonly goal: Goal;
  readonly met: boolean | undefined;
  /** `212,000 ops/s of 200,000`, or why it was not measured. */
  readonly text: string;
}

/** Holds the goals of a benchmark against what was measured. Nothing fails by it: it is a report. */
export function judgeGoals(benchmark: Benchmark, series: readonly Series[]): readonly Judged[] {
  return benchmark.goals.map((goal) => {
    const mine = find(series, goal.workload, goal.subject);
    if (mine === undefined) return { goal, met: undefined, text: 'not measured here' };
    if (goal.atLeastPerSecond !== undefined) {
      const reached = 1e9 / mine.nsPerOperation;
      return {
        goal,
        met: reached >= goal.atLeastPerSecond,
        text: `${count(reached)} per second, goal ${count(goal.atLeastPerSecond)}`,
      };
    }
    if (goal.atMostBytes !== undefined) {
      const bytes = mine.bytesPerEntry ?? Number.NaN;
      return {
        goal,
        met: bytes <= goal.atMostBytes,
        text: `${bytes.toFixed(1)} bytes per entry, goal at most ${goal.atMostBytes}`,
      };
    }
    if (goal.atMost === undefined) return { goal, met: undefined, text: 'no goal' };
    const { ratio, of } = goal.atMost;
    const peer = find(series, goal.workload, of);
    if (peer === undefined) return { goal, met: undefined, text: `${of} was not there` };
    const reached = mine.nsPerOperation / peer.nsPerOperation;
    return {
      goal,
      met: reached <= ratio,
      text: `${reached.toFixed(2)} times ${of}, goal at most ${ratio}`,
    };
  });
}

/** The result of a benchmark as Markdown: a table of what was measured and one of the goals. */
export function formatBenchmark(benchmark: Benchmark, series: readonly Series[]): string {
  const { title, baseline } = benchmark;
  const withBytes = series.some(({ bytesPerEntry }) => bytesPerEntry !== undefined);
  const head = ['workload', 'subject', 'ns/op', 'p99', 'ops/s', 'samples'];
  if (baseline !== undefined) head.push(`ratio to ${baseline}`);
  if (benchmark.peers !== undefined) head.push('ratio to best peer');
  if (withBytes) head.push('bytes/entry');
  const rows = series.map((one) => {
    const cells = [
      one.workload,
      one.subject,
      number(one.nsPerOperation),
      number(one.p99),
      count(1e9 / one.nsPerOperation),
      String(one.samples),
    ];
    if (baseline !== undefined) {
      const peer = find(series, one.workload, baseline);
      cells.push(peer === undefined ? '' : (one.nsPerOperation / peer.nsPerOperation).toFixed(2));
    }
    if (benchmark.peers !== undefined) cells.push(ratioToBest(benchmark.peers, series, one));
    if (withBytes) cells.push(one.bytesPerEntry?.toFixed(1) ?? '');
    return cells;
  });
  const goals = judgeGoals(benchmark, series).map(({ goal, met, text }) => [
    goal.workload,
    goal.subject,
    text,
    met === undefined ? '?' : met ? 'yes' : 'no',
  ]);
  return [
    `## ${title}`,
    '',
    table(head, rows),
    '',
    ...(goals.length === 0 ? [] : [table(['workload', 'subject', 'reached', 'met'], goals), '']),
    ...(benchmark.appendix === undefined ? [] : [benchmark.appendix(series), '']),
  ].join('\n');
}

/** `0.52 (sorted-btree)`; nothing for a peer itself and where no peer was measured. */
function ratioToBest(peers: readonly string[], series: readonly Series[], one: Series): string {
  if (peers.includes(one.subject)) return '';
  const [best] = series
    .filter(({ subject, workload }) => workload === one.workload && peers.includes(subject))
    .toSorted((a, b) => a.nsPerOperation - b.nsPerOperation);
  if (best === undefined) return '';
  return `${(one.nsPerOperation / best.nsPerOperation).toFixed(2)} (${best.subject})`;
}

function find(series: readonly Series[], workload: string, subject: string): Series | undefined {
  return series.find((one) => one.workload === workload && one.subject === subject);
}

/** A table in Markdown. */
export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`;
  return [line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n');
}

function number(value: number): string {
  if (Number.isNaN(value)) return '';
  return value < 100 ? value.toFixed(1) : count(value);
}

function count(value: number): string {
  if (Number.isNaN(value)) return '';
  return value.toLocaleString('en-US', { maximumFractionDigits: 0 });
}
