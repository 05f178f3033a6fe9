// SPDX-License-Identifier: MIT
import type { Vector } from './exception.ts';
import type { Sregs } from './sregs.ts';
import type { Cpl } from './state.ts';
import type { HostSave, Vmcb, Vmcs } from './virtualization.ts';

/** An instruction that the CPU executes. */
export type Instruction =
  | { readonly op: 'movToCr'; readonly cr: number; readonly value: bigint }
  | { readonly op: 'movFromCr'; readonly cr: number }
  | { readonly op: 'lmsw'; readonly value: bigint }
  | { readonly op: 'smsw' }
  | { readonly op: 'clts' }
  | { readonly op: 'rdmsr'; readonly msr: number }
  | { readonly op: 'wrmsr'; readonly msr: number; readonly value: bigint }
  | { readonly op: 'farJump'; readonly l: boolean; readonly d: boolean }
  | { readonly op: 'iret'; readonly l: boolean; readonly d: boolean; readonly cpl: Cpl }
  | { readonly op: 'hlt' }
  | { readonly op: 'rsm' }
  | { readonly op: 'vmxon' }
  | { readonly op: 'vmxoff' }
  | { readonly op: 'vmEntry'; readonly vmcs: Vmcs }
  | { readonly op: 'vmrun'; readonly vmcb: Vmcb };

/** What happens to the CPU from outside. */
export type CpuEvent =
  | {
      /** An exception, perhaps while another one is being delivered. */
      readonly op: 'raise';
      readonly vector: Vector;
      readonly errorCode: number;
      readonly during?: Vector;
    }
  | { readonly op: 'smi' }
  | { readonly op: 'nmi' }
  | { readonly op: 'init' }
  | { readonly op: 'sipi'; readonly vector: number }
  | { readonly op: 'reset' }
  /** An interrupt for the hypervisor ends the guest. */
  | { readonly op: 'guestExit' }
  | {
      readonly op: 'smramWrite';
      readonly offset: number;
      readonly size: 1 | 2 | 4 | 8;
      readonly value: bigint;
    }
  | { readonly op: 'hostSaveWrite'; readonly host: HostSave }
  /** A quadword of physical memory; nothing where no memory is attached. */
  | { readonly op: 'memoryWrite'; readonly address: number; readonly value: bigint };

/** What the host's user space does through KVM. */
export type HostCall =
  | { readonly op: 'setSregs'; readonly sregs: Sregs }
  | { readonly op: 'hostRdmsr'; readonly msr: number }
  | { readonly op: 'hostWrmsr'; readonly msr: number; readonly value: bigint };

/** Everything that can happen to a CPU. */
export type CpuOperation = Instruction | CpuEvent | HostCall;
