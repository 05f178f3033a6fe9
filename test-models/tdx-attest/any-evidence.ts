// SPDX-License-Identifier: MIT
import fc, { type Arbitrary } from 'fast-check';
import { verify } from '@kernel-models/tdx-attest';
import {
  DAY,
  type CertificateFacts,
  type Evidence,
  type IsvLevelFacts,
  type LevelFacts,
  type ListFacts,
  type SignerFacts,
  type Window,
} from './evidence.ts';

/* Descriptions by chance: every fact apart from the rest. */

function seldom<Value>(usual: Value, ...others: readonly Value[]): Arbitrary<Value> {
  return fc.oneof(
    { withCrossShrink: true },
    { weight: 90, arbitrary: fc.constant(usual) },
    fc.constantFrom(...others),
  );
}

const rightly = seldom(true, false);
const window: Arbitrary<Window> = fc.record({ from: seldom(30, 10), to: seldom(30, 10) });
/** A byte string of 16 in which few bytes differ from the others. */
const sixteen = (usual: number, others: Arbitrary<number>): Arbitrary<readonly number[]> =>
  fc
    .array(fc.tuple(fc.nat(15), others), { maxLength: 2 })
    .map((changes) =>
      changes.reduce<number[]>((all, [at, value]) => all.with(at, value), Array(16).fill(usual)),
    );
const near5 = fc.integer({ min: 3, max: 7 });

const certificate = (isCa: boolean, usages: readonly [number, ...number[]]) =>
  fc.record<CertificateFacts>({
    isNamed: rightly,
    namesIssuer: rightly,
    isSigned: rightly,
    isCa: seldom(isCa, !isCa),
    usage: seldom(...usages),
    window,
  });

const list: Arbitrary<ListFacts> = fc.record({
  namesIssuer: rightly,
  isSigned: rightly,
  window,
  revoked: fc.oneof(
    { weight: 25, arbitrary: fc.constantFrom([], [77], [78, 79]) },
    fc.shuffledSubarray([2, 3, 4, 77], { minLength: 1 }),
  ),
});

/** Statuses of modules and quoting enclaves. */
export const partStatus: Arbitrary<verify.TcbStatus> = fc.constantFrom<verify.TcbStatus>(
  'UpToDate',
  'UpToDate',
  'UpToDate',
  'UpToDate',
  'OutOfDate',
  'OutOfDate',
  'SWHardeningNeeded',
  'Revoked',
);
const isvLevels: Arbitrary<readonly IsvLevelFacts[]> = fc
  .tuple(
    fc.record({ isvSvn: fc.constantFrom(1, 2), status: partStatus }),
    fc.uniqueArray(fc.record({ isvSvn: fc.integer({ min: 3, max: 6 }), status: partStatus }), {
      selector: ({ isvSvn }) => isvSvn,
      maxLength: 3,
    }),
  )
  .chain(([last, others]) => fc.shuffledSubarray([last, ...others], { minLength: 1 }));

/** Statuses of platforms. */
export const platformStatus: Arbitrary<verify.TcbStatus> = fc.constantFrom<verify.TcbStatus>(
  'UpToDate',
  'UpToDate',
  'SWHardeningNeeded',
  'ConfigurationNeeded',
  'ConfigurationAndSWHardeningNeeded',
  'OutOfDate',
  'OutOfDateConfigurationNeeded',
  'Revoked',
);
const level: Arbitrary<LevelFacts> = fc.integer({ min: 2, max: 5 }).chain((usual) =>
  fc.record({
    sgx: sixteen(usual, near5),
    pceSvn: fc.integer({ min: 10, max: 14 }),
    tdx: sixteen(usual, near5),
    status: platformStatus,
  }),
);
/** Every status that a policy can accept: all but that of what was revoked. */
export const ACCEPTABLE: readonly verify.TcbStatus[] = verify.TCB_STATUSES.filter(
  (status) => status !== 'Revoked',
);

/** A level that every platform reaches. */
export const LOWEST_LEVEL: LevelFacts = {
  sgx: Array<number>(16).fill(1),
  pceSvn: 9,
  tdx: Array<number>(16).fill(1),
  status: 'OutOfDate',
};

const signer: Arbitrary<SignerFacts> = fc.record({
  mrSigner: seldom(0, 1),
  attributes: seldom(0, 1),
  mask: seldom(0xff, 0xfe),
});
const module = fc.tuple(signer, isvLevels).map(([by, levels]) => ({ ...by, levels }));

const documentFacts = {
  isSigned: rightly,
  isOfTee: rightly,
  isRecent: rightly,
  window,
  isSpaced: seldom(false, true),
  isWrapped: seldom(false, true),
};

