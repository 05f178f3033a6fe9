// SPDX-License-Identifier: MIT
import { LOAD_KINDS, type CodeSource, type Operation } from '@kernel-models/exec-check';
import fc, { type Arbitrary } from 'fast-check';
import { fd, file, path, pick, task } from '../case-names.ts';
import type { Op } from './operands.ts';

const source: Arbitrary<CodeSource> = pick<CodeSource>(
  [4, fc.record({ kind: fc.constant('file' as const), path })],
  [3, fc.record({ kind: fc.constant('stdin' as const), fd })],
  [1, fc.constant({ kind: 'snippet' })],
  [1, fc.record({ kind: fc.constant('snippetAndFile' as const), path: file })],
);
export const clients: Op = pick<Operation>(
  [
    3,
    fc.record({
      op: fc.constant('interpret' as const),
      task,
      enlightened: pick([3, fc.constant(true)], [1, fc.constant(false)]),
      source,
    }),
  ],
  [
    2,
    fc.record({
      op: fc.constant('load' as const),
      task,
      enlightened: fc.boolean(),
      path,
      as: fc.constantFrom(...LOAD_KINDS),
      secure: fc.boolean(),
    }),
  ],
);
