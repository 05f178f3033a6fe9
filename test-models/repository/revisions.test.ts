// SPDX-License-Identifier: MIT
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { isBugRevision, type BugRevision } from '@kernel-models/model-core';
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
      `| ${revision.id} | ${revision.date} | ${cell(revision.source)} | ${[...new Set(measured)].join('; ') || '—'} |`,
    ];
  });
  const all = model.revisions.filter(isBugRevision);
  const own = all.filter((bug) => homesOf(bug).includes(model));
  const elsewhere = new Set(
    all.filter((bug) => !own.includes(bug)).flatMap((bug) => homesOf(bug).map(({ name }) => name)),
  );
  const bugs = own.map(
    ({ id, base, story, caughtBy }) =>
      `| ${id} | ${base} | ${cell(story)} | ${caughtBy.join(', ')} |`,
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
    ...(elsewhere.size === 0
      ? []
      : [`Its other \`bug:\` revisions are listed under ${[...elsewhere].join(' and ')}.`, '']),
  ];
}

/** The models whose invariants catch a bug; where none does, the first that has it. */
function homesOf(bug: BugRevision<object>): readonly AnySubsystem['model'][] {
  const having = SUBSYSTEMS.map((subsystem): AnySubsystem['model'] => subsystem.model).filter(
    ({ revisions }) => revisions.some(({ id }) => id === bug.id),
  );
  const homes = having.filter(({ invariants }) => {
    const families = new Set(invariants.map(({ id }) => familyOf(id)));
    return bug.caughtBy.some((id) => families.has(familyOf(id)));
  });
  return homes.length === 0 ? having.slice(0, 1) : homes;
}

/** `tsm.cache-coherent` is of `tsm`. */
function familyOf(id: string): string {
  return id.split('.')[0] ?? id;
}

function take<Value>(values: Iterable<Value>): readonly Value[] {
  for (const value of values) return [value];
  return [];
}

function cell(text: string): string {
  return text.replaceAll('|', '\\|').replaceAll('\n', ' ');
}
