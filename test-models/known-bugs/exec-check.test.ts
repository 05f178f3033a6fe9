// SPDX-License-Identifier: MIT
import { afterAll, describe, expect, test } from 'vitest';
import fc from 'fast-check';
import { isBugRevision } from '@kernel-models/model-core';
import { execCheck, REVISIONS } from '@kernel-models/exec-check';
import { GALLERY_SEEDS, IS_GALLERY } from '../support/check-property.ts';
import { LabelCoverage } from '../support/label-coverage.ts';
import { covered } from '../support/rule-coverage.ts';
import { AGREEMENT } from '../exec-check/agreement.ts';
import { INDEPENDENCE } from '../exec-check/independence.ts';
import { ORDER } from '../exec-check/order.ts';
import { ANONYMOUS, POLICIES } from '../exec-check/policies.ts';
import type { Property } from '../exec-check/property.ts';
import { RACES } from '../exec-check/races.ts';
import { THEOREMS } from '../exec-check/theorems.ts';

/*
 * Every bug variant of exec-check must be caught by a property that was not written for it, and the
 * revision on which it stands must pass the same property with the same seed.
 */

const model = covered(execCheck);

/** Cases that a property may take to find a bug. */
const BUDGET = IS_GALLERY ? 4000 : 2000;

const GENERAL: readonly Property[] = [
  ...ORDER,
  ...POLICIES,
  ...RACES,
  ...THEOREMS,
  ...INDEPENDENCE,
  ...AGREEMENT,
];

interface Kill {
  readonly bug: string;
  readonly property: string;
  readonly runs: readonly number[];
  readonly counterexample: string;
}

/** Which property is to catch which bug: the most particular of the general ones. */
const CATCHERS: Readonly<Record<string, string>> = {
  'bug:ima-stack-read': 'ima.audit-type',
  'bug:no-etxtbsy': 'race.writers-and-deniers',
  'bug:pre-content-group-lifts-denial': 'check.depends-on-its-file',
  'bug:anon-inode-chmod': 'exec.anonymous-inode',
  'bug:in-exec-left-set': 'race.clone-fs',
  'bug:in-exec-cleared-early': 'race.clone-fs',
  'bug:flags-before-path': 'check.first-failing-step',
  'bug:argv-before-file': 'check.first-failing-step',
  'bug:check-leaks-write-denial': 'check.releases-writers',
  'bug:check-reads-format': 'check.ignores-content',
  'bug:check-refuses-empty-file': 'check.ignores-content',
  'bug:permission-by-euid': 'check.by-fsuid',
  'bug:noexec-by-inode': 'check.noexec-by-mount',
  'bug:class-union': 'reference.cases',
  'bug:securebits-noop-allowed': 'securebits.closed-form',
  'bug:securebits-privilege-first': 'securebits.locks-hold',
  'bug:securebits-truncated': 'securebits.closed-form',
  'bug:securebits-locks-unshifted': 'securebits.locks-hold',
  'bug:securebits-lock-typo': 'securebits.locks-hold',
};

const bugs = REVISIONS.filter(isBugRevision);
const kills: Kill[] = [];

function propertyNamed(id: string): Property {
  const property = [...GENERAL, ...ANONYMOUS].find((each) => each.id === id);
  if (property === undefined) throw new Error(`gallery: expected a property, got ${id}`);
  return property;
}

describe('bug variants of exec-check', () => {
  test('each has a property that catches it', () => {
    expect(Object.keys(CATCHERS).sort()).toEqual(bugs.map(({ id }) => id).sort());
  });

  test.each(bugs)('$id: $story', async ({ id, base }) => {
    const property = propertyNamed(CATCHERS[id] ?? '');
    const runs: number[] = [];
    let counterexample = '';
    for (const seed of GALLERY_SEEDS) {
      const wrong = property.of(model, id, base, new LabelCoverage());
      const found = await fc.check(wrong, { seed, numRuns: BUDGET });
      expect(found.failed, `${property.id} did not find ${id} with seed ${seed}`).toBe(true);
      runs.push(found.numRuns);
      counterexample ||= String(found.errorInstance);
      const right = property.of(model, base, base, new LabelCoverage());
      const clean = await fc.check(right, { seed, numRuns: Math.max(found.numRuns, 50) });
      expect(clean.failed, `${base} fails ${property.id} with seed ${seed}`).toBe(false);
    }
    kills.push({ bug: id, property: property.id, runs, counterexample });
  });

  afterAll(() => {
    process.stdout.write(tableOf(kills));
    if (!IS_GALLERY) return;
    for (const { bug, counterexample } of kills) {
      process.stdout.write(`\n${bug}\n${counterexample}\n`);
    }
  });
});

/** Runs to kill: the median and the most over the seeds. */
function tableOf(all: readonly Kill[]): string {
  const rows = all.map(({ bug, property, runs }) => {
    const sorted = [...runs].sort((a, b) => a - b);
    const median = sorted[Math.floor(sorted.length / 2)] ?? 0;
    const most = sorted.at(-1) ?? 0;
    const numbers = [median, most].map((number) => String(number).padStart(6)).join(' ');
    return `${bug.padEnd(36)} ${property.padEnd(26)} ${numbers}`;
  });
  const head = `${'bug'.padEnd(36)} ${'caught by'.padEnd(26)} median   most`;
  return [head, ...rows, ''].join('\n');
}
