// SPDX-License-Identifier: MIT
import { mmModel, type Operation, type Outcome, type Setup, type State } from '@kernel-models/mm';
import { probeReproducer } from '../probe/reproducer.ts';
import type { Subsystem } from '../subsystem.ts';
import { describeOperation, describeOutcome } from './describe.ts';
import { isExecutable } from './executable.ts';
import { MM_WORLDS } from './explorations.ts';
import { mmCases } from './generate.ts';
import { beginsAlike } from './host.ts';
import { recordedProcesses } from './recorded.ts';
import { mmTargets } from './targets.ts';
import { viewOf } from './view.ts';
import { encodeOperation, encodeWorld } from './wire.ts';

/** The address space of a process, as the oracle holds it against kernels. */
export const mmSubsystem: Subsystem<State, Operation, Outcome, Setup> = {
  model: mmModel,
  title: 'brk, mmap, munmap, mprotect, mremap and their family, on the maple tree',
  defaultRevision: 'linux-6.18',
  cases: (revision, processes = recordedProcesses()) => mmCases(mmModel, revision, processes),
  isExecutable,
  canHave: beginsAlike,
  targets: mmTargets,
  explorations: MM_WORLDS,
  describeOperation,
  describeOutcome,
  viewOf,
  reproducer: ({ setup, operations }, story) =>
    probeReproducer({
      probe: mmModel.name,
      world: encodeWorld(setup),
      steps: operations.map(encodeOperation),
      story,
    }),
};
