// SPDX-License-Identifier: MIT
import { VECTOR } from '@kernel-models/hw-model/cpu';
import {
  CET_NO_TRACK_EN,
  CET_SUPPRESS,
  CODE,
  HANDLER,
  TARGET,
} from '@kernel-models/hw-model/instructions';
import { ENDBR64, FAR, NOP, RETF_TO } from './code.ts';
import {
  SUPPRESSED,
  TRACKED,
  WAITING,
  at,
  both,
  missing,
  through,
  vector,
  type BranchRow,
} from './row.ts';

const { GP, PF, UD } = VECTOR;

/** Far CALL, JMP and RET. */
export const FAR_ROWS: readonly BranchRow[] = [
  {
    id: 'far.waits',
    sentence: 'A far JMP or CALL waits for ENDBR64 at the level of its target.',
    origin: 'Indirect Branch Tracking State Machine',
    vectors: [
      vector('JMP at CPL 3', at(3, FAR.JMP_USER), missing(TARGET, 3, 'wait')),
      vector('CALL at CPL 3', at(3, FAR.CALL_USER), missing(TARGET, 3, 'wait')),
      vector('JMP at CPL 0', at(0, FAR.JMP_KERNEL), missing(TARGET, 0)),
      vector('CALL at CPL 0', at(0, FAR.CALL_KERNEL), missing(TARGET, 0)),
      vector('JMP of 32 bits', at(3, 'ffab88000000'), missing(TARGET, 3, 'wait')),
      vector(
        'onto ENDBR64',
        at(3, FAR.JMP_USER, { target: ENDBR64 }),
        through(TARGET, 4, 3, 'idle'),
      ),
    ],
  },
  {
    id: 'far.gate',
    sentence: 'A CALL through a gate waits at the inner level; the outer tracker stays.',
    origin: 'Control Transfers between CPL 3 and CPL < 3',
    vectors: [
      vector('inwards', at(3, FAR.CALL_GATE, { handler: NOP }), missing(HANDLER, 0, 'idle')),
      vector(
        'what CPL 3 suppressed stays',
        at(3, FAR.CALL_GATE, { handler: ENDBR64, setup: SUPPRESSED }),
        through(HANDLER, 4, 0, 'suppressed'),
      ),
      vector('at CPL 0', at(0, FAR.CALL_GATE, { handler: NOP }), missing(HANDLER, 0)),
    ],
  },
  {
    id: 'far.conforming',
    sentence: 'To conforming code of an inner level the level stays, and its tracker is the one.',
    origin: 'Control Transfers within CPL 3 or CPL < 3',
    vectors: [vector('at CPL 3', at(3, FAR.JMP_CONFORMING), missing(TARGET, 3, 'wait'))],
  },
  {
    id: 'far.conforming-stack',
    sentence: 'Such a CALL writes to the stack with the rights of the level that stays.',
    origin: 'volume 2, CALL',
    vectors: [
      vector(
        'a stack that ends',
        at(3, `48c7c40050020048ff5b40`),
        { vector: PF, errorCode: 6, rip: CODE + 7n, cpl: 3, user: 'idle' },
        { vector: PF, errorCode: 2, rip: CODE + 7n, cpl: 3, user: 'idle' },
      ),
    ],
  },
  {
    id: 'far.no-track',
    sentence: 'Prefix 3E has no effect on a far JMP or CALL.',
    origin: 'No-track Prefix for Near Indirect CALL/JMP',
    vectors: [FAR.JMP_USER, FAR.CALL_USER].map((code) =>
      vector(
        `3e${code}`,
        at(3, `3e${code}`, { setup: both(CET_NO_TRACK_EN) }),
        missing(TARGET, 3, 'wait'),
      ),
    ),
  },
  {
    id: 'far.ends-suppression',
    sentence: 'A far JMP or CALL is tracked also while tracking is suppressed, which it ends.',
    origin: 'Legacy Compatibility Treatment',
    vectors: [
      vector('at CPL 3', at(3, FAR.JMP_USER, { setup: SUPPRESSED }), missing(TARGET, 3, 'wait')),
      vector('at CPL 0', at(0, FAR.CALL_KERNEL, { setup: SUPPRESSED }), missing(TARGET, 0)),
    ],
  },
  {
    id: 'far.untracked',
    sentence: 'At a level that is not tracked a far JMP or CALL waits for nothing.',
    origin: 'Terminology',
    vectors: [
      vector(
        'CPL 3',
        at(3, FAR.JMP_USER, { setup: { ...TRACKED, uCet: CET_SUPPRESS } }),
        through(TARGET, 1, 3, 'suppressed'),
      ),
      vector(
        'CPL 0 behind a gate',
        at(3, FAR.CALL_GATE, { handler: NOP, setup: { ...TRACKED, sCet: 0n } }),
        through(HANDLER, 1, 0, 'idle'),
      ),
    ],
  },
  {
    id: 'far.refused',
    sentence: 'A far JMP or CALL that faults changes no tracker of its own level.',
    origin: 'volume 2, CALL and JMP',
    vectors: [FAR.JMP_NULL, FAR.CALL_NULL].map((code) =>
      vector(`${code}`, at(3, code, { setup: SUPPRESSED }), {
        ...{ vector: GP, errorCode: 0, rip: CODE, cpl: 3, user: 'suppressed' },
      }),
    ),
  },
  {
    id: 'far.direct',
    sentence: 'A far JMP or CALL with the pointer in the instruction is #UD in 64-bit mode.',
    origin: 'volume 2, CALL and JMP',
    vectors: ['ea', '9a'].map((code) =>
      vector(code, at(3, code), { vector: UD, rip: CODE, cpl: 3, user: 'idle' }),
    ),
  },
  {
    id: 'far.return',
    sentence: 'A far RET changes no tracker.',
    origin: 'volume 2, RET',
    vectors: [
      vector('at CPL 0', at(0, RETF_TO.KERNEL), through(TARGET, 1, 0)),
      vector('to CPL 3', at(0, RETF_TO.USER), through(TARGET, 1, 3, 'idle')),
      vector(
        'to CPL 3, which waits',
        at(0, RETF_TO.USER, { setup: WAITING }),
        missing(TARGET, 3, 'wait'),
      ),
      vector(
        'behind a far CALL',
        at(3, FAR.CALL_USER, { target: `${ENDBR64}48cb` }),
        through(CODE, 4, 3, 'idle'),
      ),
    ],
  },
];
