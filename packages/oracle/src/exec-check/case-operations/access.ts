// SPDX-License-Identifier: MIT
import fc from 'fast-check';
import { pick, task } from '../case-names.ts';
import { dirfd, pathArgument, type Op } from './operands.ts';

export const faccessat: Op = fc.record({
  op: fc.constant('faccessat' as const),
  task,
  dirfd,
  path: pathArgument,
  access: pick([3, fc.constant(1)], [1, fc.integer({ min: 0, max: 7 })]),
  flags: pick([4, fc.constant(0)], [1, fc.constantFrom(0x100, 0x200, 0x1000, 0x1200, 0x10000)]),
});
export const uselib: Op = fc.record({
  op: fc.constant('uselib' as const),
  task,
  path: pathArgument,
});
