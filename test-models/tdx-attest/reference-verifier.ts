// SPDX-License-Identifier: MIT
import type { verify } from '@kernel-models/tdx-attest';
import {
  DAY,
  type CertificateFacts,
  type Evidence,
  type IsvLevelFacts,
  type LevelFacts,
  type ListFacts,
  type Window,
} from './evidence.ts';

/*
 * The verdict on described evidence, naively: step by step, from what is right and wrong with it and
 * not from its bytes. Which of several flaws within one step is named is the verifier's choice, so
 * the reference says all of them. Shares no code with the verifier.
 */

/** What may come of evidence. */
export type Judgement =
  | { readonly step: verify.Step; readonly reasons: readonly verify.Reason[] }
  | { readonly status: verify.TcbStatus; readonly advisories: readonly string[] };

type Reasons = verify.Reason[];

/** Those reasons whose condition holds. */
function where(...flaws: readonly (readonly [boolean, verify.Reason])[]): Reasons {
  return flaws.flatMap(([holds, reason]) => (holds ? [reason] : []));
}

/** Judges evidence. */
export function judge(evidence: Evidence): Judgement {
  const { quote, qe, chain, tcbInfo } = evidence;
  const isTd = quote.format !== 'v3';
  const carriesChain = quote.certificationType === 5;
  const steps: readonly (readonly [verify.Step, Reasons])[] = [
    [
      'parse',
      where(
        [quote.keyType !== 2, 'unsupported-attestation-key-type'],
        [!quote.isIntels, 'unknown-qe-vendor'],
        [!carriesChain && chain.ofCollateral === 'none', 'unsupported-certification-data'],
      ),
    ],
    ['pck-chain', pckChainFlaws(evidence)],
    ['qe-report-signature', where([!qe.isSigned, 'qe-report-signature'])],
    ['qe-report-data', where([qe.wrongByte !== undefined, 'qe-report-data'])],
    ['quote-signature', where([!quote.isSigned, 'quote-signature'])],
    [
      'tcb-info',
      [
        ...signerFlaws(evidence),
        ...where(
          [!tcbInfo.isRecent, 'tcb-info-invalid'],
          [!tcbInfo.isSigned, 'tcb-info-signature'],
          [evidence.time < -tcbInfo.window.from * DAY, 'tcb-info-not-yet-valid'],
          [evidence.time > tcbInfo.window.to * DAY, 'tcb-info-expired'],
          [!tcbInfo.isOfTee, 'tcb-info-mismatch'],
          [!evidence.platform.isOfFmspc, 'tcb-info-mismatch'],
          [!evidence.platform.isOfPce, 'tcb-info-mismatch'],
        ),
      ],
    ],
    ['tdx-module', isTd ? moduleFlaws(evidence) : []],
    ['qe-identity', qeIdentityFlaws(evidence)],
    ['tcb-level', where([levelOf(evidence) === undefined, 'tcb-not-supported'])],
  ];
  const failed = steps.find(([, reasons]) => reasons.length > 0);
  if (failed !== undefined) return { step: failed[0], reasons: failed[1] };
  if (chain.root !== 'trusted') throw new Error('reference: a root that is not trusted passed');
  return judgeLevels(evidence, isTd);
}

const isOutside = ({ from, to }: Window, time: number): boolean =>
  time < -from * DAY || time > to * DAY;

function isFlawed(facts: CertificateFacts, mayBeCa: boolean, usage: number): boolean {
  const { isNamed, namesIssuer, isSigned, isCa } = facts;
  return !isNamed || !namesIssuer || !isSigned || isCa !== mayBeCa || (facts.usage & usage) === 0;
}

function pckChainFlaws({ quote, chain, rootList, pckList, time }: Evidence): Reasons {
  // The quote's own chain counts, whatever the collateral has.
  const isCut = quote.certificationType !== 5 && chain.ofCollateral === 'cut';
  const isBad =
    isCut ||
    chain.length !== 3 ||
    chain.root === 'damaged' ||
    isFlawed(chain.pck, false, 0x80) ||
    isFlawed(chain.ca, true, 0x04);
  const isOld = isOutside(chain.pck.window, time) || isOutside(chain.ca.window, time);
  const isNoList = ({ namesIssuer, isSigned }: ListFacts): boolean => !namesIssuer || !isSigned;
  const flaws = where(
    [isBad, 'bad-certificate-chain'],
    [chain.root !== 'trusted', 'untrusted-root'],
  );
  // What a broken chain's certificates say is not looked at.
  if (flaws.length > 0) return flaws;
  const isNoLister = (chain.ca.usage & 0x02) === 0;
  const lists = where([isNoList(rootList) || isNoList(pckList) || isNoLister, 'crl-invalid']);
  return [
    ...lists,
    ...where(
      [isOld, 'certificate-expired'],
      [isOutside(rootList.window, time) || isOutside(pckList.window, time), 'crl-expired'],
      [rootList.revoked.includes(2) || pckList.revoked.includes(4), 'certificate-revoked'],
    ),
  ];
}

