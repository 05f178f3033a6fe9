// SPDX-License-Identifier: MIT
import type { CheckReport } from '../check.ts';
import { subsystemOf } from '../subsystems.ts';
import { formatDivergence } from './divergence-text.ts';
import { escapeXml } from './xml.ts';

/** The report of a check as JUnit XML: a suite for each model, a case for each target. */
export function formatJunit(report: CheckReport): string {
  const cases = [...comparedCases(report), ...skippedCases(report), ...uncomparedCases(report)];
  const suites = new Map<string, Case[]>();
  for (const one of cases) suites.set(one.model, [...(suites.get(one.model) ?? []), one]);
  const body = [...suites].map(([model, members]) => suite(model, members)).join('\n');
  return `<?xml version="1.0" encoding="UTF-8"?>\n<testsuites${counts(cases)}>\n${body}\n</testsuites>\n`;
}

interface Case {
  readonly model: string;
  readonly name: string;
  readonly seconds: number;
  readonly kind: 'passed' | 'failure' | 'error' | 'skipped';
  readonly text: string;
}

function comparedCases(report: CheckReport): Case[] {
  return report.comparisons.map(({ comparison, shrunk }) => {
    const { model, target, revision, verdict, elapsed, divergences, inconclusive } = comparison;
    const base = { model, name: `${target} against ${revision}`, seconds: elapsed };
    if (verdict === 'agree') return { ...base, kind: 'passed', text: '' };
    if (verdict === 'inconclusive') {
      return { ...base, kind: 'error', text: [...inconclusive.keys()].join('\n') };
    }
    const texts = shrunk.flatMap((one, index) => {
      const facts = divergences[index];
      return facts === undefined ? [] : [formatDivergence(subsystemOf(model), one, facts)];
    });
    return { ...base, kind: 'failure', text: texts.join('\n\n') };
  });
}

function skippedCases(report: CheckReport): Case[] {
  return report.skips.map(({ model, target, reason }) => ({
    model,
    name: target,
    seconds: 0,
    kind: 'skipped',
    text: reason,
  }));
}

function uncomparedCases(report: CheckReport): Case[] {
  return report.uncompared.map((model) => ({
    model,
    name: 'any target',
    seconds: 0,
    kind: 'error',
    text: 'nothing was compared',
  }));
}

function suite(model: string, members: readonly Case[]): string {
  const lines = members.map(({ name, seconds, kind, text }) => {
    const open = `    <testcase classname="${escapeXml(model)}" name="${escapeXml(name)}" time="${seconds.toFixed(3)}"`;
    if (kind === 'passed') return `${open}/>`;
    if (kind === 'skipped') return `${open}><skipped message="${escapeXml(text)}"/></testcase>`;
    return `${open}><${kind} message="${kind === 'failure' ? 'diverges' : 'inconclusive'}">${escapeXml(text)}</${kind}></testcase>`;
  });
  return `  <testsuite name="${escapeXml(model)}"${counts(members)}>\n${lines.join('\n')}\n  </testsuite>`;
}

function counts(members: readonly Case[]): string {
  const of = (kind: Case['kind']): number => members.filter((one) => one.kind === kind).length;
  return ` tests="${members.length}" failures="${of('failure')}" errors="${of('error')}" skipped="${of('skipped')}"`;
}
