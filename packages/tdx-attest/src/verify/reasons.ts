// SPDX-License-Identifier: MIT
import type { ParseReason } from '../quote/index.ts';

/**
 * The steps of verification, in the order in which the first failure is reported: the signatures
 * first, then what collateral says, then what the caller wants.
 */
export const STEPS = [
  'parse',
  'pck-chain',
  'pck-extension',
  'qe-report-signature',
  'qe-report-data',
  'quote-signature',
  'tcb-info',
  'tdx-module',
  'qe-identity',
  'tcb-level',
  'convergence',
  'policy',
] as const;

/** A step of verification. */
export type Step = (typeof STEPS)[number];

/** Why a quote is not accepted. */
export type Reason =
  | ParseReason
  | 'unsupported-attestation-key-type'
  | 'unknown-qe-vendor'
  | 'bad-certificate-chain'
  | 'untrusted-root'
  | 'certificate-expired'
  | 'certificate-revoked'
  | 'crl-invalid'
  | 'crl-expired'
  | 'pck-extension-invalid'
  | 'qe-report-signature'
  | 'qe-report-data'
  | 'quote-signature'
  | 'tcb-info-invalid'
  | 'tcb-info-signature'
  | 'tcb-info-expired'
  | 'tcb-info-not-yet-valid'
  | 'tcb-info-mismatch'
  | 'tdx-module-mismatch'
  | 'qe-identity-invalid'
  | 'qe-identity-signature'
  | 'qe-identity-expired'
  | 'qe-identity-mismatch'
  | 'tcb-not-supported'
  | 'tcb-revoked'
  | 'policy-status'
  | 'policy-debug'
  | 'policy-attributes'
  | 'policy-measurement'
  | 'policy-min-svn'
  | 'policy-report-data';

/**
 * The error of Intel's quote verification library that means the same, where it has one. Origin:
 * Intel SGX DCAP, QuoteVerification/QVL, `Status` of SgxEcdsaAttestation/QuoteVerification.h.
 */
export const INTEL_STATUS: Readonly<Record<Reason, string>> = {
  malformed: 'STATUS_UNSUPPORTED_QUOTE_FORMAT',
  'unsupported-version': 'STATUS_UNSUPPORTED_QUOTE_FORMAT',
  'unsupported-tee-type': 'STATUS_UNSUPPORTED_QUOTE_FORMAT',
  'version-tee-mismatch': 'STATUS_UNSUPPORTED_QUOTE_FORMAT',
  'unsupported-certification-data': 'STATUS_UNSUPPORTED_CERT_FORMAT',
  'unsupported-attestation-key-type': 'STATUS_UNSUPPORTED_QUOTE_FORMAT',
  'unknown-qe-vendor': 'STATUS_UNSUPPORTED_QUOTE_FORMAT',
  'bad-certificate-chain': 'STATUS_SGX_PCK_CERT_CHAIN_UNTRUSTED',
  'untrusted-root': 'STATUS_SGX_ROOT_CA_INVALID_ISSUER',
  'certificate-expired': 'STATUS_SGX_PCK_CERT_CHAIN_EXPIRED',
  'certificate-revoked': 'STATUS_SGX_PCK_REVOKED',
  'crl-invalid': 'STATUS_SGX_CRL_INVALID_SIGNATURE',
  'crl-expired': 'STATUS_SGX_CRL_EXPIRED',
  'pck-extension-invalid': 'STATUS_SGX_PCK_INVALID_EXTENSIONS',
  'qe-report-signature': 'STATUS_INVALID_QE_REPORT_SIGNATURE',
  'qe-report-data': 'STATUS_INVALID_QE_REPORT_DATA',
  'quote-signature': 'STATUS_INVALID_QUOTE_SIGNATURE',
  'tcb-info-invalid': 'STATUS_SGX_TCB_INFO_INVALID',
  'tcb-info-signature': 'STATUS_TCB_INFO_INVALID_SIGNATURE',
  'tcb-info-expired': 'STATUS_SGX_TCB_INFO_EXPIRED',
  'tcb-info-not-yet-valid': 'STATUS_SGX_TCB_INFO_EXPIRED',
  'tcb-info-mismatch': 'STATUS_TCB_INFO_MISMATCH',
  'tdx-module-mismatch': 'STATUS_TDX_MODULE_MISMATCH',
  'qe-identity-invalid': 'STATUS_QE_IDENTITY_INVALID',
  'qe-identity-signature': 'STATUS_SGX_ENCLAVE_IDENTITY_INVALID_SIGNATURE',
  'qe-identity-expired': 'STATUS_SGX_ENCLAVE_IDENTITY_EXPIRED',
  'qe-identity-mismatch': 'STATUS_QE_IDENTITY_MISMATCH',
  'tcb-not-supported': 'STATUS_TCB_NOT_SUPPORTED',
  'tcb-revoked': 'STATUS_TCB_REVOKED',
  'policy-status': 'none: the caller’s policy',
  'policy-debug': 'none: the caller’s policy',
  'policy-attributes': 'none: the caller’s policy',
  'policy-measurement': 'none: the caller’s policy',
  'policy-min-svn': 'none: the caller’s policy',
  'policy-report-data': 'none: the caller’s policy',
};

function isReason(name: string): name is Reason {
  return Object.hasOwn(INTEL_STATUS, name);
}

/** Every reason. */
export const REASONS: readonly Reason[] = Object.keys(INTEL_STATUS).filter(isReason);

/** A quote that is not accepted: why, at which step, and what exactly. */
export interface Failure {
  readonly ok: false;
  readonly reason: Reason;
  readonly step: Step;
  /** For people. */
  readonly detail: string;
}

/** Something, or why not; the step is known to the caller. */
export type Checked<Value> =
  | { readonly ok: true; readonly value: Value }
  | { readonly ok: false; readonly reason: Reason; readonly detail: string };

/** A value that stands. */
export function good<Value>(value: Value): Checked<Value> {
  return { ok: true, value };
}

/** Why there is no value. */
export function bad(
  reason: Reason,
  detail: string,
): { readonly ok: false; readonly reason: Reason; readonly detail: string } {
  return { ok: false, reason, detail };
}
