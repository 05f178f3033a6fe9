// SPDX-License-Identifier: MIT
import { VECTOR, type Vector } from '@kernel-models/hw-model/cpu';
import {
  BITMAP,
  CET_ENDBR_EN,
  CET_LEG_IW_EN,
  CET_NO_TRACK_EN,
  CET_SUPPRESS,
  CET_SUPPRESS_DIS,
  CET_TRACKER,
  CODE,
  HANDLER,
  SECOND,
  STACK,
  TARGET,
  type BranchOperation,
  type BranchSetup,
  type Tracker,
} from '@kernel-models/hw-model/instructions';
import type { Case } from '../target.ts';

/*
 * The rules of the tracker of indirect branches, one row each, and for each the cases that show it.
 * Sections are those of Intel SDM volume 1, "Control-flow Enforcement Technology (CET)", unless a row
 * names another volume.
 */

/** What a case shows, as far as its row is about it. */
export type Shown = ShownException | { readonly kind: 'written' | 'refused' };

export interface ShownException {
  readonly vector: Vector;
  readonly rip: bigint;
  readonly errorCode?: number;
  /** The level that the exception interrupted. */
  readonly cpl?: 0 | 3;
  /** The tracker of CPL 3 behind it. That of CPL 0 is behind its handler's ENDBR64, always. */
  readonly user?: Tracker;
}

/** One case of a row. */
export interface RowVector {
  readonly says: string;
  readonly candidate: Case<BranchSetup, BranchOperation>;
  readonly shows: Shown;
  /** What Bochs 2.7 does in place of that: a deviation of its own. */
  readonly bochs?: Shown;
}

/** One rule. */
export interface BranchRow {
  readonly id: string;
  readonly sentence: string;
  /** The section of the manual. */
  readonly origin: string;
  readonly vectors: readonly RowVector[];
}

/** A rule that the emulator or the model cannot be asked about. */
export interface UnaskedRow {
  readonly id: string;
  readonly sentence: string;
  readonly reason: string;
}

type Execution = Extract<BranchOperation, { op: 'execute' }>;

const { UD, DE, DB, BP, GP, PF, CP, DF } = VECTOR;

const ENDBR64 = 'f30f1efa';
/** JMP and CALL through RAX, to TARGET. */
const [JMP, CALL, NO_TRACK_JMP] = ['ffe0', 'ffd0', '3effe0'];
const [NOP, UD2, IRETQ, INT_20] = ['90', '0f0b', '48cf', 'cd20'];
/** Far JMP and CALL through the pointers at RBX: to TARGET, or the handler by the gate. */
const FAR = {
  JMP_KERNEL: '48ff6b10',
  JMP_USER: '48ff6b20',
  JMP_CONFORMING: '48ff6b40',
  JMP_NULL: '48ff6b50',
  CALL_KERNEL: '48ff5b10',
  CALL_USER: '48ff5b20',
  CALL_GATE: '48ff5b30',
  CALL_NULL: '48ff5b50',
};
/** Pushes of a frame whose code is TARGET, then the return. */
const IRET_TO = {
  USER: '6a3368005102006a026a3b680010020048cf',
  KERNEL: '6a1068005102006a026a18680010020048cf',
};
const RETF_TO = { USER: '6a3368005102006a3b680010020048cb', KERNEL: '6a18680010020048cb' };
/** IRETQ to SECOND in place of what was interrupted; there is an error code on the stack. */
const TO_SECOND = '48c7442408002002004883c40848cf';
/** Sixteen bytes. */
const TOO_LONG: string = '66'.repeat(15) + NOP;
/** Clears the saved TF. */
const END_STEPPING = '81642410fffeffff';

const TRACKED: BranchSetup = { cet: true, uCet: CET_ENDBR_EN, sCet: CET_ENDBR_EN };

function both(bits: bigint): BranchSetup {
  return { ...TRACKED, uCet: CET_ENDBR_EN | bits, sCet: CET_ENDBR_EN | bits };
}

const WAITING: BranchSetup = { ...TRACKED, uCet: CET_ENDBR_EN | CET_TRACKER };
const SUPPRESSED = both(CET_SUPPRESS);
const LEGACY = both(CET_LEG_IW_EN | BITMAP);

