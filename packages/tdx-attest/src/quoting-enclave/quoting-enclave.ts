// SPDX-License-Identifier: MIT
import { sha256 } from '@noble/hashes/sha2.js';
import { bytesToHex, concatBytes } from '@noble/hashes/utils.js';
import {
  TDINFO_OFFSET,
  TDREPORT_OFFSET,
  TEE_TCB_INFO_OFFSET,
  verifyReport,
  type Platform,
  type ReportDefect,
} from '@kernel-models/hw-model/tdx';
import { asciiBytes, viewOf } from '../bytes.ts';
import { signingKeyOf } from '../crypto/signing-key.ts';
import {
  CERTIFICATION_TYPE,
  ENCLAVE_REPORT_OFFSET,
  ENCLAVE_REPORT_SIZE,
  serialiseQuote,
  signedRange,
  type AuthData,
  type QuoteContent,
} from '../quote/index.ts';
import {
  QE_ATTRIBUTES,
  QE_ISVPRODID,
  TEST_QE_ISVSVN,
  TEST_QE_SIGNER,
} from '../test-pki/documents.ts';
import type { TestPki } from '../test-pki/test-pki.ts';

/** Which kind of quote over a TD is asked for: version 5 has the bodies of TDX 1.0 and 1.5. */
export type TdQuoteFormat = 'v4' | 'v5-1.0' | 'v5-1.5';

/** A quote, or why the report is not one of this platform. */
export type QuoteResult =
  | { readonly ok: true; readonly quote: Uint8Array }
  | { readonly ok: false; readonly reason: ReportDefect };

/**
 * The quoting enclave of one platform, with TEST keys: it takes TDREPORTs of its own platform
 * alone and signs what they say.
 */
export interface QuotingEnclave {
  /** A quote over a TDREPORT. */
  quoteTd(report: Uint8Array, format?: TdQuoteFormat): QuoteResult;
  /** A quote of version 3 over an SGX enclave's report, which is taken as it is. */
  quoteEnclave(report: Uint8Array): Uint8Array;
  /** A quote over any content, with nothing checked: what a broken enclave could issue. */
  certify(content: QuoteContent): Uint8Array;
}

/** The 32 bytes that Intel's enclaves hash with their key, by habit. */
const QE_AUTH_DATA = Uint8Array.from({ length: 32 }, (_, index) => index);

/** A quoting enclave that a TEST hierarchy has certified. */
export function createQuotingEnclave(pki: TestPki, platform: Platform): QuotingEnclave {
  const attestationKey = signingKeyOf(`TEST attestation key of ${bytesToHex(pki.pckKey.point)}`);
  const qeReports = { sgx: certified('sgx'), tdx: certified('tdx') };
  function certified(tee: 'sgx' | 'tdx'): Pick<AuthData, 'qeReport' | 'qeReportSignature'> {
    const qeReport = reportOfEnclave(tee, attestationKey.point, platform);
    return { qeReport, qeReportSignature: pki.pckKey.sign(qeReport) };
  }
  const certify = (content: QuoteContent): Uint8Array => {
    const signed = signedRange(content);
    return serialiseQuote(signed, content.version, {
      ...qeReports[content.teeType],
      signature: attestationKey.sign(signed),
      attestationKey: attestationKey.point,
      qeAuthData: QE_AUTH_DATA,
      certificationType: CERTIFICATION_TYPE.pckChain,
      // Quoting libraries end the chain with a NUL.
      certificationData: asciiBytes(`${pki.pckChain}\0`),
    });
  };
  return {
    quoteTd: (report, format = 'v4') => {
      const verdict = verifyReport(platform, report);
      if (!verdict.ok) return verdict;
      const body = tdBody(report, format === 'v5-1.5');
      const version = format === 'v4' ? 4 : 5;
      return { ok: true, quote: certify({ version, teeType: 'tdx', body }) };
    },
    certify,
    quoteEnclave: (report) => certify({ version: 3, teeType: 'sgx', body: report }),
  };
}

/** The body of a quote, from the parts of a TDREPORT that the hashes cover. */
function tdBody(report: Uint8Array, tdx15: boolean): Uint8Array {
  const tcb = (offset: number, size: number): Uint8Array =>
    part(TDREPORT_OFFSET.teeTcbInfo + offset, size);
  const td = (offset: number, size: number): Uint8Array =>
    part(TDREPORT_OFFSET.tdInfo + offset, size);
  function part(offset: number, size: number): Uint8Array {
    return report.subarray(offset, offset + size);
  }
  const base = concatBytes(
    tcb(TEE_TCB_INFO_OFFSET.teeTcbSvn, 16),
    tcb(TEE_TCB_INFO_OFFSET.mrSeam, 48),
    tcb(TEE_TCB_INFO_OFFSET.mrSignerSeam, 48),
    tcb(TEE_TCB_INFO_OFFSET.attributes, 8),
    td(TDINFO_OFFSET.attributes, 8),
    td(TDINFO_OFFSET.xfam, 8),
    td(TDINFO_OFFSET.mrTd, 4 * 48),
    td(TDINFO_OFFSET.rtmr, 4 * 48),
    part(TDREPORT_OFFSET.reportData, 64),
  );
  if (!tdx15) return base;
  return concatBytes(
    base,
    tcb(TEE_TCB_INFO_OFFSET.teeTcbSvn2, 16),
    td(TDINFO_OFFSET.servtdHash, 48),
  );
}

/** The quoting enclave's own report, which binds its key. */
function reportOfEnclave(tee: 'sgx' | 'tdx', key: Uint8Array, { cpuSvn }: Platform): Uint8Array {
  const report = new Uint8Array(ENCLAVE_REPORT_SIZE);
  const at = ENCLAVE_REPORT_OFFSET;
  report.set(cpuSvn, at.cpuSvn);
  report[at.attributes] = QE_ATTRIBUTES;
  report.set(sha256(asciiBytes(`TEST ${tee} quoting enclave`)), at.mrEnclave);
  report.set(TEST_QE_SIGNER, at.mrSigner);
  viewOf(report).setUint16(at.isvProdId, QE_ISVPRODID[tee], true);
  viewOf(report).setUint16(at.isvSvn, TEST_QE_ISVSVN, true);
  report.set(sha256(concatBytes(key, QE_AUTH_DATA)), at.reportData);
  return report;
}
