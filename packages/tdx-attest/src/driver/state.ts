// SPDX-License-Identifier: MIT
import type { TdState } from '@kernel-models/hw-model/tdx';

/**
 * The driver and what lies below it. Byte strings are shared between states and never written.
 */
export interface DriverState {
  /** X86_FEATURE_TDX_GUEST. */
  readonly tdxGuest: boolean;
  /** Somebody else has a misc device of the driver's name. */
  readonly nameTaken: boolean;
  /** The TD that the kernel runs in. */
  readonly td: TdState;
  /** What TDCALLs of the driver answer: 0 means that the TDX module does them. */
  readonly tdcallStatus: bigint;
  readonly loaded: boolean;
  /** The posting's static pointer to its only device. */
  readonly pdev: boolean;
  /** The platform device is bound to the driver. */
  readonly bound: boolean;
  /** The device node is there. */
  readonly node: boolean;
  /** The static buffer of reports, since Linux 6.16, while the driver is loaded. */
  readonly reportBuffer: Uint8Array | null;
}
