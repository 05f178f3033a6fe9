// SPDX-License-Identifier: MIT
import { nth, type Task, type World } from './world.ts';

/** Processes that count for `uid` in a namespace: those in it, and below it those of its owners. */
export function processCount(world: World, namespace: number, uid: number): bigint {
  let count = 0n;
  if (namespace === 0) {
    for (const sleeper of world.sleepers) if (sleeper.uid === uid) count += BigInt(sleeper.count);
  }
  for (const task of world.tasks.values()) {
    if (!task.alive) continue;
    if (countsFor(world, task.userns, task.ruid, namespace, uid)) count += 1n;
  }
  return count;
}

function countsFor(world: World, at: number, as: number, namespace: number, uid: number): boolean {
  if (at === namespace) return as === uid;
  const { parent, owner } = nth(world.namespaces, at);
  return parent !== undefined && countsFor(world, parent, owner, namespace, uid);
}

/** Whether more processes of the task's user exist than its limit, or its namespace's, allows. */
export function exceedsProcessLimit(world: World, task: Task): boolean {
  return exceeds(world, task.userns, task.ruid, task.nprocLimit, 0n);
}

/** The same for a user that the task is about to become, before it counts. */
export function wouldExceedProcessLimit(world: World, task: Task, ruid: number): boolean {
  return exceeds(world, task.userns, ruid, task.nprocLimit, 0n);
}

function exceeds(world: World, at: number, uid: number, limit: bigint, more: bigint): boolean {
  if (processCount(world, at, uid) + more > limit) return true;
  const { parent, owner, nprocMax } = nth(world.namespaces, at);
  return parent !== undefined && exceeds(world, parent, owner, nprocMax, more);
}

/** Whether a fork would be one process too many. */
export function forkExceedsProcessLimit(world: World, task: Task): boolean {
  return exceeds(world, task.userns, task.ruid, task.nprocLimit, 1n);
}
