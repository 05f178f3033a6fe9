// SPDX-License-Identifier: MIT
import fc, { type Arbitrary } from 'fast-check';
import type { verify } from '@kernel-models/tdx-attest';
import { ACCEPTABLE, evidence, LOWEST_LEVEL, partStatus, platformStatus } from './any-evidence.ts';
import { DAY, type Evidence, type IsvLevelFacts, type Window } from './evidence.ts';

/*
 * Evidence that is right but for a part or two. Where every fact may be wrong by itself, most of it
 * falls at the first steps, and what the last ones look at is seldom seen.
 */

const upright = { isNamed: true, namesIssuer: true, isSigned: true } as const;
const signedList = { namesIssuer: true, isSigned: true, revoked: [] } as const;
const newest: readonly IsvLevelFacts[] = [{ isvSvn: 1, status: 'UpToDate' }];

/** What makes each part of evidence right; what else there is to a part may stay as it is. */
const RIGHT = {
  quote: {
    isIntels: true,
    keyType: 2,
    isSigned: true,
    certificationType: 5,
    mrSigner: 0,
    seamAttributes: 0,
    attributes: [28],
    serviceTd: undefined,
    isDebuggedEnclave: false,
  },
  qe: {
    isSigned: true,
    wrongByte: undefined,
    miscSelect: 0,
    attributes: 0x11,
    isIntels: true,
    isProduct: true,
  },
  platform: { isOfFmspc: true, isOfPce: true },
  lengths: { root: 'trusted', length: 3, documentsLength: 2 },
  pck: { ...upright, isCa: false, usage: 0xc0 },
  ca: { ...upright, isCa: true, usage: 0x06 },
  signer: { ...upright, isCa: false, usage: 0xc0 },
  list: signedList,
  document: { isSigned: true, isOfTee: true, isRecent: true },
  module: { mrSigner: 0, attributes: 0, mask: 0xff, levels: newest },
  qeIdentity: {
    miscSelect: 0,
    miscMask: 0xff,
    attributes: 0x11,
    attributesMask: 0xfb,
    levels: newest,
  },
  policy: { measurements: Array<'any'>(8).fill('any'), leastSvn: undefined, reportData: 'any' },
} as const;

/** The parts of evidence that can be wrong by themselves. */
const PARTS = [
  'quote',
  'qe',
  'platform',
  'chain',
  'lists',
  'tcb-info',
  'module',
  'levels',
  'qe-identity',
  'policy',
  'time',
] as const;
type Part = (typeof PARTS)[number];

/** The same evidence with every part but some put right. */
export function rightBut(parts: readonly Part[], it: Evidence): Evidence {
  const right = <Facts>(part: Part, facts: Facts): Facts | Record<string, never> =>
    parts.includes(part) ? {} : facts;
  const { chain, tcbInfo, qeIdentity, rootList, pckList } = it;
  const document = right('tcb-info', RIGHT.document);
  return {
    ...it,
    time: parts.includes('time') ? it.time : 0,
    quote: { ...it.quote, ...right('quote', RIGHT.quote) },
    qe: { ...it.qe, ...right('qe', RIGHT.qe) },
    platform: { ...it.platform, ...right('platform', RIGHT.platform) },
    chain: {
      ...chain,
      ...right('chain', RIGHT.lengths),
      pck: { ...chain.pck, ...right('chain', RIGHT.pck) },
      ca: { ...chain.ca, ...right('chain', RIGHT.ca) },
      signer: { ...chain.signer, ...right('chain', RIGHT.signer) },
    },
    rootList: { ...rootList, ...right('lists', RIGHT.list) },
    pckList: { ...pckList, ...right('lists', RIGHT.list) },
    tcbInfo: {
      ...tcbInfo,
      ...document,
      module: { ...tcbInfo.module, ...right('module', { mrSigner: 0, attributes: 0, mask: 0xff }) },
      module1: { ...tcbInfo.module1, ...right('module', RIGHT.module) },
      module10: { ...tcbInfo.module10, ...right('module', RIGHT.module) },
      levels: parts.includes('levels') ? tcbInfo.levels : [{ ...LOWEST_LEVEL, status: 'UpToDate' }],
    },
    qeIdentity: {
      ...qeIdentity,
      ...right('qe-identity', { ...RIGHT.document, ...RIGHT.qeIdentity }),
    },
    policy: { ...it.policy, ...right('policy', RIGHT.policy) },
  };
}

const WINDOWS = ['pck', 'ca', 'signer', 'rootList', 'pckList', 'tcbInfo', 'qeIdentity'] as const;
const short: Window = { from: 10, to: 10 };

/** An end of a validity: its last second, or the first beyond it. */
export interface Edge {
  readonly whose: (typeof WINDOWS)[number];
  readonly time: number;
}

