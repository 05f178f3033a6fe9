// SPDX-License-Identifier: MIT
import { CET_SUPPRESS, CODE, TARGET } from '@kernel-models/hw-model/instructions';
import { ENDBR64, JMP } from './code.ts';
import {
  LEVELS,
  SUPPRESSED,
  TRACKED,
  at,
  missing,
  through,
  vector,
  waits,
  type BranchRow,
} from './row.ts';

/** ENDBR64, and what is none. */
export const LANDING_ROWS: readonly BranchRow[] = [
  {
    id: 'landing.endbr64',
    sentence: 'ENDBR64 ends the waiting and the suppression, in each of its spellings.',
    origin: 'volume 2, ENDBR64',
    vectors: [
      ...LEVELS.flatMap((cpl) =>
        [ENDBR64, '66f30f1efa', 'f3660f1efa', 'f2f30f1efa', '26f30f1efa', 'f34f0f1efa'].map(
          (target) =>
            vector(
              `${target} at CPL ${cpl}`,
              at(cpl, JMP, { target }),
              through(TARGET, target.length / 2, cpl, 'idle'),
            ),
        ),
      ),
      vector(
        'suppression of CPL 3',
        at(3, ENDBR64 + JMP, { setup: SUPPRESSED }),
        missing(TARGET, 3, 'wait'),
      ),
      vector(
        'suppression of CPL 0',
        at(0, ENDBR64 + JMP, { setup: SUPPRESSED }),
        missing(TARGET, 0),
      ),
    ],
  },
  {
    id: 'landing.not-tracked',
    sentence: 'Where branches are not tracked, ENDBR64 changes nothing.',
    origin: 'volume 2, ENDBR64',
    vectors: [
      vector(
        'SUPPRESS of CPL 3 stays',
        at(3, ENDBR64, { setup: { ...TRACKED, uCet: CET_SUPPRESS } }),
        through(CODE, 4, 3, 'suppressed'),
        through(CODE, 4, 3, 'idle'),
      ),
    ],
  },
  {
    id: 'landing.endbr32',
    sentence: 'ENDBR32 is a NOP in 64-bit mode, and no landing; nor are its neighbours.',
    origin: 'volume 2, ENDBR32',
    vectors: LEVELS.flatMap((cpl) =>
      ['f30f1efb', 'f30f1ef9', '0f1efa', 'f3f20f1efa'].map((target) =>
        vector(
          `${target} at CPL ${cpl}`,
          at(cpl, JMP, { target }),
          missing(TARGET, cpl, waits(cpl)),
        ),
      ),
    ),
  },
];
