// SPDX-License-Identifier: MIT
import { CAP_SETPCAP } from '../capability.ts';
import { featuresOf } from '../revisions.ts';
import type { State } from '../state.ts';
import { invariant, type ExecInvariant, type ExecTransition } from './exec-call.ts';

function securebitsOf(state: State, name: string): number | undefined {
  return state.tasks[name]?.credentials.securebits;
}

/** What the securebits keep. */
export const SECUREBITS_INVARIANTS: readonly ExecInvariant[] = [
  invariant(
    'securebits.locks-hold',
    'A locked bit and its lock never change but by a new user namespace.',
    (transition) => (transition.operation.op === 'unshareUser' ? undefined : transition),
    keepsLocks,
    undefined,
  ),
  invariant(
    'securebits.locks-survive-userns',
    'A locked bit and its lock never change, by a new user namespace neither.',
    (transition) => transition,
    keepsLocks,
    ['linux-6.18-fixed'],
  ),
  invariant(
    'securebits.known-bits',
    'No task has a bit outside of 0xfff.',
    (transition) => transition,
    ({ step }) =>
      Object.values(step.state.tasks).every(
        ({ credentials }) => (credentials.securebits & ~0xfff) === 0,
      ),
    undefined,
  ),
  invariant(
    'securebits.closed-form',
    'PR_SET_SECUREBITS succeeds exactly where the new word is well-formed, keeps what is locked, and, without CAP_SETPCAP, differs in exec bits alone.',
    ({ before, operation, step, revision }) => {
      const task = before.tasks[operation.task];
      if (operation.op !== 'setSecurebits' || task === undefined) return undefined;
      return step.outcome.kind === 'value' || step.outcome.kind === 'errno'
        ? { task, value: operation.value, succeeded: step.outcome.kind === 'value', revision }
        : undefined;
    },
    ({ task, value, succeeded, revision }) => {
      const old = BigInt(task.credentials.securebits);
      const privileged = (task.credentials.effective & CAP_SETPCAP) !== 0n;
      const merged = featuresOf(revision).execSecurebits !== 'none';
      return securebitsClosedForm(old, value, privileged, merged) === succeeded;
    },
    undefined,
  ),
];

function keepsLocks({ before, step }: ExecTransition): boolean {
  return Object.keys(before.tasks).every((name) => {
    const old = securebitsOf(before, name) ?? 0;
    const now = securebitsOf(step.state, name);
    const locks = old & 0xaaa;
    return now === undefined || ((old ^ now) & (locks | (locks >> 1))) === 0;
  });
}

/** Whether PR_SET_SECUREBITS succeeds, in one expression over 64-bit words. */
export function securebitsClosedForm(
  old: bigint,
  value: bigint,
  privileged: boolean,
  hasExecBits: boolean,
): boolean {
  const locks = old & 0xaaan;
  const frozen = locks | (locks >> 1n);
  const changed = old ^ value;
  const wellFormed = value < (hasExecBits ? 0x1000n : 0x100n);
  const mayChange = hasExecBits ? 0xf00n : 0n;
  const permitted = privileged || (changed !== 0n && (changed & ~mayChange) === 0n);
  return wellFormed && (changed & frozen) === 0n && permitted;
}
