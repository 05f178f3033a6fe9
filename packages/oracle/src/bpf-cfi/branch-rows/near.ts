// SPDX-License-Identifier: MIT
import { CET_NO_TRACK_EN, CODE, TARGET } from '@kernel-models/hw-model/instructions';
import { CALL, JMP, NO_TRACK_JMP } from './code.ts';
import {
  LEVELS,
  SUPPRESSED,
  TRACKED,
  at,
  both,
  missing,
  through,
  vector,
  waits,
  type BranchRow,
} from './row.ts';

/** Near branches. */
export const NEAR_ROWS: readonly BranchRow[] = [
  {
    id: 'near.waits',
    sentence: 'A near indirect JMP or CALL waits for ENDBR64 where branches are tracked.',
    origin: 'Indirect Branch Tracking State Machine',
    vectors: LEVELS.flatMap((cpl) =>
      [JMP, CALL, 'ff23', 'ff13', '41ffe3'].map((code) =>
        vector(`${code} at CPL ${cpl}`, at(cpl, code), missing(TARGET, cpl, waits(cpl))),
      ),
    ),
  },
  {
    id: 'near.no-track',
    sentence: 'Prefix 3E keeps a near indirect branch from being tracked, with NO_TRACK_EN.',
    origin: 'No-track Prefix for Near Indirect CALL/JMP',
    vectors: LEVELS.flatMap((cpl) => [
      vector(
        `honoured at CPL ${cpl}`,
        at(cpl, NO_TRACK_JMP, { setup: both(CET_NO_TRACK_EN) }),
        through(TARGET, 1, cpl, 'idle'),
      ),
      vector(
        `without NO_TRACK_EN at CPL ${cpl}`,
        at(cpl, NO_TRACK_JMP),
        missing(TARGET, cpl, waits(cpl)),
      ),
    ]),
  },
  {
    id: 'near.no-track-last-prefix',
    sentence: 'A 3E with another segment prefix behind it is not the no-track prefix.',
    origin: 'No-track Prefix for Near Indirect CALL/JMP',
    vectors: [
      vector(
        '3E 2E FF E0',
        at(3, '3e2effe0', { setup: both(CET_NO_TRACK_EN) }),
        missing(TARGET, 3, 'wait'),
        through(TARGET, 1, 3, 'idle'),
      ),
    ],
  },
  {
    id: 'near.suppressed',
    sentence: 'While tracking is suppressed a near indirect branch changes nothing.',
    origin: 'Legacy Compatibility Treatment',
    vectors: LEVELS.map((cpl) =>
      vector(
        `at CPL ${cpl}`,
        at(cpl, JMP, { setup: SUPPRESSED }),
        through(TARGET, 1, cpl, 'suppressed'),
      ),
    ),
  },
  {
    id: 'near.untracked',
    sentence: 'Without ENDBR_EN of the level, or CR4.CET, nothing is tracked.',
    origin: 'Terminology',
    vectors: [
      vector(
        'CPL 3 is not',
        at(3, JMP, { setup: { ...TRACKED, uCet: 0n } }),
        through(TARGET, 1, 3),
      ),
      vector(
        'CPL 0 is not',
        at(0, JMP, { setup: { ...TRACKED, sCet: 0n } }),
        through(TARGET, 1, 0),
      ),
      vector('CR4.CET', at(3, JMP, { setup: { ...TRACKED, cet: false } }), through(TARGET, 1, 3)),
    ],
  },
  {
    id: 'direct.changes-nothing',
    sentence: 'Direct branches, near returns and LOOP change no tracker; neither does running on.',
    origin: 'Indirect Branch Tracking State Machine',
    vectors: LEVELS.flatMap((cpl) => [
      ...['e9fb0f0000', 'e8fb0f0000', '31c00f84f80f0000', '50c3', '50c20800'].map((code) =>
        vector(`${code} at CPL ${cpl}`, at(cpl, code), through(TARGET, 1, cpl, 'idle')),
      ),
      vector(`EB at CPL ${cpl}`, at(cpl, 'eb0090'), through(CODE, 3, cpl, 'idle')),
      vector(`LOOP at CPL ${cpl}`, at(cpl, 'e20090'), through(CODE, 3, cpl, 'idle')),
      vector(`none at CPL ${cpl}`, at(cpl, '9090'), through(CODE, 2, cpl, 'idle')),
    ]),
  },
];
