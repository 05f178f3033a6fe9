// SPDX-License-Identifier: MIT

/** The memory that the argument of an ioctl points to. */
export interface UserBuffer {
  /** Its first 64 bytes; zero behind. Those that are not mapped do not matter. */
  readonly reportData: Uint8Array;
  /** How many bytes are mapped, 0 to 1088. 0: the pointer leads nowhere. */
  readonly mapped: number;
  readonly writable: boolean;
}

/**
 * Steps of loading that can fail from outside. A kernel that has no such step does not fail there.
 */
export type LoadFailure =
  | 'platform-driver'
  | 'platform-device'
  | 'misc-register'
  | 'quote-buffer'
  /** There is a report provider already, or a report item. */
  | 'report-provider';

export const LOAD_FAILURES: readonly LoadFailure[] = [
  'platform-driver',
  'platform-device',
  'misc-register',
  'quote-buffer',
  'report-provider',
];

/** What user space, the administrator and the platform can do to the driver. */
export type DriverOperation =
  /**
   * insmod. `fails`: that step fails. `tdcallStatus`: what TDCALLs answer from this load on;
   * absent: what the module answers, whatever was set before.
   */
  | { readonly op: 'load'; readonly fails?: LoadFailure; readonly tdcallStatus?: bigint }
  /** rmmod. */
  | { readonly op: 'unload' }
  /** Writes the device's name to the driver's bind file in sysfs. */
  | { readonly op: 'bind' }
  /** Writes the device's name to the driver's unbind file in sysfs. */
  | { readonly op: 'unbind' }
  /** open, ioctl, close. Only bits 31:0 of `cmd` reach the driver. */
  | {
      readonly op: 'ioctl';
      readonly cmd: bigint;
      readonly buffer: UserBuffer;
      /** An allocation fails: the first or the second of the call. */
      readonly allocationFails?: 'first' | 'second';
      /** A signal comes while the call waits for a mutex that somebody else holds. */
      readonly interrupted?: boolean;
    }
  /** Another call on the open device. */
  | { readonly op: 'device-call'; readonly call: 'read' | 'write' | 'lseek' }
  /** From now on TDCALLs of the driver answer this status; 0: what the module answers. */
  | { readonly op: 'set-tdcall-status'; readonly status: bigint };
