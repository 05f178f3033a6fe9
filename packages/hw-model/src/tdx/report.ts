// SPDX-License-Identifier: MIT
import { sha384 } from '@noble/hashes/sha2.js';
import { viewOf } from './bytes.ts';
import {
  DIGEST_SIZE,
  MACED_SIZE,
  REPORT_TYPE_TDX,
  RTMR_COUNT,
  TCB_INFO_VALID_1_0,
  TCB_INFO_VALID_1_5,
  TDINFO_OFFSET,
  TDINFO_SIZE,
  TDREPORT_OFFSET,
  TDREPORT_SIZE,
  TEE_TCB_INFO_OFFSET,
  TEE_TCB_INFO_SIZE,
} from './constants.ts';
import { reportMac, type Platform } from './platform.ts';
import type { Features } from './revisions.ts';
import type { TdParams } from './td-params.ts';

/** The TDX module that runs, as reports name it. */
export interface ModuleIdentity {
  /** TEE_TCB_SVN, 16 bytes: [0] minor SVN, [1] major version, [2] SEAM loader SVN. */
  readonly teeTcbSvn: Uint8Array;
  /** SVN of the module that runs since a TD-preserving update, 16 bytes. TDX 1.5 only. */
  readonly teeTcbSvn2: Uint8Array;
  /** SHA-384 of the module, 48 bytes. */
  readonly mrSeam: Uint8Array;
  /** Signer of the module, 48 bytes: zero for Intel's. */
  readonly mrSignerSeam: Uint8Array;
  /** SEAMATTRIBUTES: zero. */
  readonly attributes: bigint;
}

/** The measurements of a TD as TDINFO_STRUCT holds them, 48 bytes each. */
export interface Measurements {
  readonly mrTd: Uint8Array;
  readonly rtmr: readonly Uint8Array[];
  /** Hash over bound service TDs: zero without any. */
  readonly servtdHash: Uint8Array;
}

/** Lays out TEE_TCB_INFO, 239 bytes. */
export function layOutTeeTcbInfo(
  { teeTcbSvn, teeTcbSvn2, mrSeam, mrSignerSeam, attributes }: ModuleIdentity,
  version: '1.0' | '1.5',
): Uint8Array {
  const info = new Uint8Array(TEE_TCB_INFO_SIZE);
  const at = TEE_TCB_INFO_OFFSET;
  const valid = version === '1.0' ? TCB_INFO_VALID_1_0 : TCB_INFO_VALID_1_5;
  viewOf(info).setBigUint64(at.valid, valid, true);
  info.set(teeTcbSvn, at.teeTcbSvn);
  info.set(mrSeam, at.mrSeam);
  info.set(mrSignerSeam, at.mrSignerSeam);
  viewOf(info).setBigUint64(at.attributes, attributes, true);
  if (version === '1.5') info.set(teeTcbSvn2, at.teeTcbSvn2);
  return info;
}

/** Lays out TDINFO_STRUCT, 512 bytes. */
export function layOutTdInfo(params: TdParams, measurements: Measurements): Uint8Array {
  const info = new Uint8Array(TDINFO_SIZE);
  const at = TDINFO_OFFSET;
  viewOf(info).setBigUint64(at.attributes, params.attributes, true);
  viewOf(info).setBigUint64(at.xfam, params.xfam, true);
  info.set(measurements.mrTd, at.mrTd);
  info.set(params.mrConfigId, at.mrConfigId);
  info.set(params.mrOwner, at.mrOwner);
  info.set(params.mrOwnerConfig, at.mrOwnerConfig);
  for (let index = 0; index < RTMR_COUNT; index += 1) {
    info.set(
      measurements.rtmr[index] ?? new Uint8Array(DIGEST_SIZE),
      at.rtmr + index * DIGEST_SIZE,
    );
  }
  info.set(measurements.servtdHash, at.servtdHash);
  return info;
}

/** SHA-384 over the 239 bytes of TEE_TCB_INFO that the CPU hashes. */
export function teeTcbInfoHash(info: Uint8Array, { hashesPadding }: Features): Uint8Array {
  if (!hashesPadding) return sha384(info);
  const padded = new Uint8Array(256);
  padded.set(info);
  return sha384(padded);
}

/** What all reports of a TD share until a register is extended, the hashes already taken. */
export interface ReportParts {
  readonly teeTcbInfo: Uint8Array;
  readonly teeTcbInfoHash: Uint8Array;
  readonly tdInfo: Uint8Array;
  readonly teeInfoHash: Uint8Array;
}

/**
 * Lays out a TDREPORT_STRUCT whose REPORTDATA and MAC are zero. Mirrors the layout of the Intel
 * TDX Module 1.5 ABI specification.
 */
export function layOutReport({ cpuSvn }: Platform, parts: ReportParts): Uint8Array {
  const report = new Uint8Array(TDREPORT_SIZE);
  const at = TDREPORT_OFFSET;
  report[at.reportType] = REPORT_TYPE_TDX;
  report.set(cpuSvn, at.cpuSvn);
  report.set(parts.teeTcbInfoHash, at.teeTcbInfoHash);
  report.set(parts.teeInfoHash, at.teeInfoHash);
  report.set(parts.teeTcbInfo, at.teeTcbInfo);
  report.set(parts.tdInfo, at.tdInfo);
  return report;
}

/**
 * A copy of such a layout with REPORTDATA, and MACed. Mirrors SEAMOPS[SEAMREPORT], Intel SDM.
 *
 * @param reportData 64 bytes
 */
export function sealReport(
  platform: Platform,
  layout: Uint8Array,
  reportData: Uint8Array,
  { macExcludesReportData }: Features,
): Uint8Array {
  const report = layout.slice();
  const at = TDREPORT_OFFSET;
  report.set(reportData, at.reportData);
  const maced = macExcludesReportData ? layout : report;
  report.set(reportMac(platform, maced.subarray(0, MACED_SIZE)), at.mac);
  return report;
}
