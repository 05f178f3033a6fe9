// SPDX-License-Identifier: MIT
import { MADV_NAMES, MCL_CURRENT, MCL_FUTURE, MCL_ONFAULT } from '@kernel-models/mm';
import { FORK_CHILD, FORK_PARENT } from '../operations.ts';
import type { Choice } from './choice.ts';
import { range } from './places.ts';

export const advise: Choice = (dice, view) => ({
  op: 'madvise',
  ...range(dice, view),
  advice: dice.pick(Object.values(MADV_NAMES)),
});

export const lock: Choice = (dice, view) =>
  dice.chance(0.7)
    ? { op: 'mlock', ...range(dice, view) }
    : { op: 'mlock2', ...range(dice, view), flags: dice.below(2) };

export const unlock: Choice = (dice, view) => ({ op: 'munlock', ...range(dice, view) });

export const lockAll: Choice = (dice) =>
  dice.chance(0.3)
    ? { op: 'munlockall' }
    : {
        op: 'mlockall',
        flags: dice.pick([
          MCL_CURRENT,
          MCL_FUTURE,
          MCL_FUTURE,
          MCL_CURRENT | MCL_FUTURE,
          MCL_FUTURE | MCL_ONFAULT,
        ]),
      };

export const seal: Choice = (dice, view) => ({ op: 'mseal', ...range(dice, view), flags: 0 });

export const bind: Choice = (dice, view) => {
  const mode = dice.pick([0, 0, 1, 2, 2, 3, 4]);
  const nodes = mode === 0 || mode === 4 ? 0n : 1n;
  return { op: 'mbind', ...range(dice, view), mode, nodes, flags: 0 };
};

export const fork: Choice = (dice) => (dice.chance(0.6) ? FORK_CHILD : FORK_PARENT);