/** The signer of documents, who stands directly under the root. */
function signerFlaws({ chain, rootList, time }: Evidence): Reasons {
  return where(
    [chain.documentsLength !== 2 || isFlawed(chain.signer, false, 0x80), 'bad-certificate-chain'],
    [chain.documentsLength === 1, 'untrusted-root'],
    [isOutside(chain.signer.window, time), 'certificate-expired'],
    [rootList.revoked.includes(3), 'certificate-revoked'],
  );
}

/** The identity of the module's major version; version 0 has a signer, and no levels. */
function identityOf({ tcbInfo }: Evidence, major: number) {
  if (major === 0) return { ...tcbInfo.module, levels: undefined };
  if (major === 1) return tcbInfo.module1;
  return major === 10 ? tcbInfo.module10 : undefined;
}

/** The level with the highest SVN that is not above the one given. */
function reached(levels: readonly IsvLevelFacts[], svn: number): IsvLevelFacts | undefined {
  return levels
    .filter(({ isvSvn }) => isvSvn <= svn)
    .reduce<IsvLevelFacts | undefined>(
      (best, one) => (best !== undefined && best.isvSvn > one.isvSvn ? best : one),
      undefined,
    );
}

function moduleFlaws(evidence: Evidence): Reasons {
  const { svn, mrSigner, seamAttributes } = evidence.quote;
  const identity = identityOf(evidence, svn[1] ?? 0);
  if (identity === undefined) return ['tdx-module-mismatch'];
  const { mask, attributes, levels } = identity;
  return where(
    [identity.mrSigner !== mrSigner, 'tdx-module-mismatch'],
    [(seamAttributes & mask) !== (attributes & mask), 'tdx-module-mismatch'],
    [seamAttributes !== 0, 'tdx-module-mismatch'],
    [levels !== undefined && reached(levels, svn[0] ?? 0) === undefined, 'tcb-not-supported'],
  );
}

function qeIdentityFlaws(evidence: Evidence): Reasons {
  const { qe, qeIdentity, time } = evidence;
  const { miscSelect, miscMask, attributes, attributesMask } = qeIdentity;
  return [
    ...signerFlaws(evidence),
    ...where(
      [!qeIdentity.isRecent, 'qe-identity-invalid'],
      [!qeIdentity.isSigned, 'qe-identity-signature'],
      [isOutside(qeIdentity.window, time), 'qe-identity-expired'],
      [!qeIdentity.isOfTee, 'qe-identity-mismatch'],
      [((qe.miscSelect ^ miscSelect) & miscMask) !== 0, 'qe-identity-mismatch'],
      [((qe.attributes ^ attributes) & attributesMask) !== 0, 'qe-identity-mismatch'],
      [!qe.isIntels, 'qe-identity-mismatch'],
      [!qe.isProduct, 'qe-identity-mismatch'],
      [reached(qeIdentity.levels, qe.isvSvn) === undefined, 'tcb-not-supported'],
    ),
  ];
}

/** Newer before older: by SGX components, then PCESVN, then TDX components. */
function newestFirst({ quote, tcbInfo }: Evidence): readonly LevelFacts[] {
  const digits = ({ sgx, pceSvn, tdx }: LevelFacts): string =>
    [...sgx, pceSvn, ...(quote.format === 'v3' ? [] : tdx)]
      .map((svn) => String(svn).padStart(3, '0'))
      .join();
  return tcbInfo.levels.toSorted((a, b) =>
    digits(a) < digits(b) ? 1 : digits(a) > digits(b) ? -1 : 0,
  );
}

/** A module with an identity of its own is judged by that: its SVN and version do not count here. */
function reaches(svn: readonly number[], tdx: readonly number[]): boolean {
  const counted = (svn[1] ?? 0) > 0 ? 2 : 0;
  return tdx.every((wanted, at) => at < counted || (svn[at] ?? 0) >= wanted);
}

