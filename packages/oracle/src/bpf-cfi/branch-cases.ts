// SPDX-License-Identifier: MIT
import fc, { type Arbitrary } from 'fast-check';
import {
  BITMAP,
  CET_ENDBR_EN,
  CET_LEG_IW_EN,
  CET_NO_TRACK_EN,
  CET_SUPPRESS,
  CET_SUPPRESS_DIS,
  CET_TRACKER,
  type BranchOperation,
  type BranchSetup,
} from '@kernel-models/hw-model/instructions';
import type { Case } from '../target.ts';

/*
 * Cases for an emulator that tracks indirect branches: from every way of branching to everything
 * that may stand at a target, under every combination of the bits that decide.
 */

/** A case of the model of indirect branch tracking. */
export type BranchCase = Case<BranchSetup, BranchOperation>;

/** Ways to the target, whose address is in RAX and R11 and where RBX points to. */
const BRANCHES: readonly string[] = [
  ...['ffe0', 'ffd0', 'ff23', 'ff13', '41ffe3', '41ffd3', '48ffe0', '67ff23'],
  // No-track prefixes, and what is not one.
  ...['3effe0', '3effd0', '3eff23', '2e3effe0', '3e2effe0', '643effe0', '3e64ffe0', '413effe0'],
  ...['3e41ffe3', '2effe0', '36ffe0', '66ffe0', 'f2ffe0', 'f3ffd0'],
  // Direct branches, a return, and a retpoline.
  ...['e9fb0f0000', 'e8fb0f0000', '31c00f84f80f0000', '50c3', '50c20800', 'e8010000009048890424c3'],
  // Nothing leads to the target.
  ...['90cc', 'f30f1efacc'],
];

/** What may stand at the target; INT3 follows each. */
const TARGETS: readonly string[] = [
  ...['f30f1efa', '66f30f1efa', 'f3660f1efa', 'f2f30f1efa', 'f3f20f1efa', '26f30f1efa'],
  ...['f34f0f1efa', '48f30f1efa', 'f30f1efb', 'f30f1ef9', '0f1efa'],
  ...['90', '4890', 'f390', '660f1f00', '0f1f40d6', 'cc', 'f1', '0f0b', 'ea', 'd6', 'f00f0b'],
  ...['f075fd', '0fb9c0', '0fffc0', '06', '6690', '55', '31c0', '4883c001', '0faee8'],
  // On to a third piece, tracked or not.
  ...['ffe1', 'f30f1efaffe1', '90ffe1', '903effe1', 'f30f1efa3effe1', '90e9fa0f0000', '51c3'],
];

const SECONDS: readonly string[] = ['f30f1efa', '90', 'cc', 'f30f1efa90', '0f0b', 'f1'];

const bit = (mask: bigint): Arbitrary<bigint> => fc.constantFrom(0n, mask);

/** Values of a CET MSR that a driver can live with: `waits` where the tracker may be set. */
function cetValues(waits: boolean): Arbitrary<bigint> {
  return fc
    .tuple(
      fc.constantFrom(CET_ENDBR_EN, CET_ENDBR_EN, CET_ENDBR_EN, 0n),
      bit(CET_NO_TRACK_EN),
      fc.constantFrom(0n, 0n, CET_LEG_IW_EN | BITMAP, BITMAP),
      bit(CET_SUPPRESS_DIS),
      fc.constantFrom(0n, 0n, 0n, CET_SUPPRESS, waits ? CET_TRACKER : 0n),
    )
    .map((parts) => parts.reduce((value, part) => value | part, 0n));
}

const setups: Arbitrary<BranchSetup> = fc.record({
  cet: fc.constantFrom(true, true, true, true, false),
  uCet: cetValues(true),
  sCet: cetValues(false),
});

const executions: Arbitrary<BranchOperation> = fc
  .record({
    cpl: fc.constantFrom(0 as const, 3 as const),
    code: fc.constantFrom(...BRANCHES),
    target: fc.constantFrom(...TARGETS),
    second: fc.constantFrom(...SECONDS),
    bitmap: fc.constantFrom(0, 0xff, 0xff, 2, 0xfd),
  })
  .map((fields) => ({ op: 'execute', ...fields }));

const ANY_BIT = fc.integer({ min: 0, max: 63 }).map((index) => 1n << BigInt(index));

/** Bits by themselves and a few together: reserved ones, and bases that are not canonical. */
const writes: Arbitrary<BranchOperation> = fc
  .record({
    msr: fc.constantFrom('uCet' as const, 'sCet' as const),
    value: fc.oneof(
      ANY_BIT,
      fc.array(ANY_BIT, { maxLength: 4 }).map((bits) => bits.reduce((sum, one) => sum | one, 0n)),
      fc.tuple(cetValues(true), ANY_BIT).map(([value, one]) => value ^ one),
      fc.constantFrom(0xffff_8000_0000_0000n, 0x7fff_ffff_f000n, 0x8000_0000_0000n, 0xc00n),
    ),
  })
  .map((fields) => ({ op: 'wrmsr', ...fields }));

/** One operation a case. */
export const branchCases: Arbitrary<BranchCase> = fc
  .record({ setup: setups, operation: fc.oneof({ weight: 6, arbitrary: executions }, writes) })
  .map(({ setup, operation }) => ({ setup, operations: [operation] }))
  .filter((candidate) => unsupported(candidate) === undefined);

/** Why the firmware cannot do a case; undefined: it can. */
export function unsupported({ setup, operations }: BranchCase): string | undefined {
  const [operation, ...rest] = operations;
  if (operation === undefined || rest.length > 0) return 'a number of operations other than one';
  // The firmware itself runs at CPL 0, and would have to begin with ENDBR64 behind the write.
  const waits = operation.op === 'wrmsr' && operation.msr === 'sCet' ? operation.value : setup.sCet;
  const tracked = CET_ENDBR_EN | CET_TRACKER;
  if (setup.cet && (waits & tracked) === tracked) return 'CPL 0 that waits for ENDBR64';
  const shadowStacks = operation.op === 'wrmsr' && operation.msr === 'sCet' ? operation.value : 0n;
  if (setup.cet && (shadowStacks & 1n) !== 0n) return 'a shadow stack of CPL 0';
  return undefined;
}
