// SPDX-License-Identifier: MIT
import type { Operation, Setup } from '@kernel-models/mm';
import type { RevisionId } from '@kernel-models/model-core';
import type { Case } from '../target.ts';
import { DIRECTED } from './directed.ts';
import { directedCase, randomCase, type Guide } from './generate.ts';
import { limitCase } from './limit-case.ts';
import { THEMES } from './themes.ts';

/**
 * The cases that a shipped recording is of.
 *
 * @param processes those that the kernel starts
 * @param rounds random cases of each theme on each process
 */
export function recordedCases(
  guide: Guide,
  revision: RevisionId,
  processes: readonly Setup[],
  rounds: number,
): readonly Case<Setup, Operation>[] {
  const cases = processes.flatMap((process) =>
    DIRECTED.map((directed) => directedCase(directed, process)),
  );
  let seed = 0;
  for (let round = 0; round < rounds; round += 1) {
    for (const theme of THEMES) {
      for (const process of processes) {
        seed += 1;
        cases.push(randomCase(seed, process, guide, revision, theme));
      }
    }
  }
  const [first] = processes;
  const limit = first === undefined ? undefined : limitCase(first);
  return limit === undefined ? cases : [...cases, limit];
}
