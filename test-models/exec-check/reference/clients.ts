// SPDX-License-Identifier: MIT
import type { Errno } from '@kernel-models/model-core';
import {
  AT_EMPTY_PATH,
  AT_EXECVE_CHECK,
  type ClientOperation,
  type Features,
  type OperationOf,
  type Outcome,
} from '@kernel-models/exec-check';
import { openFile } from './descriptors.ts';
import { execveat } from './execveat.ts';
import { isNoexec } from './permission.ts';
import { fail, inodeAt, nth, taskOf, type World } from './world.ts';

type Decision = Extract<Outcome, { kind: 'decided' }>;

/** Bits 8 and 10 as this revision reads them. */
interface Policy {
  readonly checksFiles: boolean;
  readonly restrictsFiles: boolean;
  readonly checksStdin: boolean;
  readonly deniesInteractive: boolean;
  readonly approvesNothing: boolean;
}

export function policyOf(securebits: number, features: Features): Policy {
  const bit8 = (securebits & 0x100) !== 0;
  const bit10 = (securebits & 0x400) !== 0;
  if (features.execSecurebits === 'posted') {
    return {
      checksFiles: bit8,
      restrictsFiles: bit10,
      checksStdin: false,
      deniesInteractive: bit10,
      // Only approved files run, and nothing is there to approve them.
      approvesNothing: bit10 && !bit8,
    };
  }
  return {
    checksFiles: true,
    restrictsFiles: bit8,
    checksStdin: true,
    deniesInteractive: bit10,
    approvesNothing: false,
  };
}

/** The check of a descriptor, as an interpreter issues it. */
export function checkFile(
  world: World,
  name: string,
  file: number,
  argument: string,
  features: Features,
): Errno | 'ok' {
  const task = taskOf(world, name);
  const free = 63;
  const saved = task.fds.get(free);
  task.fds.set(free, { file, cloexec: true });
  const outcome = execveat(
    world,
    name,
    {
      dirfd: free,
      path: { kind: 'text', text: '' },
      flags: AT_EMPTY_PATH | AT_EXECVE_CHECK,
      argv: { kind: 'list', strings: [{ kind: 'text', text: argument }] },
      envp: { kind: 'null' },
    },
    features,
  );
  if (saved === undefined) task.fds.delete(free);
  else task.fds.set(free, saved);
  return outcome.kind === 'errno' ? outcome.errno : 'ok';
}

export function interpret(world: World, op: OperationOf<'interpret'>, features: Features): Outcome {
  const task = taskOf(world, op.task);
  const policy = policyOf(task.securebits, features);
  const { source } = op;
  if (source.kind === 'snippet' || source.kind === 'snippetAndFile') {
    const denied = op.enlightened && policy.deniesInteractive;
    return decided(!denied, undefined);
  }
  if (source.kind === 'stdin') {
    const descriptor = task.fds.get(source.fd);
    if (descriptor === undefined) return fail('EBADF');
    if (!nth(world.files, descriptor.file).read) return fail('EBADF');
    if (!op.enlightened) return decided(true, undefined);
    const check = policy.checksStdin
      ? checkFile(world, op.task, descriptor.file, '/proc/self/fd/0', features)
      : undefined;
    return decided(!policy.deniesInteractive || check === 'ok', check);
  }
  return decideOnFile(world, op.task, source.path, op.enlightened, features);
}

/** Opens, checks what was opened, decides. */
export function decideOnFile(
  world: World,
  name: string,
  path: string,
  enlightened: boolean,
  features: Features,
): Decision {
  const file = openFile(world, name, taskOf(world, name), path, ['O_RDONLY'], 0);
  return decideOnOpen(world, name, file, path, enlightened, features);
}

export function decideOnOpen(
  world: World,
  name: string,
  file: number,
  path: string,
  enlightened: boolean,
  features: Features,
): Decision {
  if (!enlightened) return decided(true, undefined);
  const policy = policyOf(taskOf(world, name).securebits, features);
  const check = policy.checksFiles ? checkFile(world, name, file, path, features) : undefined;
  return decided(!policy.restrictsFiles || (check === 'ok' && !policy.approvesNothing), check);
}

export function load(world: World, op: OperationOf<'load'>, features: Features): Outcome {
  if (op.as === 'preload' && op.secure) return decided(false, undefined);
  const file = openFile(world, op.task, taskOf(world, op.task), op.path, ['O_RDONLY'], 0);
  const decision = decideOnOpen(world, op.task, file, op.path, op.enlightened, features);
  const opened = nth(world.files, file);
  const inode = inodeAt(world, opened);
  const isFile = inode.kind === 'file' && nth(world.supers, inode.sb).fs !== 'proc';
  const mappable = isFile && !isNoexec(world, opened);
  return { ...decision, allowed: decision.allowed && mappable };
}

function decided(allowed: boolean, check: Errno | 'ok' | undefined): Decision {
  if (check === undefined) return { kind: 'decided', allowed, checked: false };
  return { kind: 'decided', allowed, checked: true, check };
}

export function clientOperation(world: World, op: ClientOperation, features: Features): Outcome {
  return op.op === 'interpret' ? interpret(world, op, features) : load(world, op, features);
}
