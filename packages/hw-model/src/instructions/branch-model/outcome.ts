// SPDX-License-Identifier: MIT
import type { Vector } from '../../cpu/exception.ts';
import type { Cpl } from '../../cpu/state.ts';

/** The CET MSRs behind an operation. */
export interface CetMsrs {
  readonly uCet: bigint;
  /** Where a handler was entered, behind its ENDBR64. */
  readonly sCet: bigint;
}

/** What can be seen of an operation. */
export type BranchOutcome =
  | ({ readonly kind: 'written' } & CetMsrs)
  /** WRMSR was #GP(0). */
  | ({ readonly kind: 'refused' } & CetMsrs)
  /** Code ended in an exception. */
  | ({
      readonly kind: 'exception';
      readonly vector: Vector;
      /** Null where the exception pushes none. */
      readonly errorCode: number | null;
      readonly rip: bigint;
      readonly rsp: bigint;
      readonly rax: bigint;
      /** The status flags. */
      readonly flags: number;
      /** The privilege level that the exception interrupted. */
      readonly cpl: Cpl;
    } & CetMsrs)
  /** Code came to something that this model does not execute, or did not end. */
  | { readonly kind: 'unsupported'; readonly reason: string };
