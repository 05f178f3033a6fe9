// SPDX-License-Identifier: MIT
import type { CpuOutcome } from '@kernel-models/hw-model/cpu';

/** What the guest, or the VMM, sees of an operation. */
export type Outcome =
  | CpuOutcome
  /**
   * The instruction completed, and the hypervisor let it have no effect. To the guest it is `done`.
   */
  | { readonly kind: 'dropped' }
  /** The write completed, and the kernel wrote again, with the pinned bits as they should be. */
  | { readonly kind: 'repaired'; readonly value: bigint }
  /** A system call failed. */
  | { readonly kind: 'syscall'; readonly errno: 'EPERM' | 'ENOSYS' }
  /** The migration was given up; the source goes on. */
  | { readonly kind: 'aborted'; readonly msr: number }
  /** The VM had stopped before. */
  | { readonly kind: 'stopped' };
