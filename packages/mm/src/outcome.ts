// SPDX-License-Identifier: MIT
import type { Errno } from '@kernel-models/model-core';

/** One mapping, as /proc/PID/smaps shows it. */
export interface SmapsVma {
  readonly start: bigint;
  /** Exclusive. */
  readonly end: bigint;
  /** `rw-p`. */
  readonly perms: string;
  /** Bytes; 0 for private anonymous memory. */
  readonly offset: bigint;
  /**
   * What the line is called: nothing, `[heap]`, `[stack]`, the name of a special mapping,
   * `file:<index>` for a file of the setup, `shmem` for anonymous shared memory, `probe` for the
   * program that asks.
   */
  readonly name: string;
  /** VmFlags without the soft-dirty bit: `rd wr mr mw me ac`. */
  readonly flags: string;
}

/** VmSize, VmLck, VmData and VmStk of /proc/PID/status, in pages. */
export interface Totals {
  readonly size: number;
  readonly locked: number;
  readonly data: number;
  readonly stack: number;
}

/** Where a kernel can die, or wait for ever. */
export type Disaster =
  /** BUG_ON(brkvma == NULL) of brk(2) as posted. */
  | 'brk'
  /** The assertion of the tree that a store of brk(2) met on 32-bit ARM. */
  | 'mas_update_gap';

/** What the caller sees. */
export type Outcome =
  | { readonly kind: 'value'; readonly value: bigint }
  | { readonly kind: 'errno'; readonly errno: Errno }
  | { readonly kind: 'smaps'; readonly vmas: readonly SmapsVma[]; readonly totals: Totals }
  /** The kernel is dead: `at` says where. So is every operation after it. */
  | { readonly kind: 'oops'; readonly at: Disaster }
  /** The call waits for a lock that nobody will release. */
  | { readonly kind: 'hangs'; readonly lock: 'mmap_lock' };
