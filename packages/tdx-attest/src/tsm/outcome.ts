// SPDX-License-Identifier: MIT
import type { Errno } from '@kernel-models/model-core';
import type { DriverOutcome } from '../driver/index.ts';

/** What a read of an outblob cost. */
export interface Cost {
  readonly tdcalls: number;
  readonly hypercalls: number;
  /** Whole seconds of waiting. */
  readonly seconds: number;
}

/**
 * What the caller sees. A recording may leave out `bytes` and `cost`, and state only the first
 * bytes of a blob as `head`: what it states is compared.
 */
export type TsmOutcome =
  | Exclude<DriverOutcome, { readonly kind: 'errno' }>
  | (Extract<DriverOutcome, { readonly kind: 'errno' }> & { readonly cost?: Cost })
  /** A write and the close behind it, and the generation then. The close always says 0. */
  | {
      readonly kind: 'written';
      /** What write(2) returned. */
      readonly write: number | Errno;
      readonly generation: bigint;
    }
  /** Bytes of an outblob. */
  | {
      readonly kind: 'blob';
      /** How many, kernel memory from beyond the buffer included. */
      readonly size: number;
      /** The first 16. */
      readonly head: Uint8Array;
      /** All that came from the buffer. */
      readonly bytes?: Uint8Array;
      readonly cost?: Cost;
    }
  /** What the first of configfs's two calls said. */
  | { readonly kind: 'size'; readonly size: number; readonly cost?: Cost }
  | { readonly kind: 'text'; readonly text: string }
  /** The call sleeps until the host answers. */
  | { readonly kind: 'waiting'; readonly cost?: Cost }
  /** The call waits for a lock that the waiting read holds: nothing has happened yet. */
  | { readonly kind: 'blocked' };
