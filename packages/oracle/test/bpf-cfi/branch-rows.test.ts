// SPDX-License-Identifier: MIT
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import {
  branchModel,
  trackerOf,
  type BranchOperation,
  type BranchOutcome,
  type BranchSetup,
} from '@kernel-models/hw-model/instructions';
import {
  BRANCH_ROWS,
  UNASKED_ROWS,
  type RowVector,
  type Shown,
} from '../../src/bpf-cfi/branch-rows/index.ts';
import { readTraceFile, shippedRecordings } from '../../src/recordings.ts';

const PAGE = fileURLToPath(new URL('../../../../docs/branch-tracker.md', import.meta.url));

/*
 * No rule of the tracker without a recorded case. What a row says of each of its cases is held
 * against what the emulator answered, and against the model.
 */

const { codec } = branchModel;

function keyOf(setup: BranchSetup, operation: BranchOperation): string {
  return JSON.stringify([codec.encodeSetup(setup), codec.encodeOperation(operation)]);
}

/** What was recorded, by what was done. */
const recorded = new Map<string, BranchOutcome>();
for (const { path } of shippedRecordings(branchModel.name)) {
  for (const { setup, events } of readTraceFile(path, () => codec)) {
    for (const { operation, observed } of events) {
      if (observed.kind !== 'one') throw new RangeError(`${path}: expected one outcome`);
      const key = JSON.stringify([
        codec.encodeSetup(setup as BranchSetup),
        codec.encodeOperation(operation as BranchOperation),
      ]);
      recorded.set(key, observed.outcome as BranchOutcome);
    }
  }
}

/** What an outcome has of what a row speaks of. */
function seen(outcome: BranchOutcome | undefined, shown: Shown): unknown {
  if (outcome?.kind !== 'exception') return { kind: outcome?.kind };
  const all = { ...outcome, user: trackerOf(outcome.uCet) };
  return Object.fromEntries(
    Object.keys(shown).map((field) => [field, all[field as keyof typeof all]]),
  );
}

function answers({ candidate: { setup, operations } }: RowVector): {
  readonly emulator: BranchOutcome | undefined;
  readonly model: BranchOutcome;
} {
  const [operation] = operations;
  if (operation === undefined) throw new RangeError('case: expected an operation, got none');
  return {
    emulator: recorded.get(keyOf(setup, operation)),
    model: branchModel.apply(branchModel.initial(setup), operation, 'architecture').outcome,
  };
}

test.each(BRANCH_ROWS)('$id: $sentence', ({ vectors }) => {
  expect(vectors.length).toBeGreaterThan(0);
  const wrong = vectors.flatMap((vector) => {
    const { says, shows, bochs = shows } = vector;
    const { emulator, model } = answers(vector);
    const found = { emulator: seen(emulator, bochs), model: seen(model, shows) };
    const agrees =
      JSON.stringify(found, hex) === JSON.stringify({ emulator: bochs, model: shows }, hex);
    return agrees ? [] : [{ says, ...found, shows, bochs }];
  });
  expect(wrong).toEqual([]);
});

function hex(_: string, value: unknown): unknown {
  return typeof value === 'bigint' ? value.toString(16) : value;
}

test('every rule has one row, and those without a case say why', () => {
  const ids = [...BRANCH_ROWS, ...UNASKED_ROWS].map(({ id }) => id);
  expect(new Set(ids).size).toBe(ids.length);
  for (const { reason } of UNASKED_ROWS) expect(reason).not.toBe('');
});

test('docs/branch-tracker.md names every rule, its cases, and where Bochs departs from it', async () => {
  const asked = BRANCH_ROWS.map(({ id, sentence, origin, vectors }) => {
    const departs = vectors.filter(({ bochs }) => bochs !== undefined).map(({ says }) => says);
    const departure = departs.length === 0 ? '' : `departs: ${departs.join(', ')}`;
    return `| \`${id}\` | ${sentence} | ${origin} | ${vectors.length} | ${departure} |`;
  });
  const unasked = UNASKED_ROWS.map(
    ({ id, sentence, reason }) => `| \`${id}\` | ${sentence} | ${reason} |`,
  );
  const count = BRANCH_ROWS.reduce((sum, { vectors }) => sum + vectors.length, 0);
  const text = [
    ...['# The tracker of indirect branches, rule by rule', ''],
    'Written from `packages/oracle/src/bpf-cfi/branch-rows` by its test (`npx vitest run',
    'packages/oracle/test/bpf-cfi/branch-rows.test.ts -u`), which holds each of the cases against what',
    'Bochs 2.7 was recorded to do and against the model `hw-model.instructions`. Sections are those of',
    'Intel SDM volume 1, "Control-flow Enforcement Technology (CET)", unless a volume is named.',
    ...['', `${BRANCH_ROWS.length} rules, ${count} cases.`, ''],
    ...['| rule | what it says | section | cases | Bochs 2.7 |', '| --- | --- | --- | --- | --- |'],
    ...asked,
    ...['', '## Not asked', '', '| rule | what it says | why not |', '| --- | --- | --- |'],
    ...unasked,
    '',
  ].join('\n');
  await expect(text).toMatchFileSnapshot(PAGE);
});