/** Both ends of every validity, from within and from without. */
export const EDGES: readonly Edge[] = WINDOWS.flatMap((whose) =>
  [-10 * DAY - 1, -10 * DAY, 10 * DAY, 10 * DAY + 1].map((time) => ({ whose, time })),
);

/** The same evidence at the edge of a validity that is shorter than all others. */
export function atEdge(it: Evidence, { whose, time }: Edge): Evidence {
  const wide: Window = { from: 30, to: 30 };
  const shown = <Facts extends { readonly window: Window }>(
    one: (typeof WINDOWS)[number],
    facts: Facts,
  ): Facts => ({ ...facts, window: one === whose ? short : wide });
  const { pck, ca, signer } = it.chain;
  return {
    ...it,
    time,
    chain: {
      ...it.chain,
      pck: shown('pck', pck),
      ca: shown('ca', ca),
      signer: shown('signer', signer),
    },
    rootList: shown('rootList', it.rootList),
    pckList: shown('pckList', it.pckList),
    tcbInfo: shown('tcbInfo', it.tcbInfo),
    qeIdentity: shown('qeIdentity', it.qeIdentity),
  };
}

/** Right evidence with any one attribute of the TD more, and a policy that wants its own SVNs. */
const atEdgeOfPolicy: Arbitrary<Evidence> = fc
  .record({
    it: evidence,
    attribute: fc.oneof(fc.nat(7), fc.integer({ min: 8, max: 63 })),
    allowsDebug: fc.boolean(),
    more: fc.option(fc.nat(15), { nil: undefined }),
  })
  .map(({ it, attribute, allowsDebug, more }) => {
    const { quote, policy, ...others } = rightBut([], it);
    const leastSvn = quote.svn.map((svn, at) => (at === more ? svn + 1 : svn));
    return {
      ...others,
      quote: { ...quote, attributes: [28, attribute] },
      policy: { ...policy, allowsDebug, leastSvn },
    };
  });

/**
 * A TD that runs on since its module was updated: what its own module, the new one, the platform and
 * the quoting enclave are worth, and how new the new one is.
 */
export const afterUpdate: Arbitrary<Evidence> = fc
  .record({
    it: evidence,
    statuses: fc.record({
      old: fc.oneof(fc.constant<verify.TcbStatus>('OutOfDate'), partStatus),
      newer: partStatus,
      platform: platformStatus,
      qe: partStatus,
    }),
    isvSvn: fc.constantFrom(2, 3, 4, 5),
    svn2: fc.tuple(fc.constantFrom(2, 4, 5, 5, 6), fc.constantFrom(1, 1, 1, 1, 10, 0)),
    newest: fc.tuple(fc.nat(15), fc.constantFrom(1, 5, 6)),
    isReversed: fc.boolean(),
    accepted: fc.oneof(
      { weight: 4, arbitrary: fc.constant(ACCEPTABLE) },
      fc.constantFrom(...ACCEPTABLE).map((status) => [status]),
    ),
  })
  .map(({ it, statuses, isvSvn, svn2, newest: [at, least], isReversed, accepted }) => {
    const { quote, policy, tcbInfo, qeIdentity, ...others } = rightBut([], it);
    const fives = Array<number>(16).fill(5);
    const levels = [
      { ...LOWEST_LEVEL, tdx: LOWEST_LEVEL.tdx.with(at, least), status: statuses.platform },
      { ...LOWEST_LEVEL, pceSvn: 8, status: statuses.platform },
    ];
    const moduleLevels = [
      { isvSvn: 2, status: statuses.old },
      { isvSvn: 5, status: statuses.newer },
    ];
    return {
      ...others,
      quote: {
        ...quote,
        format: 'v5-1.5',
        svn: fives.with(0, isvSvn).with(1, 1),
        svn2: [...svn2, ...fives.slice(2)],
      },
      tcbInfo: {
        ...tcbInfo,
        module1: {
          ...tcbInfo.module1,
          levels: isReversed ? moduleLevels.toReversed() : moduleLevels,
        },
        levels: isReversed ? levels.toReversed() : levels,
      },
      qeIdentity: { ...qeIdentity, levels: [{ isvSvn: 1, status: statuses.qe }] },
      policy: { ...policy, statuses: accepted },
    };
  });

/** Evidence of which one part, or two that meet, may be wrong, so that every step is reached. */
export const nearlyRight: Arbitrary<Evidence> = fc.oneof(
  {
    weight: 3,
    arbitrary: fc
      .tuple(fc.shuffledSubarray([...PARTS], { minLength: 1, maxLength: 2 }), evidence)
      .map(([parts, it]) => rightBut(parts, it)),
  },
  fc.tuple(evidence, fc.constantFrom(...EDGES)).map(([it, edge]) => atEdge(rightBut([], it), edge)),
  atEdgeOfPolicy,
);
