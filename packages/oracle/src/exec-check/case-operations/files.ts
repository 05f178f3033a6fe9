// SPDX-License-Identifier: MIT
import type { Operation } from '@kernel-models/exec-check';
import fc from 'fast-check';
import { fd, file, mode, path, pick, task } from '../case-names.ts';
import { content } from '../case-setup.ts';
import type { Op } from './operands.ts';

export const chmod: Op = fc.record({ op: fc.constant('chmod' as const), task, path: file, mode });
export const fchmod: Op = fc.record({ op: fc.constant('fchmod' as const), task, fd, mode });
export const write: Op = fc.record({
  op: fc.constant('write' as const),
  task,
  path: file,
  content,
});
export const files: Op = pick<Operation>(
  [2, fc.record({ op: fc.constant('mkdir' as const), task, path, mode })],
  [3, fc.record({ op: fc.constant('create' as const), task, path, mode, content })],
  [1, fc.record({ op: fc.constant('symlink' as const), task, path, target: file })],
  [3, fc.record({ op: fc.constant('unlink' as const), task, path })],
  [3, fc.record({ op: fc.constant('rename' as const), task, from: path, to: path })],
  [
    2,
    fc.record({
      op: fc.constant('truncate' as const),
      task,
      path: file,
      size: fc.constantFrom(0, 10),
    }),
  ],
  [2, chmod],
  [2, write],
);
