// SPDX-License-Identifier: MIT
import { CET_SUPPRESS, CET_TRACKER } from '@kernel-models/hw-model/instructions';
import { TRACKED, vector, type BranchRow, type RowVector } from './row.ts';

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

/** WRMSR to the two MSRs. */
export const MSR_ROWS: readonly BranchRow[] = [
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
