// SPDX-License-Identifier: MIT
import { VECTOR } from '@kernel-models/hw-model/cpu';
import { CODE, HANDLER, SECOND, TARGET } from '@kernel-models/hw-model/instructions';
import { ENDBR64, END_STEPPING, FAR, INT_20, IRETQ, JMP, NOP, TO_SECOND, UD2 } from './code.ts';
import {
  LEVELS,
  SUPPRESSED,
  TRACKED,
  at,
  missing,
  through,
  vector,
  type BranchRow,
  type Pieces,
} from './row.ts';

const { BP, CP, DB, DE, DF, GP, PF, SS, UD } = VECTOR;

/** Events that lead to the handler at CPL 0, from CPL 3 and CPL 0, and where they return to. */
const ENTRIES: readonly (readonly [name: string, code: string, more: Pieces])[] = [
  ['#UD', UD2, { handled: UD }],
  ['#DE', '31c9f7f1', { handled: DE }],
  ['#GP', FAR.JMP_NULL, { handled: GP }],
  ['#PF', 'b800400200ffe0', { handled: PF }],
  ['#CP', JMP, { handled: CP, target: 'f4' }],
  ['INT n', INT_20, {}],
  ['INT3', 'cc', { handled: BP }],
  ['INT1', 'f1', { handled: DB }],
  ['a single step', NOP, { handled: DB, start: 'stepping' }],
  ['an external interrupt', 'fb90', { start: 'interrupted' }],
  ['SYSCALL', '0f05', {}],
  ['SYSENTER', '0f34', {}],
];

