// SPDX-License-Identifier: MIT
import { deepEqual } from '@kernel-models/model-core';
import { apply } from '../apply.ts';
import { AT_EXECVE_CHECK } from '../constants.ts';
import { at } from '../lists.ts';
import { featuresOf } from '../revisions.ts';
import { INIT, type Content } from '../setup.ts';
import {
  again,
  errnoOf,
  inWorld,
  located,
  ofCheck,
  ofExec,
  withCredentials,
  type ExecInvariant,
} from './exec-call.ts';

/** What only a real exec finds out: it reads the file. */
const RESIDUAL: readonly RegExp[] = [
  /^exec\./,
  /^elf\./,
  /^walk\./,
  /^execveat\.(?:trailing-slash|is-|noexec|permission|no-open)/,
  /^write-access\./,
  /^arguments\./,
  /^landlock\.execute$/,
  /^fanotify\./,
  /^ima\./,
  /^ipe\./,
  /^lsm\./,
];

const CONTENTS: readonly Content[] = [
  { kind: 'empty' },
  { kind: 'bytes', base64: 'aGVsbG8K' },
  { kind: 'script', line: '/bin/sh' },
  { kind: 'elf', program: 'exit', exitCode: 0 },
];

/** What a check may answer and change. */
export const CHECK_INVARIANTS: readonly ExecInvariant[] = [
  ofExec(
    'exec.check-agrees-with-exec',
    'In one state a check fails exactly where a real exec fails in the steps that they share, with the same errno.',
    (call) => {
      if (call.task.name === INIT || !featuresOf(call.revision).checkFlag) return true;
      const { flags } = call.operation;
      const checked = again(call, { flags: flags | AT_EXECVE_CHECK });
      const executed = again(call, { flags: flags & ~AT_EXECVE_CHECK });
      if (checked.kind === 'blocked') return executed.kind === 'blocked';
      return checked.kind === 'value' || errnoOf(checked) === errnoOf(executed);
    },
  ),
  ofCheck(
    'exec.residual',
    'Where a check passes and the exec fails, the cause is the format, an interpreter, file capabilities, or a module that checks never ask.',
    (call) => {
      if (call.task.name === INIT || call.step.outcome.kind !== 'value') return true;
      const operation = { ...call.operation, flags: call.operation.flags & ~AT_EXECVE_CHECK };
      const { outcome, rule } = apply(call.before, operation, call.revision);
      return outcome.kind !== 'errno' || RESIDUAL.some((pattern) => pattern.test(rule));
    },
  ),
  ofCheck(
    'exec.check-idempotent',
    'A check does not change the answer of the next one.',
    ({ step, operation, revision }) =>
      step.outcome.kind === 'blocked' ||
      deepEqual(apply(step.state, operation, revision).outcome, step.outcome),
  ),
  ofCheck(
    'exec.check-changes-nothing',
    'A check leaves the world as it was, but for PF_NPROC_EXCEEDED.',
    ({ before, step, task }) => {
      if (step.state === before) return true;
      const after = step.state.tasks[task.name];
      if (after === undefined) return false;
      const restored = { ...after, nprocExceeded: task.nprocExceeded };
      return deepEqual(
        { ...step.state, tasks: { ...step.state.tasks, [task.name]: restored } },
        before,
      );
    },
  ),
  ofCheck(
    'exec.check-restores-write-count',
    'After a check every file has as many writers and deniers as before.',
    ({ before, step }) =>
      step.state.inodes === before.inodes ||
      step.state.inodes.every((inode, id) => inode.writeCount === at(before.inodes, id).writeCount),
  ),
  ofCheck(
    'exec.check-ignores-content',
    'What is in the file does not matter to a check.',
    (call) => {
      const place = located(call);
      if (place === undefined) return true;
      const id = at(call.before.dentries, place.dentry).inode;
      const inode = at(call.before.inodes, id);
      return CONTENTS.every((content) => {
        const inodes = call.before.inodes.with(id, { ...inode, content });
        return inWorld(call, { ...call.before, inodes }) === errnoOf(call.step.outcome);
      });
    },
  ),
  ofCheck('exec.check-ignores-securebits', 'The securebits do not matter to the kernel.', (call) =>
    [0, 0x100, 0x500, 0xf00].every(
      (securebits) =>
        inWorld(call, withCredentials(call, { securebits })) === errnoOf(call.step.outcome),
    ),
  ),
];
