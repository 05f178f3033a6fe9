// SPDX-License-Identifier: MIT
import type { Errno } from '@kernel-models/model-core';

/**
 * What the caller sees. A recording may leave out `tdcalls` and `buffer`, and state only the first
 * bytes of `echo`: then they are not compared.
 */
export type DriverOutcome =
  /** Success that hands out no report. */
  | { readonly kind: 'value'; readonly value: bigint; readonly log?: readonly string[] }
  | {
      readonly kind: 'errno';
      readonly errno: Errno;
      /** TDCALLs that were made. */
      readonly tdcalls?: number;
      /** The mapped bytes of the user's buffer, where the call wrote to it. */
      readonly buffer?: Uint8Array;
      /** Lines of the kernel's log that the call caused. */
      readonly log?: readonly string[];
    }
  /** The ioctl returned 0 and a report. */
  | {
      readonly kind: 'report';
      readonly tdcalls?: number;
      /** Bytes 128 to 191 of what was handed out as a report: in a genuine one, REPORTDATA. */
      readonly echo: Uint8Array;
      readonly buffer?: Uint8Array;
    };