/** Into handlers, and what becomes of what was waited for. */
export const HANDLER_ROWS: readonly BranchRow[] = [
  {
    id: 'handler.waits',
    sentence: 'Exceptions, interrupts, SYSCALL and SYSENTER wait for ENDBR64 at the new level.',
    origin: 'Control Transfers between CPL 3 and CPL < 3',
    vectors: ENTRIES.filter(([name]) => name !== '#CP').flatMap(([name, code, more]) =>
      LEVELS.map((cpl) =>
        vector(
          `${name} at CPL ${cpl}`,
          at(cpl, code, { ...more, handler: NOP }),
          missing(HANDLER, 0),
        ),
      ),
    ),
  },
  {
    id: 'handler.lands',
    sentence: 'A handler that begins with ENDBR64 runs.',
    origin: 'Control Transfers between CPL 3 and CPL < 3',
    vectors: ENTRIES.flatMap(([name, code, more]) =>
      LEVELS.map((cpl) =>
        vector(
          `${name} at CPL ${cpl}`,
          at(cpl, code, { ...more, handler: `${ENDBR64}0faee8${name === 'INT3' ? UD2 : 'cc'}` }),
          name === 'INT3' ? { vector: UD, rip: HANDLER + 7n, cpl: 0 } : through(HANDLER, 7, 0),
        ),
      ),
    ),
  },
  {
    id: 'handler.ends-suppression',
    sentence: 'What the handler’s level suppressed ends as it is entered, and stays so.',
    origin: 'Control Transfers within CPL 3 or CPL < 3',
    vectors: [
      vector(
        'CPL 0 is tracked again behind IRET',
        at(0, INT_20 + JMP, { setup: SUPPRESSED }),
        missing(TARGET, 0, 'suppressed'),
      ),
      vector(
        'a handler without ENDBR64',
        at(0, INT_20, { setup: SUPPRESSED, handler: NOP }),
        missing(HANDLER, 0),
      ),
    ],
  },
  {
    id: 'handler.untracked',
    sentence: 'At a level that is not tracked a handler needs no ENDBR64.',
    origin: 'Terminology',
    vectors: [
      vector(
        'INT n',
        at(3, INT_20, { setup: { ...TRACKED, sCet: 0n }, handler: NOP }),
        through(HANDLER, 1, 0, 'idle'),
      ),
      vector(
        'SYSCALL',
        at(3, '0f05', { setup: { ...TRACKED, sCet: 0n }, handler: NOP }),
        through(HANDLER, 1, 0, 'idle'),
      ),
    ],
  },
  {
    id: 'handler.outer-survives',
    sentence: 'What CPL 3 waited for, or suppressed, is still so when it is returned to.',
    origin: 'Control Transfers between CPL 3 and CPL < 3',
    vectors: [
      vector(
        'INT3 at the target',
        at(3, JMP, { target: `cc${NOP}`, handled: BP }),
        missing(TARGET + 1n, 3, 'wait'),
      ),
      vector(
        '#PF at the target, return elsewhere',
        at(3, 'b800400200ffe0', { handled: PF, handler: ENDBR64 + TO_SECOND }),
        missing(SECOND, 3, 'wait'),
      ),
      vector(
        '#CP at the target, return elsewhere',
        at(3, JMP, { handled: CP, handler: ENDBR64 + TO_SECOND, second: ENDBR64 }),
        through(SECOND, 4, 3, 'idle'),
      ),
      vector(
        'an external interrupt before the target',
        at(3, `fb${JMP}`, { start: 'interrupted' }),
        missing(TARGET, 3, 'wait'),
      ),
      vector(
        'a single step before the target',
        at(3, JMP, { start: 'stepping', handled: DB, handler: ENDBR64 + END_STEPPING + IRETQ }),
        missing(TARGET, 3, 'wait'),
      ),
      vector(
        'suppression, behind SYSCALL and SYSRET',
        at(3, `0f05${JMP}`, { setup: SUPPRESSED, handler: `${ENDBR64}480f07` }),
        // SYSCALL leaves R11 and RCX changed, not RAX.
        through(TARGET, 1, 3, 'suppressed'),
      ),
    ],
  },
  {
    id: 'handler.same-level-loses',
    sentence: 'What CPL 0 itself waited for is lost: IRET does not bring it back.',
    origin: 'Control Transfers within CPL 3 or CPL < 3',
    vectors: [
      vector('INT3 at the target', at(0, JMP, { target: `cc${NOP}${UD2}`, handled: BP }), {
        vector: UD,
        rip: TARGET + 2n,
        cpl: 0,
      }),
      vector(
        '#PF at the target, return elsewhere',
        at(0, 'b800400200ffe0', { handled: PF, handler: ENDBR64 + TO_SECOND }),
        through(SECOND, 1, 0),
      ),
      vector(
        '#CP at the target, return elsewhere',
        at(0, JMP, { handled: CP, handler: ENDBR64 + TO_SECOND }),
        through(SECOND, 1, 0),
      ),
      vector(
        'an external interrupt before the target',
        at(0, `fb${JMP}`, { start: 'interrupted' }),
        through(TARGET, 1, 0),
      ),
      vector(
        'a single step before the target',
        at(0, JMP, { start: 'stepping', handled: DB, handler: ENDBR64 + END_STEPPING + IRETQ }),
        through(TARGET, 1, 0),
      ),
    ],
  },
  {
    id: 'handler.without-landing',
    sentence: 'A handler without ENDBR64 is #CP at its first byte; the #CP enters its own handler.',
    origin: 'volume 3, Control Protection Exception',
    vectors: [
      vector(
        '#UD, then #CP whose handler has it',
        at(3, UD2, { handled: UD, handler: IRETQ }),
        missing(HANDLER, 0, 'idle'),
      ),
      vector('#CP enters itself until its stack ends', at(3, JMP, { handled: CP, handler: NOP }), {
        vector: PF,
        errorCode: 2,
        rip: HANDLER,
        cpl: 0,
        user: 'wait',
      }),
    ],
  },
  {
    id: 'handler.no-stack',
    sentence: 'An entry that finds no canonical stack is #SS, whose own entry waits in turn.',
    origin: 'volume 3, Stack Fault Exception',
    vectors: [
      vector('INT n at CPL 0', at(0, `48bc0000000000000010${INT_20}`), {
        ...{ vector: SS, errorCode: 0, rip: CODE + 10n, cpl: 0 },
      }),
    ],
  },
  {
    id: 'handler.double-fault',
    sentence:
      '#CP that cannot be delivered is a double fault, for which ENDBR64 is waited in turn.',
    origin: 'volume 3, Double Fault Exception',
    vectors: [
      vector('at CPL 3, which goes on waiting', at(3, JMP, { absent: CP }), {
        vector: DF,
        errorCode: 0,
        rip: TARGET,
        cpl: 3,
        user: 'wait',
      }),
      vector('at CPL 0', at(0, JMP, { absent: CP }), {
        vector: DF,
        errorCode: 0,
        rip: TARGET,
        cpl: 0,
      }),
      vector('a handler without ENDBR64', at(3, UD2, { handled: UD, handler: NOP, absent: CP }), {
        vector: DF,
        errorCode: 0,
        rip: HANDLER,
        cpl: 0,
      }),
      vector(
        'whose handler has none (#GP that cannot be delivered)',
        at(3, FAR.JMP_NULL, { absent: GP, handled: DF, handler: NOP }),
        missing(HANDLER, 0),
      ),
    ],
  },
];
