// SPDX-License-Identifier: MIT
import type { Errno } from '@kernel-models/model-core';
import { report, TDX_STATUS, type TdState } from '@kernel-models/hw-model/tdx';
import type { Features } from '../revisions.ts';
import type { DriverState } from './state.ts';

/** What came of a TDCALL that asks for a report. */
export type ReportResult =
  | { readonly kind: 'report'; readonly td: TdState; readonly report: Uint8Array }
  | { readonly kind: 'error'; readonly errno: Errno; readonly status: bigint }
  /** The status was masked to 0: the caller takes what is in its memory for a report. */
  | { readonly kind: 'masked' };

/**
 * TDG.MR.REPORT for a REPORTDATA of 64 bytes, and how the kernel reads its status.
 *
 * Mirrors tdx_mcall_tdreport() of the posting and tdx_mcall_get_report0(),
 * arch/x86/coco/tdx/tdx.c: the errnos EINVAL of Linux 6.2 and ENXIO, EBUSY of 6.16 for invalid and
 * busy operands. The kernel's own addresses pass every check of the module.
 */
export function mcallGetReport0(
  { td, tdcallStatus }: DriverState,
  reportData: Uint8Array,
  features: Features,
): ReportResult {
  if (tdcallStatus === 0n) return { kind: 'report', ...report(td, reportData) };
  if (!features.masksStatus) {
    return { kind: 'error', errno: tdcallErrno(tdcallStatus, features), status: tdcallStatus };
  }
  const masked = tdcallStatus & 0xffff_ffff_0000_0000n;
  return masked === 0n
    ? { kind: 'masked' }
    : { kind: 'error', errno: tdcallErrno(masked, features), status: masked };
}

/** The errno of a TDCALL status: its class counts, not its details; a warning is an error, too. */
export function tdcallErrno(status: bigint, { tdcallErrno: scheme }: Features): Errno {
  const statusClass = status >> 32n;
  if (scheme === 'EINVAL-EIO' && statusClass === INVALID) return 'EINVAL';
  if (scheme === 'ENXIO-EBUSY-EIO' && statusClass === INVALID) return 'ENXIO';
  if (scheme === 'ENXIO-EBUSY-EIO' && statusClass === BUSY) return 'EBUSY';
  return 'EIO';
}

const INVALID = TDX_STATUS.TDX_OPERAND_INVALID >> 32n;
const BUSY = TDX_STATUS.TDX_OPERAND_BUSY >> 32n;
