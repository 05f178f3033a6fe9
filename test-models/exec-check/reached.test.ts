// SPDX-License-Identifier: MIT
import { expect, test } from 'vitest';
import fc from 'fast-check';
import { execCheck } from '@kernel-models/exec-check';
import { SUITE_SEED } from '../support/check-property.ts';
import { covered } from '../support/rule-coverage.ts';
import { histories, unfold } from './agreement.ts';
import type { Weights } from './operations.ts';

const model = covered(execCheck);

/**
 * States that generated histories must get to, or the agreement of both sides says little: each
 * stands for a corner that is seldom visited.
 */
const MUST_BE_REACHED: Readonly<Record<string, string>> = {
  'execveat.process-limit': 'a task that became one process too many',
  'write-access.busy-with-writers': 'an execution of a file that somebody writes',
  'execveat.noexec': 'a file seen through a noexec mount',
  'landlock.execute': 'a file outside of a Landlock domain',
  'walk.nosymfollow': 'a symbolic link on a nosymfollow mount',
  'walk.protected-symlink': "somebody else's link in a sticky directory",
  'walk.too-many-links': 'a loop of symbolic links',
  'arguments.stack-mapping': 'arguments that fit the limit and not the stack',
  'arguments.limit': 'more arguments than the limit',
  'exec.interpreter-depth': 'a chain of scripts that is too long',
  'exec.path-closes': 'a script behind a close-on-exec descriptor',
  'exec.file-capabilities': 'a program with capabilities outside the bounding set',
  'elf.interpreter-too-short': 'an ELF interpreter that is not one',
  'memfd.noexec-enforced': 'vm.memfd_noexec=2',
  'file.exec-sealed': 'a memfd that cannot become executable',
  'fanotify.open-permission': 'a listener that denies',
  'file.sticky': "somebody else's file in a sticky directory",
  'credentials.id-unmapped': 'an id without a name in the user namespace',
  'interpreter.not-executable': 'a restricted interpreter with a file that it may not run',
  'loader.not-mappable': 'a library on a noexec mount',
};

/**
 * Families that lead to a corner only together: see the list beside the generator of operations.
 */
const TOGETHER: readonly Weights[] = [
  [1, 1, 1, 1, 1, 1, 1, 1, 1, 1],
  [1, 3, 0, 3, 0, 0, 0, 0, 0, 0],
  [0, 1, 0, 0, 0, 0, 0, 0, 0, 0],
  [3, 1, 0, 0, 0, 0, 5, 0, 0, 0],
  [2, 3, 0, 0, 0, 0, 0, 0, 0, 3],
  [0, 0, 0, 3, 0, 3, 0, 0, 0, 1],
  [1, 0, 0, 0, 3, 1, 2, 0, 1, 0],
  [0, 0, 0, 0, 1, 0, 0, 0, 0, 0],
];

/** Histories at a time; after each such lot the search ends where nothing is missing any more. */
const LOT = 80;
const MOST_LOTS = 60;

test('generated histories reach the named states', () => {
  const missing = new Set(Object.keys(MUST_BE_REACHED));
  const revision = 'linux-6.18';
  const all = fc.noBias(histories(revision, { minLength: 6, maxLength: 24 }));
  for (let lot = 0; lot < MOST_LOTS && missing.size > 0; lot += 1) {
    fc.sample(all, { seed: SUITE_SEED + lot, numRuns: LOT }).forEach((history, index) => {
      const weights = TOGETHER[index % TOGETHER.length] ?? history.weights;
      unfold(model, { ...history, weights }, revision, revision, ({ rule }) => {
        missing.delete(rule);
      });
    });
  }
  expect([...missing]).toEqual([]);
});
