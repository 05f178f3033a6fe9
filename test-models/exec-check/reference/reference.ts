// SPDX-License-Identifier: MIT
import type { RevisionId } from '@kernel-models/model-core';
import {
  AT_EXECVE_CHECK,
  featuresOf,
  INIT,
  type Features,
  type Operation,
  type Outcome,
  type Setup,
  type WatchEvents,
} from '@kernel-models/exec-check';
import { faccessat } from './access.ts';
import { build } from './build.ts';
import { clientOperation } from './clients.ts';
import { credentialOperation } from './credentials.ts';
import { descriptorOperation } from './descriptors.ts';
import { execveat } from './execveat.ts';
import { fileOperation } from './files.ts';
import { microOperation } from './micro.ts';
import { worldOperation } from './world-operations.ts';
import { cloneWorld, Failure, type World } from './world.ts';

/**
 * A second, naive exec-check: straight lines over mutable maps that are copied whole for every
 * operation. It shares types and constants with the model, and nothing else.
 */
export function referenceRun(
  setup: Setup,
  operations: readonly Operation[],
  revision: RevisionId,
): Outcome[] {
  let world = referenceInitial(setup);
  return operations.map((operation) => {
    const step = referenceStep(world, operation, revision);
    world = step.world;
    return step.outcome;
  });
}

export function referenceInitial(setup: Setup): World {
  return build(setup);
}

/** One operation on a copy of the world. */
export function referenceStep(
  world: World,
  operation: Operation,
  revision: RevisionId,
): { readonly world: World; readonly outcome: Outcome } {
  const next = cloneWorld(world);
  next.seen = [];
  const outcome = perform(next, operation, featuresOf(revision));
  const events = reportsEvents(operation) ? eventsOf(next) : [];
  return {
    world: next,
    outcome: events.length === 0 ? outcome : ({ ...outcome, events } as Outcome),
  };
}

function perform(world: World, operation: Operation, features: Features): Outcome {
  const task = world.tasks.get(operation.task);
  if (task?.alive !== true) return { kind: 'gone' };
  const ends = ['checkEnd', 'execEnd', 'interpretEnd'];
  if (task.call !== undefined && !ends.includes(operation.op)) {
    return { kind: 'blocked', by: 'call-in-progress' };
  }
  try {
    return dispatch(world, operation, features);
  } catch (failure) {
    if (failure instanceof Failure) return { kind: 'errno', errno: failure.errno };
    throw failure;
  }
}

function dispatch(world: World, op: Operation, features: Features): Outcome {
  switch (op.op) {
    case 'mkfifo':
    case 'mknod':
    case 'link':
    case 'chown':
    case 'setacl':
    case 'setfcaps':
      return op.task === INIT ? fileOperation(world, op, features) : { kind: 'refused' };
    case 'mkdir':
    case 'create':
    case 'symlink':
    case 'unlink':
    case 'rename':
    case 'chmod':
    case 'fchmod':
    case 'write':
    case 'truncate':
      return fileOperation(world, op, features);
    case 'mount':
    case 'remount':
    case 'umount':
    case 'watch':
    case 'fanotifyInit':
    case 'fanotifyMark':
    case 'fanotifyClose':
    case 'sysctlMemfdNoexec':
    case 'lsmRule':
      return op.task === INIT ? worldOperation(world, op, features) : { kind: 'refused' };
    case 'open':
    case 'close':
    case 'dup':
    case 'memfdCreate':
    case 'fwrite':
    case 'anonymous':
    case 'mmap':
    case 'mprotect':
    case 'munmap':
    case 'fstat':
      return descriptorOperation(world, op, features);
    case 'execveat':
      return wholeExecveat(world, op, features);
    case 'faccessat':
      return faccessat(world, op);
    case 'uselib':
      return { kind: 'errno', errno: 'ENOSYS' };
    case 'setresuid':
    case 'setfsuid':
    case 'capset':
    case 'setSecurebits':
    case 'getSecurebits':
    case 'setKeepcaps':
    case 'getKeepcaps':
    case 'setNoNewPrivs':
    case 'getNoNewPrivs':
    case 'unshareUser':
    case 'setrlimit':
    case 'landlockRestrict':
    case 'ptraceAttach':
    case 'fork':
    case 'exit':
      return credentialOperation(world, op, features);
    case 'interpret':
    case 'load':
      return clientOperation(world, op, features);
    case 'checkBegin':
    case 'checkEnd':
    case 'execBegin':
    case 'execEnd':
    case 'cloneFs':
    case 'interpretBegin':
    case 'interpretEnd':
      return microOperation(world, op, features);
    case 'lease':
      throw new Error('reference: expected an operation without leases, got lease');
  }
}

function wholeExecveat(
  world: World,
  op: Extract<Operation, { op: 'execveat' }>,
  features: Features,
): Outcome {
  const asksCheck = (op.flags & AT_EXECVE_CHECK) !== 0;
  if (op.task === INIT && !asksCheck) return { kind: 'refused' };
  const outcome = execveat(world, op.task, op, features);
  if (outcome.kind === 'ran' || outcome.kind === 'signal') {
    const task = world.tasks.get(op.task);
    if (task !== undefined) task.alive = false;
  }
  return outcome;
}

function reportsEvents({ op }: Operation): boolean {
  return op === 'execveat';
}

/** What each watch saw: of equal events in a row one. */
function eventsOf(world: World): WatchEvents[] {
  const numbers = [...world.watches.keys()].sort((a, b) => a - b);
  return numbers.flatMap((watch) => {
    const own = world.seen.filter(({ inode }) => inode === world.watches.get(watch)?.inode);
    const events = own
      .map(({ event }) => event)
      .filter((event, index, all) => index === 0 || all[index - 1] !== event);
    return events.length === 0 ? [] : [{ watch, events }];
  });
}
