// SPDX-License-Identifier: MIT
import fc from 'fast-check';
import { AT_EACCESS, AT_EXECVE_CHECK, INIT, type Operation } from '@kernel-models/exec-check';
import { defineProperty, type Property } from './property.ts';
import { resultOf, Scene, situations } from './situation.ts';

/*
 * What faccessat2(X_OK) was proposed to be, and is not: it knows the discretionary part and
 * noexec, and nothing of what else decides an execution.
 */

/** Errors of a check that faccessat does not give where the file is otherwise accessible. */
const UNKNOWN_TO_FACCESSAT = new Set([
  // Directories, special files, Landlock, modules.
  'EACCES',
  // A symbolic link that is not followed is accessible itself.
  'ELOOP',
  'ETXTBSY',
  'EPERM',
  'EAGAIN',
  'E2BIG',
  'EFAULT',
]);

const weaker = defineProperty({
  id: 'faccessat.weaker',
  sentence: 'faccessat with the effective ids refuses nothing that a check lets pass (B19)',
  coverage: { 'ok ok': 8, 'EACCES ok': 3, 'EACCES EACCES': 10, 'ENOENT ENOENT': 5 },
  of: (model, revision, base, labels) =>
    fc.property(situations(base), (situation) => {
      const scene = Scene.arrive(model, revision, base, situation);
      const { dirfd, path, flags } = scene.call;
      const operation: Operation = {
        op: 'faccessat',
        task: scene.task,
        dirfd,
        path,
        access: 1,
        flags: (flags & ~AT_EXECVE_CHECK) | AT_EACCESS,
      };
      const check = scene.check();
      const access = scene.perform(operation);
      const [strict, weak] = [resultOf(check), resultOf(access)];
      labels.count([`${strict} ${weak}`]);
      if (scene.task === INIT || strict === weak) return;
      const isKnown = weak === 'ok' && UNKNOWN_TO_FACCESSAT.has(strict);
      // The process limit is asked before the path is walked.
      if (!isKnown && strict !== 'EAGAIN') {
        scene.violated(`a check answers ${strict}, faccessat ${weak}`, check, access);
      }
    }),
});

export const ACCESS: readonly Property[] = [weaker];
