// SPDX-License-Identifier: MIT
import { hmac } from '@noble/hashes/hmac.js';
import { sha256, sha384 } from '@noble/hashes/sha2.js';
import { areEqual, isZero } from './bytes.ts';
import {
  DIGEST_SIZE,
  MACED_SIZE,
  REPORT_TYPE_TDX,
  REPORTMACSTRUCT_SIZE,
  TDINFO_SIZE,
  TDREPORT_OFFSET,
  TDREPORT_SIZE,
  TEE_TCB_INFO_SIZE,
} from './constants.ts';

/** What a CPU package brings to reports. */
export interface Platform {
  /**
   * The key of report MACs, 32 bytes. A real package derives it and never shows it, so a model's
   * MAC never equals a real one. Only `reportMac` and the verifiers below read it.
   */
  readonly reportKey: Uint8Array;
  /** Current CPUSVN, 16 bytes. */
  readonly cpuSvn: Uint8Array;
}

type Hmac = ReturnType<typeof hmac.create>;

/** HMACs that have taken in their key and nothing else: 4 of the 8 hash blocks of a report's MAC. */
const keyed = new WeakMap<Uint8Array, Hmac>();

function keyedHmac(key: Uint8Array): Hmac {
  const known = keyed.get(key);
  if (known !== undefined) return known;
  const fresh = hmac.create(sha256, key);
  keyed.set(key, fresh);
  return fresh;
}

/** HMAC-SHA-256 over bytes 0 to 223 of a REPORTMACSTRUCT, under the platform's key. */
export function reportMac({ reportKey }: Platform, macStruct: Uint8Array): Uint8Array {
  return keyedHmac(reportKey).clone().update(macStruct.subarray(0, MACED_SIZE)).digest();
}

/** Result of ENCLU[EVERIFYREPORT2], and of SEAMVERIFYREPORT. */
export type VerifyReportResult = 'success' | 'invalid-reportmacstruct' | 'invalid-cpusvn';

/**
 * ENCLU[EVERIFYREPORT2]: whether a REPORTMACSTRUCT was made on this platform. Says nothing of the
 * structures whose hashes it holds. Mirrors the Intel SDM, ENCLU leaf 8.
 *
 * CPUSVN is compared component by component, which simplifies the CPU's own order.
 */
export function everifyReport2(platform: Platform, macStruct: Uint8Array): VerifyReportResult {
  if (macStruct.length !== REPORTMACSTRUCT_SIZE) return 'invalid-reportmacstruct';
  if (!isTypeKnown(macStruct) || !isReservedZero(macStruct)) return 'invalid-reportmacstruct';
  if (!isCpuSvnCurrent(platform, macStruct)) return 'invalid-cpusvn';
  const mac = macStruct.subarray(TDREPORT_OFFSET.mac, REPORTMACSTRUCT_SIZE);
  return areEqual(mac, reportMac(platform, macStruct)) ? 'success' : 'invalid-reportmacstruct';
}

/** Why a TDREPORT is not one of this platform: the first reason, in this order. */
export type ReportDefect =
  'length' | 'type' | 'reserved' | 'cpusvn' | 'mac' | 'tcb-info-hash' | 'td-info-hash';

/** Whether a TDREPORT is genuine. */
export type ReportVerdict =
  { readonly ok: true } | { readonly ok: false; readonly reason: ReportDefect };

/**
 * What a quoting enclave does with a TDREPORT: EVERIFYREPORT2, then the two hashes that the CPU
 * leaves to its caller. The 17 bytes between TEE_TCB_INFO and TDINFO_STRUCT are covered by nothing.
 */
export function verifyReport(platform: Platform, report: Uint8Array): ReportVerdict {
  const reason = firstDefect(platform, report);
  return reason === undefined ? { ok: true } : { ok: false, reason };
}

function firstDefect(platform: Platform, report: Uint8Array): ReportDefect | undefined {
  if (report.length !== TDREPORT_SIZE) return 'length';
  const macStruct = report.subarray(0, REPORTMACSTRUCT_SIZE);
  if (!isTypeKnown(macStruct)) return 'type';
  if (!isReservedZero(macStruct)) return 'reserved';
  const verified = everifyReport2(platform, macStruct);
  if (verified === 'invalid-cpusvn') return 'cpusvn';
  if (verified === 'invalid-reportmacstruct') return 'mac';
  const { teeTcbInfo, tdInfo, teeTcbInfoHash, teeInfoHash } = TDREPORT_OFFSET;
  const isHashOf = (at: number, start: number, size: number): boolean =>
    areEqual(report.subarray(at, at + DIGEST_SIZE), sha384(report.subarray(start, start + size)));
  if (!isHashOf(teeTcbInfoHash, teeTcbInfo, TEE_TCB_INFO_SIZE)) return 'tcb-info-hash';
  if (!isHashOf(teeInfoHash, tdInfo, TDINFO_SIZE)) return 'td-info-hash';
  return undefined;
}

/** REPORTTYPE: TDX, no subtype, version 0 or 1 (a service TD is bound), reserved byte 0. */
function isTypeKnown([type, subtype = 0xff, version = 0xff, reserved = 0xff]: Uint8Array): boolean {
  return type === REPORT_TYPE_TDX && subtype === 0 && version <= 1 && reserved === 0;
}

function isReservedZero(macStruct: Uint8Array): boolean {
  return isZero(macStruct.subarray(4, 16)) && isZero(macStruct.subarray(192, MACED_SIZE));
}

function isCpuSvnCurrent({ cpuSvn }: Platform, macStruct: Uint8Array): boolean {
  return cpuSvn.every(
    (current, index) => (macStruct[TDREPORT_OFFSET.cpuSvn + index] ?? 0) <= current,
  );
}
