// SPDX-License-Identifier: MIT

/*
 * Sizes, offsets and bits of the structures that a TD, the TDX module and the CPU exchange.
 * Origin: Intel TDX Module 1.5 ABI specification, "TDREPORT_STRUCT" and "TD_PARAMS"; the 239 bytes
 * were checked against a genuine TDREPORT.
 */

/** Bytes of a TDREPORT_STRUCT. Output of TDG.MR.REPORT, which demands this alignment. */
export const TDREPORT_SIZE = 1024;
/** Bytes of REPORTDATA, and the alignment that TDG.MR.REPORT and TDG.MR.RTMR.EXTEND demand. */
export const REPORTDATA_SIZE = 64;
/** Bytes of REPORTMACSTRUCT, and the alignment that TDG.MR.VERIFYREPORT demands. */
export const REPORTMACSTRUCT_SIZE = 256;
/**
 * Bytes of TEE_TCB_INFO that its hash covers. The struct is padded to 256; the padding is not
 * hashed.
 */
export const TEE_TCB_INFO_SIZE = 239;
/** Bytes of TDINFO_STRUCT, all of them hashed. */
export const TDINFO_SIZE = 512;
/** Bytes of a SHA-384 digest: every measurement register. */
export const DIGEST_SIZE = 48;
/** Runtime measurement registers of a TD. */
export const RTMR_COUNT = 4;
/** Bytes that the MAC of a REPORTMACSTRUCT covers. */
export const MACED_SIZE = 224;
/** Value of REPORTTYPE.TYPE for a TD. */
export const REPORT_TYPE_TDX = 0x81;

/** Byte offsets within a TDREPORT_STRUCT. */
export const TDREPORT_OFFSET = {
  reportType: 0,
  cpuSvn: 16,
  teeTcbInfoHash: 32,
  teeInfoHash: 80,
  reportData: 128,
  mac: 224,
  teeTcbInfo: 256,
  reserved: 495,
  tdInfo: 512,
} as const;

/** Byte offsets within a TEE_TCB_INFO. */
export const TEE_TCB_INFO_OFFSET = {
  valid: 0,
  teeTcbSvn: 8,
  mrSeam: 24,
  mrSignerSeam: 72,
  attributes: 120,
  teeTcbSvn2: 128,
} as const;

/** Byte offsets within a TDINFO_STRUCT. */
export const TDINFO_OFFSET = {
  attributes: 0,
  xfam: 8,
  mrTd: 16,
  mrConfigId: 64,
  mrOwner: 112,
  mrOwnerConfig: 160,
  rtmr: 208,
  servtdHash: 400,
} as const;

/** TEE_TCB_INFO.VALID of a TDX 1.0 report: words 0 to 8. */
export const TCB_INFO_VALID_1_0 = 0x1ffn;
/** TEE_TCB_INFO.VALID of a TDX 1.5 report: words 0 to 8, and 16 and 17, which hold TEE_TCB_SVN2. */
export const TCB_INFO_VALID_1_5 = 0x3_01ffn;

/** ATTRIBUTES.DEBUG: the host may read and write the TD. */
export const ATTRIBUTES_DEBUG: bigint = 1n << 0n;
/** ATTRIBUTES.SEPT_VE_DISABLE: a pending page exits to the host and raises no #VE. */
export const ATTRIBUTES_SEPT_VE_DISABLE: bigint = 1n << 28n;
/** ATTRIBUTES.MIGRATABLE. */
export const ATTRIBUTES_MIGRATABLE: bigint = 1n << 29n;
/** ATTRIBUTES.PKS: supervisor protection keys. */
export const ATTRIBUTES_PKS: bigint = 1n << 30n;
/** ATTRIBUTES.PERFMON. */
export const ATTRIBUTES_PERFMON: bigint = 1n << 63n;

/** Bytes of a small page. */
export const PAGE_SIZE = 4096;
/** Bytes of a large page, level 1. */
export const LARGE_PAGE_SIZE: number = 2 * 1024 * 1024;
/** Bytes that one TDH.MR.EXTEND measures. */
export const EXTEND_CHUNK_SIZE = 256;
