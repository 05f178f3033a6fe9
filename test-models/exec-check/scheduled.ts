// SPDX-License-Identifier: MIT
import fc from 'fast-check';
import type { RevisionId } from '@kernel-models/model-core';
import type { Operation, Outcome } from '@kernel-models/exec-check';
import type { ExecModel } from './property.ts';
import { checkOf, FILE, OTHER, TWO_SCRIPTS } from './races.ts';
import { Violation } from './violation.ts';

/**
 * check || open for writing || chmod || rename || clone(CLONE_FS) as concurrent functions: the
 * library's scheduler decides whose step is next, and every step is one operation on the shared
 * machine.
 */
export function scheduledRace(model: ExecModel, revision: RevisionId): fc.IRawProperty<unknown> {
  return fc.asyncProperty(fc.scheduler(), async (scheduler) => {
    const shared: Operation = { op: 'cloneFs', task: 't1', child: 's1' };
    const operations: Operation[] = [shared];
    let state = model.apply(model.initial(TWO_SCRIPTS), shared, revision).state;
    let [isChecking, isWriting, isRenamed] = [false, false, false];

    const violated = (sentence: string): never => {
      throw new Violation(sentence, { revision, setup: TWO_SCRIPTS, operations });
    };
    // What is known of the machine changes in the same turn as the machine.
    const step = async (
      operation: Operation,
      note: (succeeded: boolean) => void,
    ): Promise<void> => {
      await scheduler.schedule(Promise.resolve(), operation.op);
      operations.push(operation);
      const answer = model.apply(state, operation, revision);
      state = answer.state;
      note(isSuccess(answer.outcome));
    };

    const checker = async (): Promise<void> => {
      for (const operation of [...checkOf('t1', FILE), ...checkOf('t1', FILE)]) {
        await step(operation, (succeeded) => {
          if (operation.op === 'checkEnd') isChecking = false;
          else isChecking = succeeded;
          if (isChecking && isWriting && !isRenamed) violated('a check began beside a writer');
        });
      }
    };
    const writer = async (): Promise<void> => {
      await step(
        { op: 'open', task: 't2', fd: 3, path: FILE, flags: ['O_WRONLY'] },
        (succeeded) => {
          isWriting = succeeded;
          if (succeeded && isChecking && !isRenamed) violated('opened for writing during a check');
        },
      );
      await step({ op: 'close', task: 't2', fd: 3 }, () => {
        isWriting = false;
      });
    };
    const changer = async (): Promise<void> => {
      await step({ op: 'chmod', task: 't3', path: FILE, mode: 0o700 }, () => undefined);
      await step({ op: 'rename', task: 't3', from: OTHER, to: FILE }, (succeeded) => {
        isRenamed = succeeded;
      });
    };
    const cloner = async (): Promise<void> => {
      await step({ op: 'cloneFs', task: 's1', child: 'c1' }, (succeeded) => {
        if (succeeded === isChecking) violated('clone(CLONE_FS) and in_exec');
      });
    };
    await scheduler.waitFor(Promise.all([checker(), writer(), changer(), cloner()]));
  });
}

function isSuccess(outcome: Outcome): boolean {
  return outcome.kind === 'value';
}
