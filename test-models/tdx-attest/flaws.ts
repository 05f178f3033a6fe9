// SPDX-License-Identifier: MIT
import type { Arbitrary } from 'fast-check';
import { evidence, LOWEST_LEVEL } from './any-evidence.ts';
import type { Evidence } from './evidence.ts';
import { rightBut } from './nearly-right.ts';

/*
 * Every fact of evidence that can be wrong by itself, or right in another way. Chance seldom brings
 * one of them alone, and never all of them.
 */

/** What differs: facts at any depth. A list is one fact. */
type Facts<Whole> = {
  readonly [Name in keyof Whole]?: Whole[Name] extends readonly unknown[]
    ? Whole[Name]
    : Facts<Whole[Name]>;
};

/** Another set of facts for a piece of evidence. */
export type Change = Facts<Evidence>;

/** Whatever holds for certificates in each of their places. */
const CERTIFICATE: readonly Facts<Evidence['chain']['pck']>[] = [
  { isNamed: false },
  { namesIssuer: false },
  { isSigned: false },
];
const LIST: readonly Facts<Evidence['rootList']>[] = [
  { namesIssuer: false },
  { isSigned: false },
  ...[2, 3, 4, 77].map((serial) => ({ revoked: [serial] })),
];
const DOCUMENT: readonly Facts<Evidence['tcbInfo'] & Evidence['qeIdentity']>[] = [
  { isSigned: false },
  { isOfTee: false },
  { isRecent: false },
  { isSpaced: true },
  { isWrapped: true },
];
const SIGNER: readonly Facts<Evidence['tcbInfo']['module']>[] = [
  { mrSigner: 1 },
  { attributes: 1 },
  { mask: 0xfe },
];
const quote = (facts: Facts<Evidence['quote']>): Change => ({ quote: facts });
const qe = (facts: Facts<Evidence['qe']>): Change => ({ qe: facts });
const platform = (facts: Facts<Evidence['platform']>): Change => ({ platform: facts });
const chain = (facts: Facts<Evidence['chain']>): Change => ({ chain: facts });
const tcbInfo = (facts: Facts<Evidence['tcbInfo']>): Change => ({ tcbInfo: facts });
const qeIdentity = (facts: Facts<Evidence['qeIdentity']>): Change => ({ qeIdentity: facts });
const policy = (facts: Facts<Evidence['policy']>): Change => ({ policy: facts });

const ANY = Array<'any'>(8).fill('any');
const ONES = Array<number>(16).fill(1);

/** One change each. */
export const CHANGES: readonly Change[] = [
  {},
  ...[
    { isIntels: false },
    { keyType: 3 as const },
    { isSigned: false },
    { padding: 39 },
    { mrSigner: 1 },
    { seamAttributes: 1 },
    { seamAttributes: 0x80 },
    { isDebuggedEnclave: true },
    { svn: ONES.with(1, 0) },
    { svn: ONES.with(1, 2) },
    { svn: ONES.with(0, 0) },
    ...[0, 47].map((serviceTd) => ({ serviceTd })),
    ...[0, 1, 4, 6, 7, 8, 26, 27, 31, 32, 61, 62].map((bit) => ({ attributes: [28, bit] })),
    { attributes: [] },
  ].map(quote),
  ...[1, 4, 6].flatMap((certificationType) =>
    (['none', 'whole', 'cut'] as const).map((ofCollateral) => ({
      quote: { certificationType },
      chain: { ofCollateral },
    })),
  ),
  ...[
    { isSigned: false },
    { miscSelect: 1 },
    { miscSelect: 2 },
    { attributes: 0x13 },
    { attributes: 0x31 },
    { isIntels: false },
    { isProduct: false },
    { isvSvn: 0 },
    ...[0, 31, 32, 33, 63].map((wrongByte) => ({ wrongByte })),
  ].map(qe),
  ...[
    { isOfFmspc: false },
    { isOfPce: false },
    { pceSvn: 8 },
    ...[0, 15].map((at) => ({ components: ONES.with(at, 0) })),
  ].map(platform),
  ...[
    ...(['renamed', 'foreign', 'damaged'] as const).map((root) => ({ root })),
    ...([2, 4] as const).map((length) => ({ length })),
    ...([1, 3] as const).map((documentsLength) => ({ documentsLength })),
    { ofCollateral: 'cut' as const },
    ...CERTIFICATE.flatMap((pck) => [{ pck }, { ca: pck }, { signer: pck }]),
    ...[{ isCa: true }, { usage: 0x40 }, { usage: 0x44 }].flatMap((facts) => [
      { pck: facts },
      { signer: facts },
    ]),
    ...[{ isCa: false }, { usage: 0x02 }, { usage: 0x82 }, { usage: 0x04 }].map((ca) => ({ ca })),
  ].map(chain),
  ...LIST.flatMap((facts) => [{ rootList: facts }, { pckList: facts }]),
  ...DOCUMENT.flatMap((facts) => [{ tcbInfo: facts }, { qeIdentity: facts }]),
  ...SIGNER.flatMap((facts) => [{ module: facts }, { module1: facts }, { module10: facts }]).map(
    tcbInfo,
  ),
  ...[2, 17].map((pceSvn) => tcbInfo({ levels: [{ ...LOWEST_LEVEL, pceSvn }] })),
  // The module's own components are its identity's to judge; the newest level stands last.
  ...[0, 1].map((at) => ({
    quote: { format: 'v4' as const, svn: ONES },
    tcbInfo: { levels: [{ ...LOWEST_LEVEL, tdx: ONES.with(at, 255) }] },
  })),
  tcbInfo({ levels: [LOWEST_LEVEL, { ...LOWEST_LEVEL, pceSvn: 10, status: 'UpToDate' }] }),
  ...[{ miscSelect: 1 }, { miscMask: 0xfe }, { attributes: 0x13 }, { attributesMask: 0xdb }].map(
    qeIdentity,
  ),
  ...[
    { statuses: undefined },
    { wantsSeptVeDisable: true },
    ...(['same', 0, 63] as const).map((reportData) => ({ reportData })),
    ...ANY.flatMap((_, at) => [
      { measurements: ANY.with(at, 'listed' as never) },
      { measurements: ANY.with(at, 'not-listed' as never) },
    ]),
  ].map(policy),
];

type Tree = Readonly<Record<string, unknown>>;

function isTree(value: unknown): value is Tree {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function merged(old: Tree, facts: Tree): Tree {
  const entries = Object.entries(facts).map(([name, fact]) => {
    const before = old[name];
    return [name, isTree(before) && isTree(fact) ? merged(before, fact) : fact] as const;
  });
  return { ...old, ...Object.fromEntries(entries) };
}

/** The evidence with other facts. */
export function changed(it: Evidence, change: Change): Evidence {
  return { ...it, ...merged({ ...it }, change) };
}

/** Evidence that is right in all parts, on a module that is known. */
export const upright: Arbitrary<Evidence> = evidence.map((it) => {
  const right = rightBut([], it);
  const [, major] = right.quote.svn;
  return major === 2 ? changed(right, { quote: { svn: right.quote.svn.with(1, 1) } }) : right;
});
