// SPDX-License-Identifier: MIT
import { VECTOR } from '@kernel-models/hw-model/cpu';
import {
  BITMAP,
  CET_LEG_IW_EN,
  CET_SUPPRESS_DIS,
  SECOND,
  STACK,
  TARGET,
} from '@kernel-models/hw-model/instructions';
import { INT_20, JMP } from './code.ts';
import {
  LEGACY,
  LEVELS,
  at,
  both,
  missing,
  through,
  vector,
  waits,
  type BranchRow,
} from './row.ts';

const { PF } = VECTOR;

/** Pages of code from before ENDBR64. */
export const LEGACY_ROWS: readonly BranchRow[] = [
  {
    id: 'legacy.bit-set',
    sentence: 'On a page that the legacy bitmap names the waiting ends and tracking is suppressed.',
    origin: 'Legacy Compatibility Treatment',
    vectors: LEVELS.map((cpl) =>
      vector(
        `at CPL ${cpl}`,
        at(cpl, JMP, { setup: LEGACY, bitmap: 0xff, target: 'ffe1' }),
        through(SECOND, 1, cpl, cpl === 3 ? 'suppressed' : 'idle'),
      ),
    ),
  },
  {
    id: 'legacy.suppress-dis',
    sentence: 'With SUPPRESS_DIS the waiting ends and tracking goes on.',
    origin: 'Legacy Compatibility Treatment',
    vectors: LEVELS.map((cpl) =>
      vector(
        `at CPL ${cpl}`,
        at(cpl, JMP, {
          ...{ setup: both(CET_LEG_IW_EN | BITMAP | CET_SUPPRESS_DIS), bitmap: 2, target: 'ffe1' },
        }),
        missing(SECOND, cpl, waits(cpl)),
      ),
    ),
  },
  {
    id: 'legacy.bit-clear',
    sentence: 'On another page, or without LEG_IW_EN, ENDBR64 is missing.',
    origin: 'Legacy Code Page Bitmap Format',
    vectors: [
      vector('bit clear', at(3, JMP, { setup: LEGACY, bitmap: 0xfd }), missing(TARGET, 3, 'wait')),
      vector(
        'LEG_IW_EN clear',
        at(3, JMP, { setup: both(BITMAP), bitmap: 0xff }),
        missing(TARGET, 3, 'wait'),
      ),
    ],
  },
  {
    id: 'legacy.page-fault',
    sentence: 'Reading the bitmap can page-fault; ENDBR64 is then still waited for.',
    origin: 'Legacy Code Page Bitmap Format',
    vectors: [
      vector(
        'a bitmap that is not mapped',
        at(3, JMP, { setup: both(CET_LEG_IW_EN | (STACK - 0x1100n)) }),
        { vector: PF, errorCode: 4, rip: TARGET, cpl: 3, user: 'wait' },
        { vector: PF, errorCode: 0, rip: TARGET, cpl: 3, user: 'wait' },
      ),
    ],
  },
  {
    id: 'legacy.handler',
    sentence: 'The bitmap excuses the first instruction of a handler as well.',
    origin: 'Legacy Compatibility Treatment',
    vectors: [
      vector(
        'at CPL 0',
        at(3, INT_20, { setup: LEGACY, bitmap: 0xff, handler: JMP }),
        through(TARGET, 1, 0, 'idle'),
      ),
    ],
  },
];
