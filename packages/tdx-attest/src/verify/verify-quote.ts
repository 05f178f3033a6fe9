// SPDX-License-Identifier: MIT
import { sha256 } from '@noble/hashes/sha2.js';
import { areEqual, isZero } from '../bytes.ts';
import {
  ATTESTATION_KEY_ECDSA_P256,
  INTEL_QE_VENDOR_ID,
  parseQuote,
  TEE_TYPE_TDX,
  type EnclaveReport,
  type Quote,
  type TdBody,
} from '../quote/index.ts';
import type { PckExtension } from '../x509/pck-extension.ts';
import { checkDates, checkRevocation, type ChainContext } from './chain.ts';
import type { Collateral, OpenedCollateral, Signed } from './collateral.ts';
import { checkPckChain, pckPem, type PckChain } from './pck-chain.ts';
import { checkPolicy, type Policy } from './policy.ts';
import { checkEnclave, levelOf, type QeIdentity } from './qe-identity.ts';
import { bad, good, type Checked, type Failure, type Reason, type Step } from './reasons.ts';
import type { IsvLevel, TcbInfo } from './tcb-info.ts';
import { moduleLevel, platformLevel, wouldRelaunchHelp } from './tcb-level.ts';
import { converge, type TcbStatus } from './tcb-status.ts';

/*
 * The steps of verification. Mirrors sgx_ql_verify_quote and tdx_qv_verify_quote of Intel SGX
 * DCAP; the order in which failures are reported is this package's: signatures, collateral, policy.
 */

/** A quote that is genuine and wanted. */
export interface Accepted {
  readonly ok: true;
  readonly status: TcbStatus;
  /** Advisories of the levels that were found, each once. */
  readonly advisories: readonly string[];
  readonly body: TdBody | EnclaveReport;
  /** What the PCK certificate says of the platform. */
  readonly pck: PckExtension;
  /** Bytes behind the quote, which mean nothing. */
  readonly trailingSize: number;
}

/** What became of a quote. */
export type Verdict = Accepted | Failure;

/** Everything that a verdict depends on beside the quote. */
export interface VerificationContext {
  readonly context: ChainContext;
  readonly opened: OpenedCollateral;
  readonly openChain: (pem: Uint8Array, collateral: Collateral) => Checked<PckChain>;
  /** Seconds since 1970. */
  readonly time: number;
  readonly policy: Policy;
}

/** Verifies a quote. Never throws. */
export function verifyQuote(bytes: Uint8Array, by: VerificationContext): Verdict {
  const { context, opened, time, policy } = by;
  const { variant } = context;

  const parsed = readQuote(bytes, by);
  if (!parsed.ok) return failed('parse', parsed);
  const { quote, pem } = parsed.value;

  const chain = by.openChain(pem, opened.collateral);
  if (!chain.ok) return failed('pck-chain', chain);
  const valid = checkPckChain(chain.value, time, variant);
  if (!valid.ok) return failed('pck-chain', valid);
  const { extension: pck, key: pckKey } = chain.value;
  if (pck === undefined) {
    return failed('pck-extension', bad('pck-extension-invalid', 'the SGX extension'));
  }

  if (!pckKey.verify(quote.qeReport.bytes, quote.qeReportSignature)) {
    return failed('qe-report-signature', bad('qe-report-signature', 'not made by the PCK key'));
  }
  if (!variant.skipsQeReportData && !bindsAttestationKey(quote)) {
    return failed('qe-report-data', bad('qe-report-data', 'another key, or other auth data'));
  }
  const attestationKey = context.backend.importKey(quote.attestationKey);
  if (attestationKey?.verify(quote.signedRange, quote.signature) !== true) {
    return failed('quote-signature', bad('quote-signature', 'not made by the attestation key'));
  }

  const info = currentTcbInfo(opened.tcbInfo, quote, pck, by, chain.value);
  if (!info.ok) return failed('tcb-info', info);
  const { body } = quote;
  const td = body.kind === 'td' ? body : undefined;
  const moduleFound = td === undefined ? undefined : moduleLevel(td, info.value);
  if (moduleFound?.ok === false) return failed('tdx-module', moduleFound);
  const qe = qeLevel(opened.qeIdentity, quote, by, chain.value);
  if (!qe.ok) return failed('qe-identity', qe);
  const platform = platformLevel(info.value, pck, td, variant);
  if (!platform.ok) return failed('tcb-level', platform);

  const levels = [
    platform.value,
    ...(moduleFound === undefined ? [] : [moduleFound.value]),
    qe.value,
  ];
  const status = convergedStatus(levels.map((level) => level.status));
  if (status === 'Revoked') {
    return failed('convergence', bad('tcb-revoked', 'the platform, its module or its enclave'));
  }
  const advised =
    td !== undefined &&
    moduleFound?.value.status === 'OutOfDate' &&
    wouldRelaunchHelp(td, info.value, variant)
      ? relaunched(platform.value.status, qe.value.status, status)
      : status;

  const wanted = checkPolicy(body, advised, policy, variant);
  if (!wanted.ok) return failed('policy', wanted);
  const advisories = [...new Set(levels.flatMap((level) => level.advisories))];
  return { ok: true, status: advised, advisories, body, pck, trailingSize: quote.trailingSize };
}

