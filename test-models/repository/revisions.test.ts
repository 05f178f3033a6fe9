// SPDX-License-Identifier: MIT
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { isBugRevision } from '@kernel-models/model-core';
import {
  codecOfModel,
  readTraceFile,
  shippedRecordings,
  SUBSYSTEMS,
  type AnySubsystem,
} from '@kernel-models/oracle';
import { covered } from '../support/rule-coverage.ts';
import { ROOT } from './sources.ts';

const subsystems = SUBSYSTEMS.map((subsystem) => ({ name: subsystem.model.name, subsystem }));

describe.each(subsystems)('the tables of $name', ({ subsystem }) => {
  // Registers every model for the rule coverage, so that one without tests is noticed.
  const model = covered(subsystem.model);

  test('rules: unique, each with a sentence and an origin that can be opened', () => {
    const ids = model.rules.map(({ id }) => id);
    expect(new Set(ids).size).toBe(ids.length);
    for (const { id, sentence, origin } of model.rules) {
      expect(id).toMatch(/^[a-z0-9]+([-.][A-Za-z0-9_]+)+$/);
      expect(`${id}: ${sentence}`).toMatch(/: \S.*\.$/);
      expect(`${id}: ${origin}`).toMatch(/: \S{3}/);
    }
  });

  test('revisions: named as revisions are, with a source and a date, or a base and a story', () => {
    for (const revision of model.revisions) {
      if (isBugRevision(revision)) {
        expect(revision.id).toMatch(/^bug:[a-z0-9]+([-.][a-z0-9]+)*$/);
        expect(`${revision.id}: ${revision.story}`).toMatch(/: .{10}/);
        expect([revision.id, revision.caughtBy.length]).not.toEqual([revision.id, 0]);
      } else {
        // Kernels and postings, and what stands for them: an architecture, an emulator, a design.
        expect(revision.id).toMatch(/^[a-z]+(-[a-z0-9.]+)*$/);
        expect(revision.date).toMatch(/^\d{4}(-\d{2}){0,2}$/);
        expect(revision.source).not.toBe('');
      }
    }
    expect(model.revisions.map(({ id }) => id)).toContain(subsystem.defaultRevision);
  });

  test('invariants: unique, each with a sentence', () => {
    const ids = model.invariants.map(({ id }) => id);
    expect(new Set(ids).size).toBe(ids.length);
    for (const { id, sentence } of model.invariants) {
      expect(`${id}: ${sentence}`).toMatch(/: \S.*\.$/);
    }
  });
});

test('docs/revisions.md says which revision is which kernel, and what was measured', async () => {
  const text = [
    '# Revisions',
    '',
    'Written from the tables of the packages and the headers of the recordings: `npx vitest run',
    'test-models/repository/revisions.test.ts -u` writes it again.',
    '',
    ...SUBSYSTEMS.flatMap(section),
  ].join('\n');
  await expect(text).toMatchFileSnapshot(join(ROOT, 'docs/revisions.md'));
});

function section({ model, title }: AnySubsystem): readonly string[] {
  const recordings = shippedRecordings(model.name).map(({ name, path }) => {
    const [first] = take(readTraceFile(path, codecOfModel));
    return { name, revision: first?.revision, source: first?.source, at: first?.recordedAt };
  });
  const bases = model.revisions.flatMap((revision) => {
    if (isBugRevision(revision)) return [];
    const measured = recordings
      .filter((recording) => recording.revision === revision.id)
      .map(({ source, at }) => `${source?.kernel ?? source?.kind} (${at?.slice(0, 10)})`);
    return [
      `| ${revision.id} | ${revision.date} | ${cell(revision.source)} | ${measured.join('; ') || '—'} |`,
    ];
  });
  const bugs = model.revisions.flatMap((revision) =>
    isBugRevision(revision)
      ? [
          `| ${revision.id} | ${revision.base} | ${cell(revision.story)} | ${revision.caughtBy.join(', ')} |`,
        ]
      : [],
  );
  return [
    `## ${model.name}`,
    '',
    `${title}.`,
    '',
    '| revision | date | source | measured on |',
    '| --- | --- | --- | --- |',
    ...bases,
    '',
    ...(bugs.length === 0
      ? []
      : [
          '| known bug | on | what goes wrong | caught by |',
          '| --- | --- | --- | --- |',
          ...bugs,
          '',
        ]),
  ];
}

function take<Value>(values: Iterable<Value>): readonly Value[] {
  for (const value of values) return [value];
  return [];
}

function cell(text: string): string {
  return text.replaceAll('|', '\\|').replaceAll('\n', ' ');
}
