// SPDX-License-Identifier: MIT
import { ATTRIBUTES_DEBUG, ATTRIBUTES_SEPT_VE_DISABLE } from '@kernel-models/hw-model/tdx';
import { areEqual, isZero } from '../bytes.ts';
import type { EnclaveReport, TdBody } from '../quote/index.ts';
import { bad, good, type Checked } from './reasons.ts';
import type { TcbStatus } from './tcb-status.ts';
import type { Variant } from './variant.ts';

/**
 * What the caller demands of a genuine quote. An absent demand is none, save where a default is
 * named.
 */
export interface Policy {
  /** Statuses that are good enough. Absent: UpToDate alone. */
  readonly statuses?: readonly TcbStatus[];
  /** A TD that its host may debug is taken. Absent: not. */
  readonly allowDebug?: boolean;
  /** SEPT_VE_DISABLE must be set. */
  readonly requireSeptVeDisable?: boolean;
  /** Measurements, any of which is taken; 48 bytes each. */
  readonly mrTd?: readonly Uint8Array[];
  readonly mrConfigId?: readonly Uint8Array[];
  readonly mrOwner?: readonly Uint8Array[];
  readonly mrOwnerConfig?: readonly Uint8Array[];
  /** By index, 0 to 3. */
  readonly rtmr?: Readonly<Partial<Record<0 | 1 | 2 | 3, readonly Uint8Array[]>>>;
  /** TEE_TCB_SVN, component by component; 16 bytes. */
  readonly minTeeTcbSvn?: Uint8Array;
  /** 64 bytes. */
  readonly reportData?: Uint8Array;
  /** A TD with a bound service TD is taken. Absent: not. */
  readonly allowServiceTd?: boolean;
}

/** TD attributes that are defined. Origin: Intel TDX Module ABI specification, ATTRIBUTES. */
const KNOWN_ATTRIBUTES = 0x1n | (0x7n << 4n) | (0x1fn << 27n) | (1n << 62n) | (1n << 63n);
/** TUD: any bit but DEBUG makes a TD untrusted, too. */
const UNTRUSTED = 0xfen;
/** SGX ATTRIBUTES.DEBUG. */
const ENCLAVE_DEBUG = 0x02;

/** Whether a genuine quote is what the caller wants: the first demand that is not met. */
export function checkPolicy(
  body: TdBody | EnclaveReport,
  status: TcbStatus,
  policy: Policy,
  variant: Variant,
): Checked<null> {
  const { statuses = ['UpToDate'], reportData } = policy;
  if (!statuses.includes(status)) return bad('policy-status', `status ${status}`);
  const particular =
    body.kind === 'td' ? checkTd(body, policy, variant) : checkEnclave(body, policy, variant);
  if (!particular.ok) return particular;
  if (reportData !== undefined && !areEqual(body.reportData, reportData)) {
    return bad('policy-report-data', 'REPORTDATA');
  }
  const serviceTd = body.kind === 'td' ? body.mrServiceTd : undefined;
  if (serviceTd !== undefined && !isZero(serviceTd) && policy.allowServiceTd !== true) {
    return bad('policy-measurement', 'MRSERVICETD: a service TD is bound');
  }
  return good(null);
}

function checkTd(body: TdBody, policy: Policy, variant: Variant): Checked<null> {
  const { tdAttributes } = body;
  const debugMatters = policy.allowDebug !== true && !variant.skipsDebug;
  if ((tdAttributes & ATTRIBUTES_DEBUG) !== 0n && debugMatters) return bad('policy-debug', 'DEBUG');
  if ((tdAttributes & ~KNOWN_ATTRIBUTES) !== 0n) {
    return bad('policy-attributes', 'a reserved bit of TDATTRIBUTES');
  }
  if ((tdAttributes & UNTRUSTED) !== 0n && debugMatters) {
    return bad('policy-attributes', 'a bit of TDATTRIBUTES that makes a TD untrusted');
  }
  if (policy.requireSeptVeDisable === true && (tdAttributes & ATTRIBUTES_SEPT_VE_DISABLE) === 0n) {
    return bad('policy-attributes', 'SEPT_VE_DISABLE');
  }
  for (const [name, value, allowed] of measurements(body, policy)) {
    if (allowed !== undefined && !allowed.some((one) => areEqual(one, value))) {
      return bad('policy-measurement', name);
    }
  }
  const tooOld = policy.minTeeTcbSvn?.findIndex((svn, index) => (body.teeTcbSvn[index] ?? 0) < svn);
  return tooOld === undefined || tooOld < 0
    ? good(null)
    : bad('policy-min-svn', `TEE_TCB_SVN[${tooOld}]`);
}

function measurements(
  { mrTd, rtmr, mrConfigId, mrOwner, mrOwnerConfig }: TdBody,
  policy: Policy,
): readonly (readonly [string, Uint8Array, readonly Uint8Array[] | undefined])[] {
  return [
    ['MRTD', mrTd, policy.mrTd],
    ['RTMR0', rtmr[0], policy.rtmr?.[0]],
    ['RTMR1', rtmr[1], policy.rtmr?.[1]],
    ['RTMR2', rtmr[2], policy.rtmr?.[2]],
    ['RTMR3', rtmr[3], policy.rtmr?.[3]],
    ['MRCONFIGID', mrConfigId, policy.mrConfigId],
    ['MROWNER', mrOwner, policy.mrOwner],
    ['MROWNERCONFIG', mrOwnerConfig, policy.mrOwnerConfig],
  ];
}

function checkEnclave(body: EnclaveReport, policy: Policy, variant: Variant): Checked<null> {
  const debug = ((body.attributes[0] ?? 0) & ENCLAVE_DEBUG) !== 0;
  if (debug && policy.allowDebug !== true && !variant.skipsDebug)
    return bad('policy-debug', 'DEBUG');
  return good(null);
}
