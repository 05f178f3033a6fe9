// SPDX-License-Identifier: MIT
import fc, { type Arbitrary } from 'fast-check';
import { VECTOR } from '@kernel-models/hw-model/cpu';
import {
  BITMAP,
  branchModel,
  CET_ENDBR_EN,
  CET_LEG_IW_EN,
  CET_NO_TRACK_EN,
  CET_SUPPRESS,
  CET_SUPPRESS_DIS,
  CET_TRACKER,
  CODE,
  STACK,
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
  // Sixteen bytes, by their prefixes.
  '66'.repeat(15) + '90',
  ...['f30f1efa', '66f30f1efa', 'f3660f1efa', 'f2f30f1efa', 'f3f20f1efa', '26f30f1efa'],
  ...['f34f0f1efa', '48f30f1efa', 'f30f1efb', 'f30f1ef9', '0f1efa'],
  ...['90', '4890', 'f390', '660f1f00', '0f1f40d6', 'cc', 'f1', '0f0b', 'ea', 'd6', 'f00f0b'],
  ...['f075fd', '0fb9c0', '0fffc0', '06', '6690', '55', '31c0', '4883c001', '0faee8'],
  // On to a third piece, tracked or not.
  ...['ffe1', 'f30f1efaffe1', '90ffe1', '903effe1', 'f30f1efa3effe1', '90e9fa0f0000', '51c3'],
];

const SECONDS: readonly string[] = ['f30f1efa', '90', 'cc', 'f30f1efa90', '0f0b', 'f1'];

/** Distances of the far pointers from RBX. */
const POINTERS: readonly string[] = ['10', '20', '30', '40', '50', '60', '70'];

/** Ways to another level or code segment, and exceptions; what they need is in registers. */
const TRANSFERS: readonly string[] = [
  // Far JMP and CALL through each pointer that RBX leads to, with prefixes, and of 32 bits.
  ...POINTERS.flatMap((at) => [`48ff6b${at}`, `48ff5b${at}`]),
  ...['3e48ff6b20', '3e48ff5b20', '3e48ff6b10', 'ffab80000000', 'ffab88000000', 'ff9b88000000'],
  ...['ff9b80000000', '66ff6b10'],
  // Interrupts, traps and faults: #UD, #DE, #GP, and #PF where nothing is mapped.
  ...['cd20', 'cd21', 'cd22', 'cd03', 'cd01', 'cd06', 'cd0d', 'cc', 'f1', '0f0b', '31c9f7f1'],
  ...['48b80000000000000010ffe0', 'b800400200ffe0', 'f4', 'ea', '9a'],
  // A stack that is not canonical.
  ...['48bc0000000000000010cd20', '48bc00000000000000100f0b', '48bc000000000000001050'],
  // System calls and returns, also where nothing is to return to.
  ...['0f05', '0f34', '480f07', '480f35', '48cf', '48cb', 'cb', '48ca0800'],
  // IRETQ and a far RET to TARGET at CPL 3, and at CPL 0.
  ...['6a3368005102006a026a3b680010020048cf', '6a1068005102006a026a18680010020048cf'],
  ...['6a3368005102006a3b680010020048cb', '6a18680010020048cb'],
  // STI, behind which an interrupt waits for one instruction: a branch, another, none.
  ...['fbffe0', 'fbffd0', 'fb90ffe0', 'fbe9fa0f0000', 'fbfbffe0'],
  ...['ffe0', 'ffd0', '3effe0', '50c3', 'e9fb0f0000'],
];

const ENDBR64 = 'f30f1efa';

/** What a handler does behind its ENDBR64, or without one. */
const HANDLINGS: readonly string[] = [
  ...['48cf', '480f07', '480f35', '48cb', 'cc', '90cc', 'ffe0', 'ffe1', '0f0b', 'cd20', 'f1'],
  // IRETQ to SECOND in place of what was interrupted, without and with an error code.
  ...['48c704240020020048cf', '48c7442408002002004883c40848cf'],
  // IRETQ with the saved TF cleared.
  '81642410fffeffff48cf',
];

const HANDLERS: readonly string[] = [
  ...HANDLINGS.map((handling) => ENDBR64 + handling),
  ...['48cf', '90', 'cc', 'f1', 'f30f1efb48cf', '48c704240020020048cf'],
];

const bit = (mask: bigint): Arbitrary<bigint> => fc.constantFrom(0n, mask);

/** Values of a CET MSR that a driver can live with: `waits` where the tracker may be set. */
function cetValues(waits: boolean): Arbitrary<bigint> {
  return fc
    .tuple(
      fc.constantFrom(CET_ENDBR_EN, CET_ENDBR_EN, CET_ENDBR_EN, 0n),
      bit(CET_NO_TRACK_EN),
      // The last bitmap lies where nothing is mapped.
      fc.constantFrom(0n, 0n, CET_LEG_IW_EN | BITMAP, BITMAP, CET_LEG_IW_EN | (STACK - 0x1100n)),
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

const cpls = fc.constantFrom(0 as const, 3 as const);
const bitmaps = fc.constantFrom(0, 0xff, 0xff, 2, 0xfd);

/** Near branches, and a first exception. */
const nearExecutions: Arbitrary<BranchOperation> = fc
  .record({
    cpl: cpls,
    code: fc.constantFrom(...BRANCHES),
    target: fc.constantFrom(...TARGETS),
    second: fc.constantFrom(...SECONDS),
    bitmap: bitmaps,
  })
  .map((fields) => ({
    ...{ op: 'execute', ...fields, handler: '' },
    ...{ start: 'plain', handled: null, absent: null },
  }));

const { UD, DE, DB, BP, NP, GP, PF, CP, SS, DF } = VECTOR;

/** Everything else: into handlers, out of them, and on. */
const farExecutions: Arbitrary<BranchOperation> = fc
  .record({
    cpl: cpls,
    code: fc.constantFrom(...TRANSFERS),
    target: fc.oneof(fc.constantFrom(...TARGETS), fc.constantFrom(...TRANSFERS)),
    second: fc.oneof(fc.constantFrom(...SECONDS), fc.constantFrom(...TRANSFERS)),
    handler: fc.constantFrom(...HANDLERS),
    bitmap: bitmaps,
    start: fc.constantFrom('plain', 'plain', 'plain', 'stepping', 'interrupted'),
    handled: fc.constantFrom(null, UD, DE, DB, BP, GP, PF, CP, CP, NP, DF),
    absent: fc.constantFrom(null, null, null, null, CP, UD, GP, PF, NP, SS),
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

const operations: Arbitrary<BranchOperation> = fc.oneof(
  { weight: 3, arbitrary: nearExecutions },
  { weight: 6, arbitrary: farExecutions },
  { weight: 1, arbitrary: writes },
);

/** One operation a case. */
export const branchCases: Arbitrary<BranchCase> = fc
  .record({ setup: setups, operation: operations })
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
  return operation.op === 'execute' ? endlessness(setup, operation) : undefined;
}

/**
 * Why code would not come to an exception that ends it: the emulator would stop at it with all the
 * cases behind. Whether it does is asked of the model.
 */
function endlessness(setup: BranchSetup, operation: BranchOperation): string | undefined {
  const { outcome } = branchModel.apply(branchModel.initial(setup), operation, 'bochs-2.7');
  if (outcome.kind === 'unsupported') return `code that comes to ${outcome.reason}`;
  // The emulator has memory there, and the model has none.
  const lost = outcome.kind === 'exception' && outcome.rip < CODE;
  return lost ? 'code that runs in the first pages' : undefined;
}
