// SPDX-License-Identifier: MIT
import { describe, test } from 'vitest';
import { execCheck } from '@kernel-models/exec-check';
import { covered } from '../support/rule-coverage.ts';
import { AGREEMENT } from './agreement.ts';
import { hold } from './property.ts';

const model = covered(execCheck);

/** The revisions that the reference knows; 6.18-fixed and the bug variants stand on them. */
const REVISIONS = [
  'posted-v19',
  'linux-6.1',
  'linux-6.12',
  'linux-6.14',
  'linux-6.18',
  'linux-6.19',
] as const;

describe.each(REVISIONS)('%s answers as the naive reference', (revision) => {
  test.each(AGREEMENT)('$id: $sentence', async (property) => {
    // A kernel without the flag answers every check alike, so that its labels are others.
    const knowsChecks = revision !== 'linux-6.1' && revision !== 'linux-6.12';
    await hold(knowsChecks ? property : { ...property, coverage: {} }, model, revision);
  });
});