/** Bits of TDATTRIBUTES: none but SEPT_VE_DISABLE, or one more, known or reserved. */
const attributes = fc.oneof(
  { weight: 40, arbitrary: fc.constant([28]) },
  fc.constantFrom([], [0], [28, 4], [28, 6], [28, 7], [28, 27], [28, 31], [28, 32], [28, 63]),
);

/** A description in which now and then something is wrong, seldom much. */
export const evidence: Arbitrary<Evidence> = fc.record({
  time: fc.oneof(
    { weight: 20, arbitrary: fc.constant(0) },
    fc.constantFrom(-10 * DAY - 1, -10 * DAY, 10 * DAY, 10 * DAY + 1, -30 * DAY - 1, 30 * DAY + 1),
  ),
  quote: fc.record({
    format: fc.constantFrom('v4' as const, 'v5-1.0' as const, 'v5-1.5' as const, 'v3' as const),
    isIntels: rightly,
    keyType: seldom<2 | 3>(2, 3),
    isSigned: rightly,
    certificationType: seldom(5, 1, 4, 6),
    padding: seldom(0, 1, 39),
    svn: fc
      .tuple(
        sixteen(5, near5),
        fc.constantFrom(2, 3, 4, 5, 5, 5),
        fc.constantFrom(1, 1, 1, 1, 1, 10, 10, 10, 0, 0, 2),
      )
      .map(([all, svn, major]) => all.with(0, svn).with(1, major)),
    svn2: fc
      .tuple(sixteen(6, near5), fc.constantFrom(3, 5, 6, 6), fc.constantFrom(1, 1, 10, 2))
      .map(([all, svn, major]) => all.with(0, svn).with(1, major)),
    mrSigner: seldom(0, 1),
    seamAttributes: seldom(0, 1),
    attributes,
    serviceTd: seldom<number | undefined>(undefined, 0, 47),
    isDebuggedEnclave: seldom(false, true),
  }),
  qe: fc.record({
    isSigned: rightly,
    wrongByte: seldom<number | undefined>(undefined, 0, 31, 32, 63),
    miscSelect: seldom(0, 1, 2),
    attributes: seldom(0x11, 0x13, 0x31),
    isIntels: rightly,
    isProduct: rightly,
    isvSvn: fc.constantFrom(2, 4, 4, 4, 5),
  }),
  platform: fc.record({
    components: sixteen(5, near5),
    pceSvn: fc.constantFrom(11, 13, 13),
    isOfFmspc: rightly,
    isOfPce: rightly,
  }),
  chain: fc.record({
    root: seldom<Evidence['chain']['root']>('trusted', 'renamed', 'foreign', 'damaged'),
    ofCollateral: fc.constantFrom('none' as const, 'whole' as const, 'cut' as const),
    length: seldom<2 | 3 | 4>(3, 2, 4),
    documentsLength: seldom<1 | 2 | 3>(2, 1, 3),
    pck: certificate(false, [0xc0, 0x40, 0x44]),
    ca: certificate(true, [0x06, 0x04, 0x02, 0x82]),
    signer: certificate(false, [0xc0, 0x40, 0x44]),
  }),
  rootList: list,
  pckList: list,
  tcbInfo: fc.record({
    ...documentFacts,
    module: signer,
    module1: module,
    module10: module,
    levels: fc
      .array(level, { maxLength: 4 })
      .chain((some) => fc.shuffledSubarray([...some, LOWEST_LEVEL], { minLength: 1 })),
  }),
  qeIdentity: fc.record({
    ...documentFacts,
    miscSelect: seldom(0, 1),
    miscMask: seldom(0xff, 0xfd),
    attributes: seldom(0x11, 0x13),
    attributesMask: seldom(0xfb, 0xdb),
    levels: isvLevels,
  }),
  policy: fc.record({
    statuses: fc.oneof(
      {
        weight: 6,
        arbitrary: fc.constant(ACCEPTABLE),
      },
      fc.constantFrom<readonly verify.TcbStatus[] | undefined>(undefined, ['OutOfDate']),
    ),
    allowsDebug: seldom(false, true),
    wantsSeptVeDisable: seldom(false, true),
    allowsServiceTd: seldom(false, true),
    measurements: fc.array(
      fc.oneof(
        { weight: 60, arbitrary: fc.constant('any' as const) },
        { weight: 10, arbitrary: fc.constant('listed' as const) },
        fc.constant('not-listed' as const),
      ),
      { minLength: 8, maxLength: 8 },
    ),
    leastSvn: fc.oneof(
      { weight: 12, arbitrary: fc.constant(undefined) },
      sixteen(3, near5).map((all) => all.with(1, 0)),
    ),
    reportData: seldom<'any' | 'same' | number>('any', 'same', 0, 63),
  }),
});
