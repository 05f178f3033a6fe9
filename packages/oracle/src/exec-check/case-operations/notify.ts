// SPDX-License-Identifier: MIT
import {
  FANOTIFY_CLASSES,
  FANOTIFY_MASKS,
  type FanotifyMask,
  type Operation,
} from '@kernel-models/exec-check';
import fc from 'fast-check';
import { directory, file, pick } from '../case-names.ts';
import { init, type Op } from './operands.ts';

export const watch: Op = fc.record({
  op: fc.constant('watch' as const),
  task: init,
  watch: fc.integer({ min: 0, max: 2 }),
  path: pick<string>([6, file], [1, directory]),
});

const group = fc.integer({ min: 0, max: 1 });
export const fanotify: Op = pick<Operation>(
  [
    2,
    fc.record({
      op: fc.constant('fanotifyInit' as const),
      task: init,
      group,
      class: fc.constantFrom(...FANOTIFY_CLASSES),
      answer: fc.constantFrom('FAN_ALLOW' as const, 'FAN_ALLOW' as const, 'FAN_DENY' as const),
    }),
  ],
  [
    4,
    fc.record({
      op: fc.constant('fanotifyMark' as const),
      task: init,
      group,
      scope: fc.constantFrom('inode' as const, 'mount' as const, 'filesystem' as const),
      mask: fc.subarray<FanotifyMask>([...FANOTIFY_MASKS], { minLength: 1, maxLength: 2 }),
      path: pick<string>([4, file], [1, directory]),
    }),
  ],
  [1, fc.record({ op: fc.constant('fanotifyClose' as const), task: init, group })],
);
