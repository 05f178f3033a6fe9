// SPDX-License-Identifier: MIT
import {
  INIT,
  SUCCESS,
  type Features,
  type MicroOperation,
  type Outcome,
} from '@kernel-models/exec-check';
import { decideOnOpen } from './clients.ts';
import { fork } from './credentials.ts';
import { openFile } from './descriptors.ts';
import { close, prepare } from './execveat.ts';
import { fail, inodeAt, inodeNumber, nth, taskOf, type World } from './world.ts';

type Micro = Exclude<MicroOperation, { readonly op: 'lease' }>;

/** Parts of calls. A call that fails at its beginning is over; one that holds waits for its end. */
export function microOperation(world: World, op: Micro, features: Features): Outcome {
  const task = taskOf(world, op.task);
  switch (op.op) {
    case 'checkBegin': {
      const { isCheck, place, denied } = prepare(world, op.task, op, features);
      if (!isCheck) return { kind: 'refused' };
      const denies = denied ? inodeNumber(world, place) : undefined;
      task.call = { kind: 'check', denies, outcome: SUCCESS };
      return SUCCESS;
    }
    case 'checkEnd': {
      if (task.call?.kind !== 'check') return fail('EINVAL');
      const { outcome } = task.call;
      task.call = undefined;
      return outcome;
    }
    case 'execBegin': {
      if (op.task === INIT) return { kind: 'refused' };
      const { isCheck, place, run } = prepare(world, op.task, op, features);
      if (isCheck) return { kind: 'refused' };
      const outcome = run();
      close(world, place);
      if (outcome.kind === 'errno') return outcome;
      task.call = { kind: 'exec', denies: inodeNumber(world, place), outcome };
      return SUCCESS;
    }
    case 'execEnd': {
      if (task.call?.kind !== 'exec') return fail('EINVAL');
      const { outcome } = task.call;
      task.call = undefined;
      task.alive = false;
      return outcome;
    }
    case 'cloneFs': {
      const inExec = [...world.tasks.values()].some(
        (other) => other.alive && other.fs === task.fs && other.call?.kind === 'check',
      );
      if (inExec) fail('EAGAIN');
      return fork(world, task, op.child, true);
    }
    case 'interpretBegin': {
      const file = openFile(world, op.task, task, op.path, ['O_RDONLY'], 0);
      const decision = decideOnOpen(world, op.task, file, op.path, true, features);
      const path = op.reads === 'path' ? op.path : undefined;
      task.call = { kind: 'interpret', file, path, outcome: decision };
      return SUCCESS;
    }
    case 'interpretEnd': {
      if (task.call?.kind !== 'interpret') return fail('EINVAL');
      const { file, path, outcome } = task.call;
      task.call = undefined;
      const { allowed, checked } = outcome;
      const decision: Outcome = { kind: 'decided', allowed, checked };
      if (!allowed) return decision;
      const read =
        path === undefined ? file : openFile(world, op.task, task, path, ['O_RDONLY'], 0);
      const { bytes } = inodeAt(world, nth(world.files, read));
      return { ...decision, content: Buffer.from(bytes).toString('base64') };
    }
  }
}
