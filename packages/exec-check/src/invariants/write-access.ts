// SPDX-License-Identifier: MIT
import { deepEqual } from '@kernel-models/model-core';
import { at } from '../lists.ts';
import { featuresOf } from '../revisions.ts';
import {
  errnoOf,
  fileOfCall,
  invariant,
  inWorld,
  located,
  ofExec,
  releases,
  type ExecInvariant,
} from './exec-call.ts';

/** Writers against execs, and what is under way. */
export const WRITE_INVARIANTS: readonly ExecInvariant[] = [
  ofExec(
    'exec.writers-and-deniers-exclude',
    'A file that is open for writing is neither executed nor checked with success, unless a listener watches each access to it.',
    (call) => {
      const succeeded = call.step.outcome.kind === 'ran' || call.step.outcome.kind === 'value';
      const inode = fileOfCall(call);
      if (!succeeded || inode === undefined || inode.writeCount <= 0) return true;
      return Object.keys(call.before.fanotify).length > 0;
    },
  ),
  ofExec(
    'exec.denial-depends-on-file-alone',
    'Marks on other files do not change the answer about this one.',
    (call) => {
      const place = located(call);
      if (place === undefined) return true;
      const id = at(call.before.dentries, place.dentry).inode;
      const fanotify = Object.fromEntries(
        Object.entries(call.before.fanotify).map(([number, group]) => [
          number,
          {
            ...group,
            marks: group.marks.filter((mark) => mark.scope !== 'inode' || mark.object === id),
          },
        ]),
      );
      const alone = inWorld(call, { ...call.before, fanotify });
      return (
        /^(?:fanotify|walk|exec|elf)\./.test(call.step.rule) || alone === errnoOf(call.step.outcome)
      );
    },
    releases((id) => featuresOf(id).writeDeny !== 'unlessPreContentGroupOnSb'),
  ),
  invariant(
    'exec.in-exec-iff-exec-in-progress',
    'An fs_struct is marked as executing exactly while a call of a task that uses it is under way.',
    (transition) => transition,
    ({ step: { state } }) => {
      const running: Record<number, number> = {};
      for (const { fs, call } of Object.values(state.tasks)) {
        if (call?.kind === 'check') running[fs] = (running[fs] ?? 0) + 1;
      }
      return deepEqual(running, state.inExec);
    },
    undefined,
  ),
];