function failed(
  step: Step,
  { reason, detail }: { readonly reason: Reason; readonly detail: string },
): Failure {
  return { ok: false, reason, step, detail };
}

/** Step 1: a quote of a kind that is understood, with a chain to verify it by. */
function readQuote(
  bytes: Uint8Array,
  { context: { variant }, opened }: VerificationContext,
): Checked<{ readonly quote: Quote; readonly pem: Uint8Array }> {
  const parsed = parseQuote(bytes, { rejectsTrailingBytes: variant.rejectsTrailingBytes });
  if (!parsed.ok) return parsed;
  const { quote } = parsed;
  if (quote.attestationKeyType !== ATTESTATION_KEY_ECDSA_P256) {
    return bad('unsupported-attestation-key-type', `expected 2, got ${quote.attestationKeyType}`);
  }
  if (quote.version !== 3 && quote.teeType !== TEE_TYPE_TDX) {
    return bad('unsupported-tee-type', `an SGX quote of version ${quote.version}`);
  }
  if (!areEqual(quote.qeVendorId, INTEL_QE_VENDOR_ID)) {
    return bad('unknown-qe-vendor', 'not Intel’s quoting enclave');
  }
  const pem = pckPem(quote, opened.collateral);
  return pem === undefined
    ? bad('unsupported-certification-data', `inner type ${quote.certificationType}, and no chain`)
    : good({ quote, pem });
}

/**
 * Step 7: the quoting enclave's report is over the attestation key: SHA-256, then 32 zero bytes.
 */
function bindsAttestationKey({ qeReport, attestationKey, qeAuthData }: Quote): boolean {
  const { reportData } = qeReport;
  const hash = sha256.create().update(attestationKey).update(qeAuthData).digest();
  return areEqual(reportData.subarray(0, 32), hash) && isZero(reportData.subarray(32));
}

/** Step 4: the TCB info is the current one of this platform. */
function currentTcbInfo(
  signed: Checked<Signed<TcbInfo>>,
  quote: Quote,
  { fmspc, pceId }: PckExtension,
  by: VerificationContext,
  pckChain: PckChain,
): Checked<TcbInfo> {
  if (!signed.ok) return signed;
  const { document, chain } = signed.value;
  const issued = checkSigner(chain, by, pckChain);
  if (!issued.ok) return issued;
  if (!by.context.variant.skipsDates) {
    if (by.time < document.issueDate) return bad('tcb-info-not-yet-valid', 'issueDate');
    if (by.time > document.nextUpdate) return bad('tcb-info-expired', 'nextUpdate');
  }
  const id = quote.teeType === TEE_TYPE_TDX ? 'TDX' : 'SGX';
  if (document.id !== id) return bad('tcb-info-mismatch', `id: expected ${id}, got ${document.id}`);
  if (!areEqual(document.fmspc, fmspc)) return bad('tcb-info-mismatch', 'FMSPC');
  return areEqual(document.pceId, pceId) ? good(document) : bad('tcb-info-mismatch', 'PCE-ID');
}

/** Step 8: the quoting enclave is the known one; its level. */
function qeLevel(
  signed: Checked<Signed<QeIdentity>>,
  quote: Quote,
  by: VerificationContext,
  pckChain: PckChain,
): Checked<IsvLevel> {
  if (!signed.ok) return signed;
  const { document, chain } = signed.value;
  const issued = checkSigner(chain, by, pckChain);
  if (!issued.ok) return issued;
  const { time } = by;
  if (!by.context.variant.skipsDates && (time < document.issueDate || time > document.nextUpdate)) {
    return bad('qe-identity-expired', 'issueDate, nextUpdate');
  }
  const id = quote.teeType === TEE_TYPE_TDX ? 'TD_QE' : 'QE';
  if (document.id !== id)
    return bad('qe-identity-mismatch', `id: expected ${id}, got ${document.id}`);
  const known = checkEnclave(quote.qeReport, document);
  if (!known.ok) return known;
  const level = levelOf(document.levels, quote.qeReport.isvSvn);
  return level === undefined
    ? bad('tcb-not-supported', `quoting enclave SVN ${quote.qeReport.isvSvn}`)
    : good(level);
}

/** The certificates behind a document are valid now, and the signing one is not revoked. */
function checkSigner(
  chain: Signed<unknown>['chain'],
  { time, context: { variant } }: VerificationContext,
  { rootCrl }: PckChain,
): Checked<null> {
  const dates = checkDates(chain, time, variant);
  if (!dates.ok || variant.skipsCrl) return dates;
  return rootCrl.ok ? checkRevocation(rootCrl.value, chain.leaf, time, variant) : rootCrl;
}

/** Step 11: the platform's status, lowered by those of its parts. */
function convergedStatus([platform = 'UpToDate', ...parts]: readonly TcbStatus[]): TcbStatus {
  return parts.reduce(converge, platform);
}

/** The status where only a relaunch is missing: of a platform and an enclave that are not old. */
function relaunched(platform: TcbStatus, qe: TcbStatus, status: TcbStatus): TcbStatus {
  switch (converge(platform, qe)) {
    case 'UpToDate':
    case 'SWHardeningNeeded':
      return 'TDRelaunchAdvised';
    case 'ConfigurationNeeded':
    case 'ConfigurationAndSWHardeningNeeded':
      return 'TDRelaunchAdvisedConfigurationNeeded';
    default:
      return status;
  }
}