interface Pieces extends Partial<Omit<Execution, 'op' | 'cpl' | 'code'>> {
  readonly setup?: BranchSetup;
}

/** A case: code at a level, and what the row needs beside it. */
function at(
  cpl: 0 | 3,
  code: string,
  { setup = TRACKED, ...rest }: Pieces = {},
): RowVector['candidate'] {
  const operation: Execution = {
    ...{ op: 'execute', cpl, code, target: NOP, second: NOP, handler: ENDBR64 + IRETQ, bitmap: 0 },
    ...{ start: 'plain', handled: null, absent: null },
    ...rest,
  };
  return { setup, operations: [operation] };
}

/** ENDBR64 is missing at an address. */
function missing(rip: bigint, cpl: 0 | 3, user?: Tracker): ShownException {
  return { vector: CP, errorCode: 3, rip, cpl, ...(user !== undefined && { user }) };
}

/** The INT3 behind a piece was come to: nothing was missing. */
function through(piece: bigint, length: number, cpl: 0 | 3, user?: Tracker): ShownException {
  const rip = piece + BigInt(length) + 1n;
  return { vector: BP, rip, cpl, ...(user !== undefined && { user }) };
}

const vector = (
  says: string,
  candidate: RowVector['candidate'],
  shows: Shown,
  bochs?: Shown,
): RowVector => ({ says, candidate, shows, ...(bochs !== undefined && { bochs }) });

const LEVELS = [0, 3] as const;

/** The tracker of CPL 3 where a case at a level leaves it waiting. */
function waits(cpl: 0 | 3): Tracker {
  return cpl === 3 ? 'wait' : 'idle';
}

