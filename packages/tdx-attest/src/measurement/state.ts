// SPDX-License-Identifier: MIT
import type { Errno, Step } from '@kernel-models/model-core';
import type { DriverOperation, DriverOutcome, DriverState } from '../driver/index.ts';
import type { RegisterName } from './registers.ts';

/** The measurement files on top of the driver. */
export interface MeasurementState {
  readonly driver: DriverState;
  /** No register was written since the driver last asked the module. */
  readonly inSync: boolean;
}

/** What user space can do to the files, and to the driver below them. */
export type MeasurementOperation =
  | DriverOperation
  /** open, pread(2), close. */
  | {
      readonly op: 'mr-read';
      readonly register: RegisterName;
      readonly offset: number;
      readonly size: number;
    }
  /** open, pwrite(2), close. A full write of a run-time register extends it. */
  | {
      readonly op: 'mr-write';
      readonly register: RegisterName;
      readonly offset: number;
      readonly content: Uint8Array;
      /** A signal comes while the call waits for a mutex that somebody else holds. */
      readonly interrupted?: boolean;
    };

/** What the caller sees. */
export type MeasurementOutcome =
  DriverOutcome | { readonly kind: 'bytes'; readonly bytes: Uint8Array; readonly tdcalls: number };

/** A step of the measurement files. */
export type MeasurementStep = Step<MeasurementState, MeasurementOutcome>;

/** An errno, with the TDCALLs that were made before it. */
export function failure(errno: Errno, tdcalls: 0 | 1): MeasurementOutcome {
  return { kind: 'errno', errno, tdcalls };
}
