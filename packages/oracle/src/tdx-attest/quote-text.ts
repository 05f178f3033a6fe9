// SPDX-License-Identifier: MIT
import { TDREPORT_SIZE } from '@kernel-models/hw-model/tdx';
import type { quote, verify } from '@kernel-models/tdx-attest';

/** A quote's fields, name and value, in their order. */
export type QuoteFields = readonly (readonly [name: string, value: string])[];

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');
const hex64 = (value: bigint): string => `0x${value.toString(16).padStart(16, '0')}`;

/** The fields of a quote. */
export function quoteFields(one: quote.Quote): QuoteFields {
  return [
    ['version', String(one.version)],
    ['attestation key type', String(one.attestationKeyType)],
    ['TEE type', one.teeType === 0 ? 'SGX' : 'TDX'],
    ['QE vendor', hex(one.qeVendorId)],
    ['user data', hex(one.userData)],
    ...(one.body.kind === 'td' ? tdFields(one.body) : enclaveFields(one.body)),
    ['QE MRSIGNER', hex(one.qeReport.mrSigner)],
    ['QE ISVSVN', String(one.qeReport.isvSvn)],
    ['QE auth data', `${one.qeAuthData.length} bytes`],
    ['certification data', `type ${one.certificationType}, ${one.certificationData.length} bytes`],
    ['signed', `${one.signedRange.length} bytes`],
    ['padding', `${one.trailingSize} bytes`],
  ];
}

function tdFields(body: quote.TdBody): QuoteFields {
  const { teeTcbSvn2, mrServiceTd } = body;
  return [
    ['TEE_TCB_SVN', hex(body.teeTcbSvn)],
    ['MRSEAM', hex(body.mrSeam)],
    ['MRSIGNERSEAM', hex(body.mrSignerSeam)],
    ['SEAMATTRIBUTES', hex64(body.seamAttributes)],
    ['TDATTRIBUTES', hex64(body.tdAttributes)],
    ['XFAM', hex64(body.xfam)],
    ['MRTD', hex(body.mrTd)],
    ['MRCONFIGID', hex(body.mrConfigId)],
    ['MROWNER', hex(body.mrOwner)],
    ['MROWNERCONFIG', hex(body.mrOwnerConfig)],
    ...body.rtmr.map((value, index) => [`RTMR${index}`, hex(value)] as const),
    ['REPORTDATA', hex(body.reportData)],
    ...(teeTcbSvn2 === undefined ? [] : [['TEE_TCB_SVN2', hex(teeTcbSvn2)] as const]),
    ...(mrServiceTd === undefined ? [] : [['MRSERVICETD', hex(mrServiceTd)] as const]),
  ];
}

function enclaveFields(body: quote.EnclaveReport): QuoteFields {
  return [
    ['CPUSVN', hex(body.cpuSvn)],
    ['ATTRIBUTES', hex(body.attributes)],
    ['MRENCLAVE', hex(body.mrEnclave)],
    ['MRSIGNER', hex(body.mrSigner)],
    ['ISVPRODID', String(body.isvProdId)],
    ['ISVSVN', String(body.isvSvn)],
    ['REPORTDATA', hex(body.reportData)],
  ];
}

/** Fields as lines, the values in one column. */
export function fieldLines(fields: QuoteFields): string {
  const width = Math.max(...fields.map(([name]) => name.length));
  return fields.map(([name, value]) => `${name.padEnd(width)}  ${value}\n`).join('');
}

/** A verdict in one or two lines: what was decided, and at which step. */
export function verdictLines(verdict: verify.Verdict, steps: readonly verify.Step[]): string {
  if (!verdict.ok) {
    const { reason, step, detail } = verdict;
    const passed = steps.slice(0, steps.indexOf(step));
    const before = passed.length === 0 ? '' : `passed before: ${passed.join(', ')}\n`;
    return `refused at ${step}: ${reason} (${detail})\n${before}`;
  }
  const { status, advisories, pck } = verdict;
  const advised = advisories.length === 0 ? '' : `, ${advisories.join(', ')}`;
  const platform = `FMSPC ${hex(pck.fmspc)}, PCESVN ${pck.pceSvn}`;
  return `accepted at ${steps.at(-1)}: ${status}${advised}\n${platform}\n`;
}

/** Whether a file is a bare TDREPORT, which people take for a quote. */
export function looksLikeTdReport(bytes: Uint8Array): boolean {
  return bytes.length === TDREPORT_SIZE && bytes[0] === 0x81;
}
