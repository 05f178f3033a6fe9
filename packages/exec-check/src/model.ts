// SPDX-License-Identifier: MIT
import { deepEqual, type Model, type RevisionId } from '@kernel-models/model-core';
import { apply } from './apply.ts';
import { argumentSpace, copyAllStrings } from './argument-space.ts';
import { programName } from './call.ts';
import { codec } from './codec.ts';
import { INVARIANTS } from './invariants.ts';
import { key } from './key.ts';
import type { Operation } from './operation.ts';
import type { Outcome } from './outcome.ts';
import { isRefusal } from './refusal.ts';
import { REVISIONS } from './revisions.ts';
import { RULES } from './rules.ts';
import type { Setup } from './setup.ts';
import type { State } from './state.ts';
import type { ExecStep } from './step.ts';
import { initial } from './world.ts';

/**
 * Stack below which a start may die: the kernel moves the top of a stack down by up to 8 KiB at
 * random, and puts the auxiliary vector and the pointers below the strings. Origin:
 * arch_align_stack(), arch/x86/kernel/process.c; create_elf_tables(), fs/binfmt_elf.c, Linux 6.12.
 */
const START_STACK = 24 * 1024;

/**
 * A program may start or die where the stack limit leaves it hardly a page or two: stack addresses
 * are random.
 */
export function allowed(
  state: State,
  operation: Operation,
  revision: RevisionId,
): readonly ExecStep[] {
  const step = apply(state, operation, revision);
  if (operation.op !== 'execveat' || step.outcome.kind !== 'ran') return [step];
  const task = state.tasks[operation.task];
  if (task === undefined) return [step];
  const space = argumentSpace(operation.argv, operation.envp, task.stackLimit);
  if (isRefusal(space)) return [step];
  copyAllStrings(space, programName(operation), operation.argv, operation.envp);
  if (space.stack >= space.used + START_STACK) return [step];
  const { events, audit } = step.outcome;
  const killed: Outcome = {
    kind: 'signal',
    signal: 'SIGSEGV',
    ...(events === undefined ? {} : { events }),
    ...(audit === undefined ? {} : { audit }),
  };
  return [step, { ...step, outcome: killed, rule: 'exec.killed' }];
}

/**
 * Whether a target's outcome is the model's: audit records are not compared, nor unread exit codes.
 */
export function matches(observed: Outcome, modelled: Outcome): boolean {
  return deepEqual(comparable(observed, modelled), comparable(modelled, modelled));
}

function comparable(outcome: Outcome, modelled: Outcome): object {
  const unread = modelled.kind === 'ran' && modelled.exitCode === undefined;
  return {
    ...outcome,
    audit: undefined,
    ...(unread && outcome.kind === 'ran' ? { exitCode: undefined } : {}),
  };
}

/** execveat(2) AT_EXECVE_CHECK, the exec securebits and their user-space clients. */
export const execCheck: Model<State, Operation, Outcome, Setup> = {
  name: 'exec-check',
  revisions: REVISIONS,
  rules: RULES,
  codec,
  initial,
  apply,
  allowed,
  matches,
  key,
  invariants: INVARIANTS,
};
