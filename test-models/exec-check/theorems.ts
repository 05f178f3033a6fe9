// SPDX-License-Identifier: MIT
import fc from 'fast-check';
import { deepEqual } from '@kernel-models/model-core';
import { AT_EMPTY_PATH, AT_FDCWD } from '@kernel-models/exec-check';
import { defineProperty, type Property } from './property.ts';
import { resultOf, Scene, situations } from './situation.ts';

/*
 * How a check and a real exec of the same thing in the same state are related. T1 to T5.
 */

const soundness = defineProperty({
  id: 'check.sound',
  sentence: 'where a real exec succeeds, the check does (T1)',
  coverage: { ran: 3, EACCES: 10, ENOEXEC: 2 },
  of: (model, revision, base, labels) =>
    fc.property(situations(base), (situation) => {
      const scene = Scene.arrive(model, revision, base, situation);
      const exec = scene.exec();
      const check = scene.check();
      labels.count([resultOf(exec)]);
      const ran = exec.outcome.kind === 'ran' || exec.outcome.kind === 'signal';
      if (ran && resultOf(check) !== 'ok') scene.violated('the exec runs, the check fails', check);
    }),
});

const agreement = defineProperty({
  id: 'check.agrees',
  sentence: 'where a check fails, the exec fails with the same errno (T2)',
  coverage: { ok: 8, EACCES: 10, ENOENT: 5 },
  of: (model, revision, base, labels) =>
    fc.property(situations(base), (situation) => {
      const scene = Scene.arrive(model, revision, base, situation);
      const check = scene.check();
      labels.count([resultOf(check)]);
      if (resultOf(check) === 'ok' || scene.task === 'init') return;
      const exec = scene.exec();
      if (resultOf(exec) !== resultOf(check)) {
        scene.violated(`the check answers ${resultOf(check)}, the exec ${resultOf(exec)}`, exec);
      }
    }),
});

/** Format, interpreters, rewriting of argv, file capabilities: what a check never looks at. */
const RESIDUAL = new Set([
  'ENOEXEC',
  'ENOENT',
  'ENOTDIR',
  'EACCES',
  'ELOOP',
  'ETXTBSY',
  'ENAMETOOLONG',
  'ENXIO',
  'ELIBBAD',
  'EIO',
  'E2BIG',
  'EPERM',
]);

const residual = defineProperty({
  id: 'check.residual',
  sentence: 'where a check passes and the exec fails, what the check does not look at is why (T3)',
  coverage: { ran: 10, ENOEXEC: 3, ENOENT: 2 },
  of: (model, revision, base, labels) =>
    fc.property(situations(base), (situation) => {
      const scene = Scene.arrive(model, revision, base, situation);
      if (resultOf(scene.check()) !== 'ok' || scene.task === 'init') return;
      const exec = scene.exec();
      const result = resultOf(exec);
      labels.count([result]);
      if (exec.outcome.kind === 'errno' && !RESIDUAL.has(result)) {
        scene.violated(`the check passes, the exec answers ${result}`, exec);
      }
    }),
});

const idempotence = defineProperty({
  id: 'check.idempotent',
  sentence: 'a check changes neither the next check nor the next exec (T4)',
  coverage: { ok: 8, EACCES: 10 },
  of: (model, revision, base, labels) =>
    fc.property(situations(base), (situation) => {
      const scene = Scene.arrive(model, revision, base, situation);
      const first = scene.check();
      labels.count([resultOf(first)]);
      const second = scene.check(first.state);
      if (!deepEqual(first.outcome, second.outcome)) {
        scene.violated(`first ${resultOf(first)}, then ${resultOf(second)}`, first, second);
      }
      if (scene.task === 'init') return;
      const alone = scene.exec();
      const after = scene.exec(first.state);
      if (!deepEqual(alone.outcome, after.outcome)) {
        scene.violated(`exec ${resultOf(alone)}, after a check ${resultOf(after)}`, first, after);
      }
    }),
});

const byDescriptor = defineProperty({
  id: 'check.fd-is-path',
  sentence: 'a check of a descriptor answers as one of the path that it was opened by (T5)',
  coverage: { ok: 10, EACCES: 10 },
  of: (model, revision, base, labels) =>
    fc.property(situations(base), (situation) => {
      const scene = Scene.arrive(model, revision, base, situation);
      const { path, dirfd } = scene.call;
      if (path.kind !== 'text' || path.text === '' || dirfd !== AT_FDCWD) return;
      const byPath = scene.check(scene.state, { ...scene.call, flags: 0 });
      const open = scene.perform(
        { op: 'open', task: scene.task, fd: 8, path: path.text, flags: ['O_PATH'] },
        byPath.state,
      );
      if (resultOf(open) !== 'ok') return;
      const empty = { kind: 'text', text: '' } as const;
      const call = { ...scene.call, dirfd: 8, path: empty, flags: AT_EMPTY_PATH };
      const byFd = scene.check(open.state, call);
      labels.count([resultOf(byFd)]);
      if (resultOf(byPath) !== 'EAGAIN' && resultOf(byPath) !== resultOf(byFd)) {
        scene.violated(`by path ${resultOf(byPath)}, by descriptor ${resultOf(byFd)}`, open, byFd);
      }
    }),
});

export const THEOREMS: readonly Property[] = [
  soundness,
  agreement,
  residual,
  idempotence,
  byDescriptor,
];
