// SPDX-License-Identifier: MIT
import {
  ATTRIBUTES_DEBUG,
  ATTRIBUTES_MIGRATABLE,
  ATTRIBUTES_PERFMON,
  ATTRIBUTES_PKS,
  ATTRIBUTES_SEPT_VE_DISABLE,
} from './constants.ts';

/** What the host fixes when it makes a TD: TD_PARAMS of TDH.MNG.INIT. */
export interface TdParams {
  /** 64 bits. */
  readonly attributes: bigint;
  /** 64 bits, in the layout of XCR0 | IA32_XSS. */
  readonly xfam: bigint;
  /** Guest physical address width. */
  readonly gpaw: 48 | 52;
  /** CONFIG_FLAGS.NO_RBP_MOD: TDG.VP.VMCALL may not expose RBP. */
  readonly noRbpMod: boolean;
  /** 48 bytes each, free for the owner. */
  readonly mrConfigId: Uint8Array;
  readonly mrOwner: Uint8Array;
  readonly mrOwnerConfig: Uint8Array;
}

/** ATTRIBUTES bits that the 1.5.01 module lets a TD have. */
const SUPPORTED_ATTRIBUTES =
  ATTRIBUTES_DEBUG |
  ATTRIBUTES_SEPT_VE_DISABLE |
  ATTRIBUTES_MIGRATABLE |
  ATTRIBUTES_PKS |
  ATTRIBUTES_PERFMON;

/**
 * Whether a TD may have these ATTRIBUTES: only supported bits, and MIGRATABLE without DEBUG,
 * PERFMON.
 */
export function areAttributesValid(attributes: bigint): boolean {
  if ((attributes & ~SUPPORTED_ATTRIBUTES) !== 0n) return false;
  const migratable = (attributes & ATTRIBUTES_MIGRATABLE) !== 0n;
  return !migratable || (attributes & (ATTRIBUTES_DEBUG | ATTRIBUTES_PERFMON)) === 0n;
}

/** x87 and SSE: always there. */
const XFAM_FIXED1 = 0x3n;
const XFAM_AVX = 1n << 2n;
const XFAM_AVX512 = 0x7n << 5n;
const XFAM_CET = 0x3n << 11n;
const XFAM_AMX = 0x3n << 17n;
/**
 * What a current platform can save: the fixed bits, AVX, AVX-512, PT, PKRU, CET, UINTR, LBR, AMX.
 */
const SUPPORTED_XFAM =
  XFAM_FIXED1 | XFAM_AVX | XFAM_AVX512 | XFAM_CET | XFAM_AMX | 0x100n | 0x200n | 0x4000n | 0x8000n;

/** Whether a TD may have this XFAM: the fixed bits set, and each family of bits whole or absent. */
export function isXfamValid(xfam: bigint): boolean {
  if ((xfam & XFAM_FIXED1) !== XFAM_FIXED1 || (xfam & ~SUPPORTED_XFAM) !== 0n) return false;
  const whole = (family: bigint): boolean => (xfam & family) === 0n || (xfam & family) === family;
  if (!whole(XFAM_AVX512) || !whole(XFAM_CET) || !whole(XFAM_AMX)) return false;
  return (xfam & XFAM_AVX512) === 0n || (xfam & XFAM_AVX) !== 0n;
}
