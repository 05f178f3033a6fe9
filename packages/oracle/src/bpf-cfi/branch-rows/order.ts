// SPDX-License-Identifier: MIT
import { VECTOR } from '@kernel-models/hw-model/cpu';
import { CODE, HANDLER, TARGET } from '@kernel-models/hw-model/instructions';
import { ENDBR64, INT_20, JMP, TOO_LONG, UD2 } from './code.ts';
import { at, missing, through, vector, type BranchRow } from './row.ts';

const { DB, GP, PF, UD } = VECTOR;

/** What comes first where several would. */
export const ORDER_ROWS: readonly BranchRow[] = [
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
  {
    id: 'order.no-trap-behind-entry',
    sentence:
      'A single-stepped instruction that enters a handler does not trap: TF is clear there.',
    origin: 'volume 3, Single-Step Exception Condition',
    vectors: [0 as const, 3 as const].map((cpl) =>
      vector(
        `INT n at CPL ${cpl}`,
        at(cpl, INT_20, { start: 'stepping', handler: `${ENDBR64}90` }),
        through(HANDLER, 5, 0),
      ),
    ),
  },
];
