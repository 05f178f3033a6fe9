// SPDX-License-Identifier: MIT
import { SECOND, TARGET } from '@kernel-models/hw-model/instructions';
import { ENDBR64, IRET_TO } from './code.ts';
import { SUPPRESSED, WAITING, at, missing, through, vector, type BranchRow } from './row.ts';

/** Back from handlers and system calls. */
export const RETURN_ROWS: readonly BranchRow[] = [
  {
    id: 'return.as-it-was',
    sentence: 'IRET, SYSRET and SYSEXIT leave the tracker of the level that they return to.',
    origin: 'Control Transfers between CPL 3 and CPL < 3',
    vectors: (
      [
        ['IRET', IRET_TO.USER, TARGET],
        ['SYSRET', '480f07', SECOND],
        ['SYSEXIT', '480f35', SECOND],
      ] as const
    ).flatMap(([name, code, to]) => [
      vector(`${name}, waiting`, at(0, code, { setup: WAITING }), missing(to, 3, 'wait')),
      vector(`${name}, idle`, at(0, code), through(to, 1, 3, 'idle')),
      vector(
        `${name}, suppressed`,
        at(0, code, { setup: SUPPRESSED }),
        through(to, 1, 3, 'suppressed'),
      ),
      vector(
        `${name}, waiting, onto ENDBR64`,
        at(0, code, { setup: WAITING, target: ENDBR64, second: ENDBR64 }),
        through(to, 4, 3, 'idle'),
      ),
    ]),
  },
  {
    id: 'return.same-level',
    sentence: 'IRET within a level changes no tracker.',
    origin: 'Control Transfers within CPL 3 or CPL < 3',
    vectors: [
      vector('idle', at(0, IRET_TO.KERNEL), through(TARGET, 1, 0)),
      vector(
        'suppressed',
        at(0, IRET_TO.KERNEL, { setup: SUPPRESSED, target: 'ffe1' }),
        through(SECOND, 1, 0),
      ),
    ],
  },
];
