// SPDX-License-Identifier: MIT
import { at } from './lists.ts';
import { INITIAL_USERNS } from './state.ts';
import type { State, Task, UsernsId } from './state.ts';

/**
 * Processes that count against a user in a user namespace: those of that real uid in it, and those
 * in the namespaces that the user made below. Mirrors the ucounts of UCOUNT_RLIMIT_NPROC,
 * kernel/ucount.c.
 */
export function processCount(state: State, userns: UsernsId, uid: number): number {
  let count = userns === INITIAL_USERNS ? (state.sleepers[uid] ?? 0) : 0;
  for (const name in state.tasks) {
    const task = state.tasks[name];
    if (task !== undefined && countsFor(state, task, userns, uid)) count += 1;
  }
  return count;
}

function countsFor(state: State, task: Task, userns: UsernsId, uid: number): boolean {
  let id = task.credentials.userns;
  let owner = task.credentials.ruid;
  for (;;) {
    if (id === userns) return owner === uid;
    if (id === INITIAL_USERNS) return false;
    const namespace = at(state.userNamespaces, id);
    owner = namespace.owner;
    id = namespace.parent;
  }
}

/**
 * Whether a user has more processes than the limit, in the namespace or, by the limit of its maker,
 * in one above. Mirrors is_rlimit_overlimit(), kernel/ucount.c, Linux 6.12.
 *
 * @param further processes that are about to count and do not yet
 */
export function isOverLimit(
  state: State,
  userns: UsernsId,
  uid: number,
  limit: bigint,
  further: number,
): boolean {
  let id = userns;
  let user = uid;
  let max = limit;
  for (;;) {
    if (BigInt(processCount(state, id, user) + further) > max) return true;
    if (id === INITIAL_USERNS) return false;
    const namespace = at(state.userNamespaces, id);
    max = namespace.nprocMax;
    user = namespace.owner;
    id = namespace.parent;
  }
}
