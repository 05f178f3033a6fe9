// SPDX-License-Identifier: MIT
import { at } from '../lists.ts';
import { toBase64 } from '../base64.ts';
import { AT_EXECVE_CHECK } from '../constants.ts';
import { contentBytes } from '../content.ts';
import { inodeIdOf } from '../open-files.ts';
import { invariant, ofExec, type ExecInvariant } from './exec-call.ts';

/** What security modules record, and what interpreters run. */
export const CLIENT_INVARIANTS: readonly ExecInvariant[] = [
  ofExec(
    'ima.audit-type-by-is-check',
    'A failed appraisal is recorded as INTEGRITY_USERSPACE exactly where a check caused it.',
    (call) => {
      const { outcome } = call.step;
      const audit = 'audit' in outcome ? (outcome.audit ?? []) : [];
      const isCheck = (call.operation.flags & AT_EXECVE_CHECK) !== 0;
      const byBprm = call.before.ima?.functions.includes('FILE_CHECK') !== true;
      if (!byBprm) return true;
      const wrong = isCheck ? 'INTEGRITY_DATA' : 'INTEGRITY_USERSPACE';
      return audit.every(({ type }) => type !== wrong);
    },
  ),
  invariant(
    'interpreter.descriptor-is-the-file',
    'An interpreter that reads the descriptor which it checked never runs another file.',
    ({ before, operation, step }) => {
      const call = before.tasks[operation.task]?.call;
      if (operation.op !== 'interpretEnd' || call?.kind !== 'interpret') return undefined;
      return call.reads === 'descriptor' ? { before, step, file: call.file } : undefined;
    },
    ({ before, step, file }) => {
      const open = at(before.files, file);
      if (open === null || step.outcome.kind !== 'decided' || !step.outcome.allowed) return true;
      const inode = at(before.inodes, inodeIdOf(before, open));
      return step.outcome.content === toBase64(contentBytes(inode.content));
    },
    undefined,
  ),
];
