// SPDX-License-Identifier: MIT
import type { Outcome } from '@kernel-models/exec-check';
import { SUCCESS } from '@kernel-models/exec-check';
import type { ExecModel } from './property.ts';

const ERRNO: Outcome = { kind: 'errno', errno: 'EACCES' };

/**
 * Models that are wrong in the simplest ways: a suite that passes on one of them proves nothing.
 */
export const SABOTAGES: readonly {
  readonly name: string;
  sabotage(model: ExecModel): ExecModel;
}[] = [
  {
    name: 'nothing ever changes',
    sabotage: (model) => ({
      ...model,
      apply: (state, operation, revision) => ({
        ...model.apply(state, operation, revision),
        state,
      }),
    }),
  },
  {
    name: 'everything succeeds',
    sabotage: (model) => ({
      ...model,
      apply: (state, operation, revision) => ({
        ...model.apply(state, operation, revision),
        outcome: SUCCESS,
      }),
    }),
  },
  {
    name: 'everything is EACCES',
    sabotage: (model) => ({
      ...model,
      apply: (state, operation, revision) => ({
        ...model.apply(state, operation, revision),
        outcome: ERRNO,
      }),
    }),
  },
];
