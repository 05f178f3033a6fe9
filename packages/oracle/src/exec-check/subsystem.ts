// SPDX-License-Identifier: MIT
import {
  AT_EXECVE_CHECK,
  execCheck,
  type Operation,
  type Outcome,
  type Setup,
  type State,
} from '@kernel-models/exec-check';
import { probeReproducer } from '../probe/reproducer.ts';
import type { Subsystem } from '../subsystem.ts';
import { execCheckCases } from './cases.ts';
import { describeOperation, describeOutcome } from './describe.ts';
import { execCheckTargets } from './targets.ts';
import { encodeOperation, encodeSetup } from './wire.ts';
import { EXEC_CHECK_WORLDS } from './worlds.ts';

/** execveat(2) with AT_EXECVE_CHECK, as the oracle holds it against kernels. */
export const execCheckSubsystem: Subsystem<State, Operation, Outcome, Setup> = {
  model: execCheck,
  title: 'execveat(2) AT_EXECVE_CHECK, real exec, securebits, interpreters and ld.so',
  defaultRevision: 'linux-6.18',
  cases: execCheckCases,
  targets: execCheckTargets,
  explorations: EXEC_CHECK_WORLDS,
  rowOf,
  describeOperation,
  describeOutcome,
  reproducer: ({ setup, operations }, story) =>
    probeReproducer({
      probe: execCheck.name,
      world: encodeSetup(setup),
      steps: operations.map(encodeOperation),
      story,
    }),
};

/** A check and a real exec are the same call; a report counts them apart. */
function rowOf(operation: Operation): string {
  if (operation.op !== 'execveat') return operation.op;
  return (operation.flags & AT_EXECVE_CHECK) === 0 ? 'execveat' : 'execveat (check)';
}