const nearRows: readonly BranchRow[] = [
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

const farRows: readonly BranchRow[] = [
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

const handlerRows: readonly BranchRow[] = [
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

const returnRows: readonly BranchRow[] = [
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

const landingRows: readonly BranchRow[] = [
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

const checkRows: readonly BranchRow[] = [
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

const orderRows: readonly BranchRow[] = [
  {
    id: 'order.fetch-first',
    sentence: 'A page fault of the fetch comes before #CP, and leaves the waiting as it is.',
    origin: 'volume 3, Priority Among Concurrent Events',
    vectors: [
      vector('at CPL 3', at(3, 'b800400200ffe0'), {
        ...{ vector: PF, errorCode: 0x14, rip: 0x2_4000n, cpl: 3, user: 'wait' },
      }),
    ],
  },
  {
    id: 'order.branch-fault-first',
    sentence: 'A branch to an address that is not canonical is #GP at the branch: nothing waits.',
    origin: 'volume 2, JMP',
    vectors: [
      vector('at CPL 3', at(3, '48b80000000000000010ffe0'), {
        ...{ vector: GP, errorCode: 0, rip: CODE + 10n, cpl: 3, user: 'idle' },
      }),
    ],
  },
  {
    id: 'order.before-decoding',
    sentence: '#CP comes before what is wrong with the instruction itself.',
    origin: 'volume 3, Priority Among Concurrent Events',
    vectors: [
      ...['ea', 'd6', UD2, 'f00f0b', '06'].map((target) =>
        vector(`${target} tracked`, at(3, JMP, { target }), missing(TARGET, 3, 'wait')),
      ),
      vector('too long, tracked', at(3, JMP, { target: TOO_LONG }), missing(TARGET, 3, 'wait'), {
        vector: GP,
        errorCode: 0,
        rip: TARGET,
        cpl: 3,
        user: 'wait',
      }),
      ...['ea', 'd6', UD2, 'f00f0b', '06'].map((target) =>
        vector(`${target} by a direct branch`, at(3, 'e9fb0f0000', { target }), {
          ...{ vector: UD, rip: TARGET, cpl: 3, user: 'idle' },
        }),
      ),
      vector('too long by a direct branch', at(3, 'e9fb0f0000', { target: TOO_LONG }), {
        vector: GP,
        errorCode: 0,
        rip: TARGET,
        cpl: 3,
        user: 'idle',
      }),
    ],
  },
  {
    id: 'order.trap-before',
    sentence: 'The trap of a single-stepped branch comes before its target is looked at.',
    origin: '#CP(ENDBRANCH) Priority w.r.t #BP and #DB',
    vectors: [
      vector('at CPL 3', at(3, JMP, { start: 'stepping' }), {
        ...{ vector: DB, rip: TARGET, cpl: 3, user: 'wait' },
      }),
      vector('at CPL 0', at(0, JMP, { start: 'stepping' }), { vector: DB, rip: TARGET, cpl: 0 }),
    ],
  },
];

/** WRMSR to both MSRs. */
function writes(value: bigint, kind: 'written' | 'refused'): readonly RowVector[] {
  return (['uCet', 'sCet'] as const).map((msr) =>
    vector(
      `0x${value.toString(16)} to ${msr}`,
      { setup: { ...TRACKED, sCet: 0n }, operations: [{ op: 'wrmsr', msr, value }] },
      { kind },
    ),
  );
}

const msrRows: readonly BranchRow[] = [
  {
    id: 'msr.reserved',
    sentence: 'Bits 6 to 9 are reserved: WRMSR is #GP(0).',
    origin: 'volume 4, IA32_U_CET',
    vectors: [6n, 7n, 8n, 9n].flatMap((bit) => writes(1n << bit, 'refused')),
  },
  {
    id: 'msr.never-both',
    sentence: 'WRMSR that sets SUPPRESS and TRACKER is #GP(0).',
    origin: 'volume 4, IA32_U_CET',
    vectors: [
      ...writes(CET_SUPPRESS | CET_TRACKER, 'refused'),
      ...writes(CET_SUPPRESS, 'written'),
      ...writes(CET_TRACKER, 'written'),
    ],
  },
  {
    id: 'msr.base',
    sentence: 'The base of the bitmap is canonical, or WRMSR is #GP(0).',
    origin: 'volume 4, IA32_U_CET',
    vectors: [
      ...writes(0x8000_0000_0000n, 'refused'),
      ...writes(0x7fff_ffff_f000n, 'written'),
      ...writes(0xffff_8000_0000_0000n, 'written'),
    ],
  },
];

/** Every rule that the emulator was asked about. */
export const BRANCH_ROWS: readonly BranchRow[] = [
  ...nearRows,
  ...farRows,
  ...handlerRows,
  ...returnRows,
  ...landingRows,
  ...checkRows,
  ...orderRows,
  ...msrRows,
];

/** Rules that nothing was asked about, and why. */
export const UNASKED_ROWS: readonly UnaskedRow[] = [
  {
    id: 'far.compatibility-mode',
    sentence: 'In compatibility mode ENDBR32 is the landing, and far direct branches are tracked.',
    reason: 'the model executes 64-bit mode alone: code in a 32-bit segment is `unsupported`',
  },
  {
    id: 'missing.shadow-stack-errors',
    sentence:
      '#CP has error codes 1, 2, 4 and 5 for returns and tokens that a shadow stack refuses.',
    reason: 'the model has no shadow stacks: with SH_STK_EN calls and returns are `unsupported`',
  },
  {
    id: 'missing.enclave',
    sentence: 'Bit 15 of the error code of #CP says that it came from an enclave.',
    reason: 'Bochs 2.7 has no enclaves',
  },
  {
    id: 'handler.fred',
    sentence: 'FRED saves the tracker in the frame and returns it.',
    reason: 'Bochs 2.7 has no FRED',
  },
  {
    id: 'handler.triple-fault',
    sentence: 'A #CP that ends in a shutdown waits for nothing any more.',
    reason: 'Bochs stops, and the cases behind with it',
  },
  {
    id: 'msr.features',
    sentence: 'WRMSR of a bit whose feature CPUID does not report is #GP(0).',
    reason: 'the one CPU of Bochs 2.7 with indirect branch tracking has shadow stacks, too',
  },
  {
    id: 'cr4.write-protect',
    sentence: 'CR4.CET needs CR0.WP, and keeps it.',
    reason: 'asked as a transition of control registers: recordings of hw-model.cpu',
  },
  {
    id: 'vmx.tracker',
    sentence: 'VM entry and exit load and save IA32_S_CET with its tracker.',
    reason: 'a VMCS has no CET fields in hw-model.cpu, and the emulator’s CPU runs no guest here',
  },
];
