// SPDX-License-Identifier: MIT
import type { Registers } from './operation.ts';

/** Why control left the TD for the host without the guest's asking. */
export type TdExitReason = 'ept-violation' | 'triple-fault';

/** What who acted sees. */
export type Outcome =
  /** A TDCALL completed: RAX, and the other registers that the leaf gives. */
  | {
      readonly kind: 'completed';
      readonly rax: bigint;
      readonly registers?: Registers;
      /** TDG.VP.VMCALL: what the host saw; an unexposed register is 0 and left out. */
      readonly hostView?: Registers;
    }
  /** The module has the leaf, and this model does not say what it does: nothing was computed. */
  | { readonly kind: 'unmodelled' }
  /** An interrupt came first: no register changed, the instruction runs again after it. */
  | { readonly kind: 'retry' }
  /** An exception in the guest. */
  | { readonly kind: 'fault'; readonly vector: '#GP' | '#UD' | '#VE' | '#DF' }
  /** The TD exits; the guest sees nothing until the host has mended the cause. */
  | { readonly kind: 'td-exit'; readonly reason: TdExitReason }
  /** A SEAMCALL of the host completed with this status; a success is 0. */
  | { readonly kind: 'seamcall'; readonly status: bigint }
  /** A memory access of the guest or the host was done. */
  | { readonly kind: 'done' }
  /** What the guest read. */
  | { readonly kind: 'bytes'; readonly bytes: Uint8Array }
  /** The operation needs a running TD, or an address of another kind: nothing was asked. */
  | { readonly kind: 'refused' };
