// SPDX-License-Identifier: MIT
import type { RuleId } from '@kernel-models/model-core';
import type { Vector } from './exception.ts';
import type { VmcbSave } from './virtualization.ts';

/** An exception, as its handler sees it. */
export interface FaultOutcome {
  readonly kind: 'fault';
  readonly vector: Vector;
  /** Absent where none is pushed: by the vector, and always in real mode. */
  readonly errorCode?: number;
  /**
   * Every rule that the instruction broke, the deciding one among them; none where no rule did.
   * Never compared.
   */
  readonly violations?: readonly RuleId[];
}

/** What software, or whoever watches the CPU, sees of an operation. */
export type CpuOutcome =
  /** The instruction completed, the event was taken. */
  | { readonly kind: 'done' }
  /** The instruction completed with this value. */
  | { readonly kind: 'value'; readonly value: bigint }
  | FaultOutcome
  /**
   * The guest ended, host state is loaded. `reason` is the basic exit reason of VMX (bit 31: failed
   * entry) or the exit code of SVM; VMEXIT_INVALID is -1 as 64 bits. `qualification` is VMX's exit
   * qualification or SVM's EXITINFO1, `saved` what #VMEXIT wrote into the VMCB.
   */
  | {
      readonly kind: 'exit';
      readonly reason: bigint;
      readonly qualification: bigint;
      readonly saved?: VmcbSave;
    }
  /** VMfailValid: the VM-instruction error. Nothing else changed. */
  | { readonly kind: 'vmFail'; readonly error: number }
  /** The CPU is shut down. */
  | { readonly kind: 'shutdown' }
  /** KVM cannot go on emulating: KVM_EXIT_INTERNAL_ERROR, suberror KVM_INTERNAL_ERROR_EMULATION. */
  | { readonly kind: 'internalError' }
  /** The event is blocked and kept. */
  | { readonly kind: 'latched' }
  /** Nothing happens: the CPU does not execute, or does not listen to the event. */
  | { readonly kind: 'ignored' }
  /** An ioctl of the host failed. */
  | { readonly kind: 'errno'; readonly errno: 'EINVAL' }
  /**
   * How many entries KVM_SET_MSRS or KVM_GET_MSRS went through, of one; the value where it read
   * one.
   */
  | { readonly kind: 'processed'; readonly count: 0 | 1; readonly value?: bigint };
