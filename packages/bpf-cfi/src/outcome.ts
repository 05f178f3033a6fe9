// SPDX-License-Identifier: MIT
import type { Errno } from '@kernel-models/model-core';
import type { Boot } from './boot.ts';
import type { Place, Trap } from './checked-call.ts';
import type { Chunks } from './pack/pack.ts';
import type { MapState } from './state.ts';

/** An errno; ENOTSUPP is 524, which the kernel does not keep to itself here. */
export type CfiErrno = Errno | 'ENOTSUPP';

/** A failed check that was reported. */
export interface Report {
  readonly place: Place;
  /** The expected type, as boot left it. */
  readonly type: number;
}

/** What a tracing program saw. */
export interface Seen {
  readonly program: string;
  readonly value: bigint;
}

/** What can be seen of an operation. */
export type Outcome =
  | { readonly kind: 'booted'; readonly mode: Boot['mode']; readonly messages: readonly string[] }
  | { readonly kind: 'value'; readonly value: bigint }
  | { readonly kind: 'errno'; readonly errno: CfiErrno }
  /** A call came back. `value` is null where the callee returns nothing. */
  | {
      readonly kind: 'returned';
      readonly value: bigint | null;
      readonly reports: readonly Report[];
    }
  /** A call ended in an exception. */
  | ({ readonly kind: 'trapped'; readonly reports: readonly Report[] } & Trap)
  /** A call was still running after as many instructions as an execution may take. */
  | { readonly kind: 'runaway'; readonly reports: readonly Report[] }
  /**
   * A call of functions that are traced came back: what each program saw, in the order in which
   * they ran. `value` is null where the function returns nothing.
   */
  | {
      readonly kind: 'traced';
      readonly value: bigint | null;
      readonly seen: readonly Seen[];
      readonly reports: readonly Report[];
    }
  /** What a lookup shows of a map: `uses` counts its registration or its link. */
  | { readonly kind: 'map'; readonly state: MapState; readonly uses: number }
  /** Hexadecimal digits; `????????` where an address stands. */
  | { readonly kind: 'image'; readonly bytes: string }
  /**
   * An image in its allocation: how much its header says was taken, bytes between header and image,
   * bytes of the image, and whether INT3 fills the rest.
   */
  | {
      readonly kind: 'allocation';
      readonly size: number;
      readonly start: number;
      readonly length: number;
      readonly filled: boolean;
    }
  /** By pack: the runs of chunks that are taken. */
  | { readonly kind: 'packs'; readonly taken: readonly (readonly Chunks[])[] }
  /** The operation names something that is not there. */
  | { readonly kind: 'impossible' };
