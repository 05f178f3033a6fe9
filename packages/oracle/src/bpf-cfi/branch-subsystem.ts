// SPDX-License-Identifier: MIT
import {
  branchModel,
  CET_ENDBR_EN,
  CET_SUPPRESS,
  CET_TRACKER,
  type BranchOperation,
  type BranchOutcome,
  type BranchSetup,
  type BranchState,
} from '@kernel-models/hw-model/instructions';
import type { Exploration, Subsystem } from '../subsystem.ts';
import { branchCases, unsupported } from './branch-cases.ts';
import { branchTarget } from './branch-target.ts';

const PIECES = ['f30f1efa', '90', 'cc', 'ffe1', '0f0b'] as const;

/** Code at both privilege levels, one run behind the other. */
const runs: Exploration<BranchState, BranchOperation, BranchSetup> = {
  name: 'runs',
  sentence: 'runs of code at CPL 0 and 3, and writes of both MSRs between them',
  setups: [{ cet: true, uCet: CET_ENDBR_EN, sCet: CET_ENDBR_EN }],
  operations: () => OPERATIONS,
  defaultDepth: 3,
  sometimes: {
    'CPL 3 waits': ({ uCet }) => (uCet & CET_TRACKER) !== 0n,
    'CPL 3 is suppressed': ({ uCet }) => (uCet & CET_SUPPRESS) !== 0n,
    'CPL 0 is untracked': ({ sCet }) => (sCet & CET_ENDBR_EN) === 0n,
  },
};

const OPERATIONS: readonly BranchOperation[] = [
  ...([0, 3] as const).flatMap((cpl) =>
    ['ffe0', '3effe0', 'e9fb0f0000'].flatMap((code) =>
      PIECES.map((target): BranchOperation => ({
        ...{ op: 'execute', cpl, code, target, second: '90', handler: '', bitmap: 0 },
        ...{ start: 'plain', handled: null, absent: null },
      })),
    ),
  ),
  ...[0n, CET_ENDBR_EN, CET_ENDBR_EN | CET_SUPPRESS, CET_SUPPRESS | CET_TRACKER].flatMap((value) =>
    (['uCet', 'sCet'] as const).map((msr): BranchOperation => ({ op: 'wrmsr', msr, value })),
  ),
];

/** Indirect branch tracking, held against an emulator that has it. */
export const branchSubsystem: Subsystem<BranchState, BranchOperation, BranchOutcome, BranchSetup> =
  {
    model: branchModel,
    title: 'indirect branches under CET: the tracker, ENDBR64 and #CP',
    defaultRevision: 'architecture',
    cases: () => branchCases,
    isExecutable: (candidate) => unsupported(candidate) === undefined,
    targets: () => [branchTarget()],
    explorations: [runs],
  };
