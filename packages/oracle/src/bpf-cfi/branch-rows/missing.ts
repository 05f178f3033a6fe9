// SPDX-License-Identifier: MIT
import { TARGET } from '@kernel-models/hw-model/instructions';
import { FAR, JMP } from './code.ts';
import { LEVELS, at, missing, through, vector, waits, type BranchRow } from './row.ts';

/** What else may stand where ENDBR64 is waited for. */
export const MISSING_ROWS: readonly BranchRow[] = [
  {
    id: 'missing.int3',
    sentence: 'INT3 executes while ENDBR64 is waited for, and the waiting goes on.',
    origin: 'INT3 Treatment',
    vectors: LEVELS.map((cpl) =>
      vector(`at CPL ${cpl}`, at(cpl, JMP, { target: 'cc' }), through(TARGET, 0, cpl, waits(cpl))),
    ),
  },
  {
    id: 'missing.int1',
    sentence: 'INT1 does not (asked of Bochs: the manual exempts debuggers’ INT3).',
    origin: 'INT3 Treatment',
    vectors: LEVELS.map((cpl) =>
      vector(`at CPL ${cpl}`, at(cpl, JMP, { target: 'f1' }), missing(TARGET, cpl, waits(cpl))),
    ),
  },
  {
    id: 'missing.everything-else',
    sentence: 'Whatever else is #CP(3) at its own address, and nothing of it is done.',
    origin: 'Indirect Branch Tracking State Machine',
    vectors: [
      ...[
        'f4',
        'f390',
        'cd20',
        'cd03',
        '0f05',
        '0f34',
        '48cf',
        '48cb',
        FAR.JMP_USER,
        JMP,
        '48ffc0',
      ],
    ].map((target) => vector(target, at(3, JMP, { target }), missing(TARGET, 3, 'wait'))),
  },
];
