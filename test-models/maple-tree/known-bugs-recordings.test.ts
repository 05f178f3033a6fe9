// SPDX-License-Identifier: MIT
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { isBugRevision, replay, type AnyTrace } from '@kernel-models/model-core';
import {
  codecOfModel,
  mapleTreeModel,
  readTraceFile,
  shippedRecordings,
} from '@kernel-models/oracle';
import { IS_GALLERY } from '../support/check-property.ts';
import { covered } from '../support/rule-coverage.ts';

const PAGE = fileURLToPath(new URL('../../docs/maple-tree-bugs.md', import.meta.url));

const model = covered(mapleTreeModel);
const traces: readonly AnyTrace[] = shippedRecordings(model.name).flatMap(({ path }) => [
  ...readTraceFile(path, codecOfModel),
]);

/** Bugs that no operation of one thread with all the memory it wants can show, and why. */
const UNSEEN: Readonly<Record<string, string>> = {
  stackrot: 'a reader must stand in a node while a writer replaces it: one thread never does',
  'null-expand-retry': 'an allocation must fail once: the recordings have all the memory they want',
  'insert-new-root': 'Linux 6.12 has it, so the recordings do too',
  'rev-top-wrap': 'Linux 6.12 has it, so the recordings do too',
  'destroy-full-range-rcu':
    'Linux 6.12 has it; destroy answers nothing, so that only the count of bad frees tells',
};
/** Traces that `npm test` replays of a bug that must not show; the gallery replays all. */
const FEW = 6;

const rows: string[] = [];

/**
 * Whether all traces are searched, and the page is written from what was found. `npm test` looks only
 * where the page says that a bug shows.
 */
const SEARCHES = IS_GALLERY || process.env['KM_WRITE'] === '1';

describe('known bugs against the recordings of lib/maple_tree.c', () => {
  const bugs = model.revisions.filter(isBugRevision);

  test.each(bugs)('$id', ({ caughtBy, id }) => {
    const why = UNSEEN[id.slice('bug:'.length)];
    const shown = firstDivergence(tracesFor(id, why !== undefined), id);
    rows.push(`| ${id} | ${caughtBy.join(', ')} | ${shown ?? `— ${why}`} |`);
    expect({ id, isSeen: shown !== null }).toEqual({ id, isSeen: why === undefined });
  });

  test('docs/maple-tree-bugs.md says what they show', async () => {
    const page = [
      '# The bugs of the maple tree, and what shows them',
      '',
      'Each is a revision of the model and a switch of `@kernel-models/maple-tree/bugs`; [revisions.md](revisions.md) tells',
      'what goes wrong. The property is one that says something general and was not written for the bug. The last column is',
      'where the recordings of the real lib/maple_tree.c part from the model that has the bug.',
      '[StackRot](stackrot.md) has a page of its own.',
      '',
      '| revision | property that catches it | first divergence from the recordings of Linux 6.12 |',
      '| --- | --- | --- |',
      ...rows,
      '',
      'Written by `KM_WRITE=1 npx vitest run test-models/maple-tree/known-bugs-recordings.test.ts -u`; `npm run gallery`',
      'searches all of them again. By hand:',
      '`kernel-oracle check maple-tree --target linux-6.12 --revision bug:limit-state` shrinks and explains it.',
      '',
    ].join('\n');
    await expect(page).toMatchFileSnapshot(PAGE);
  });
});

/** The traces to replay of a bug, with their numbers. */
function tracesFor(id: string, isUnseen: boolean): readonly (readonly [number, AnyTrace])[] {
  const numbered = [...traces.entries()];
  if (SEARCHES) return numbered;
  if (isUnseen) return numbered.slice(0, FEW);
  const [, index] = new RegExp(`${id} .* trace (\\d+),`).exec(readFileSync(PAGE, 'utf8')) ?? [];
  return numbered.filter(([at]) => at === Number(index));
}

/** Where a revision first fails to explain a trace; null where it explains all. */
function firstDivergence(
  some: readonly (readonly [number, AnyTrace])[],
  revision: string,
): string | null {
  for (const [index, trace] of some) {
    const { consumed, divergence } = replay(
      model,
      trace as Parameters<typeof replay<never, never, never, never>>[1],
      { revision },
    );
    if (divergence === undefined) continue;
    const { machine } = trace.setup as { machine: string };
    const { op } = divergence.event.operation;
    return `trace ${index}, event ${consumed}: ${op}, ${machine}`;
  }
  return null;
}
