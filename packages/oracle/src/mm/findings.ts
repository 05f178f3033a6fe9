// SPDX-License-Identifier: MIT
import { MLOCK_ONFAULT, type Operation, type Setup } from '@kernel-models/mm';
import type { Case } from '../target.ts';
import { withWishes } from './generate.ts';
import { lock, map, move, moveLeaving, page, pages, unmap, write } from './operations.ts';

/** A defect of a kernel that this project met, and the operations that show it. */
export interface Finding {
  /** Of the file that holds the trace. */
  readonly name: string;
  readonly operations: readonly Operation[];
}

const LOOK: Operation = { op: 'smaps' };

/** What the limit allows to be locked in these histories: more than is ever locked at a time. */
const MEMLOCK = pages(8);

/** Where Linux 6.18 differs from what it promises. Each is explained in docs/findings.md. */
export const FINDINGS: readonly Finding[] = [
  {
    name: 'dontunmap-locked-drift',
    operations: [
      ...[map(0, 4), lock(0, 4), LOOK, moveLeaving(0, 4, 20), LOOK],
      ...[unmap(0, 4), unmap(20, 4), LOOK, map(0, 5), lock(0, 5), lock(0, 4)],
    ],
  },
  {
    name: 'dontunmap-stale-offset',
    operations: [
      ...[map(0, 2), write(0), move(0, 2, 2, 20), moveLeaving(20, 2, 40), LOOK],
      ...[map(22, 2), LOOK],
    ],
  },
  {
    name: 'dontunmap-joins-source',
    operations: [
      map(0, 2),
      { op: 'mlock2', address: page(0), length: pages(2), flags: MLOCK_ONFAULT },
      ...[LOOK, moveLeaving(0, 2, 2), LOOK, unmap(0, 4), LOOK],
    ],
  },
];

/** A finding as a case on a process. */
export function findingCase(finding: Finding, process: Setup): Case<Setup, Operation> {
  const limits = { MEMLOCK: { soft: MEMLOCK, hard: MEMLOCK } };
  return { setup: withWishes(process, { limits }), operations: finding.operations };
}