function levelOf(evidence: Evidence): LevelFacts | undefined {
  const { platform, quote } = evidence;
  return newestFirst(evidence).find(
    ({ sgx, pceSvn, tdx }) =>
      sgx.every((wanted, at) => (platform.components[at] ?? 0) >= wanted) &&
      platform.pceSvn >= pceSvn &&
      (quote.format === 'v3' || reaches(quote.svn, tdx)),
  );
}

/** A part that is out of date, or revoked, takes the whole with it. */
function lowered(whole: verify.TcbStatus, part: verify.TcbStatus): verify.TcbStatus {
  if (part === 'Revoked' || whole === 'Revoked') return 'Revoked';
  if (part !== 'OutOfDate') return whole;
  const isConfigured = !whole.includes('Configuration');
  return isConfigured ? 'OutOfDate' : 'OutOfDateConfigurationNeeded';
}

function judgeLevels(evidence: Evidence, isTd: boolean): Judgement {
  const { quote, qe, qeIdentity, tcbInfo } = evidence;
  const platform = levelOf(evidence);
  const enclave = reached(qeIdentity.levels, qe.isvSvn);
  if (platform === undefined || enclave === undefined) throw new Error('reference: no level');
  const identity = isTd ? identityOf(evidence, quote.svn[1] ?? 0) : undefined;
  const module =
    identity?.levels === undefined ? undefined : reached(identity.levels, quote.svn[0] ?? 0);

  const withModule = lowered(platform.status, module?.status ?? 'UpToDate');
  let status = lowered(withModule, enclave.status);
  if (status === 'Revoked') return { step: 'convergence', reasons: ['tcb-revoked'] };
  if (module?.status === 'OutOfDate' && relaunchHelps(evidence)) {
    const without = lowered(platform.status, enclave.status);
    if (!without.startsWith('OutOfDate')) {
      status = without.startsWith('Configuration')
        ? 'TDRelaunchAdvisedConfigurationNeeded'
        : 'TDRelaunchAdvised';
    }
  }
  const reasons = policyFlaws(evidence, status, isTd);
  if (reasons.length > 0) return { step: 'policy', reasons };
  const advisories = new Set([
    'TEST-ALL',
    `TEST-LEVEL-${tcbInfo.levels.indexOf(platform)}`,
    ...(module ? [`TEST-ISV-${module.isvSvn}`] : []),
    `TEST-ISV-${enclave.isvSvn}`,
  ]);
  return { status, advisories: [...advisories].sort() };
}

/** Whether the module that runs since an update under the TD is new enough in all that counts. */
function relaunchHelps(evidence: Evidence): boolean {
  const { format, svn2 } = evidence.quote;
  const [newest] = newestFirst(evidence);
  const [svn = 0, major = 0] = svn2;
  const levels = identityOf(evidence, major)?.levels;
  if (format !== 'v5-1.5' || newest === undefined || levels === undefined) return false;
  return levels.every(({ isvSvn }) => svn >= isvSvn) && reaches(svn2, newest.tdx);
}

/** DEBUG, those of the first byte that make a TD untrusted too, and all that have a meaning. */
const UNTRUSTED = [1, 2, 3, 4, 5, 6, 7];
const DEFINED = [0, 4, 5, 6, 27, 28, 29, 30, 31, 62, 63];

function policyFlaws(evidence: Evidence, status: verify.TcbStatus, isTd: boolean): Reasons {
  const { policy, quote } = evidence;
  const { attributes, svn } = quote;
  const common = where(
    [!(policy.statuses ?? ['UpToDate']).includes(status), 'policy-status'],
    [typeof policy.reportData === 'number', 'policy-report-data'],
  );
  if (!isTd) {
    const isDebug = quote.isDebuggedEnclave && !policy.allowsDebug;
    return [...common, ...where([isDebug, 'policy-debug'])];
  }
  const isTrusted = policy.allowsDebug || !attributes.some((bit) => UNTRUSTED.includes(bit));
  const hasServiceTd = quote.format === 'v5-1.5' && quote.serviceTd !== undefined;
  return [
    ...common,
    ...where(
      [attributes.includes(0) && !policy.allowsDebug, 'policy-debug'],
      [!attributes.every((bit) => DEFINED.includes(bit)), 'policy-attributes'],
      [!isTrusted, 'policy-attributes'],
      [policy.wantsSeptVeDisable && !attributes.includes(28), 'policy-attributes'],
      [policy.measurements.includes('not-listed'), 'policy-measurement'],
      [hasServiceTd && !policy.allowsServiceTd, 'policy-measurement'],
      [policy.leastSvn?.some((least, at) => (svn[at] ?? 0) < least) === true, 'policy-min-svn'],
    ),
  ];
}
