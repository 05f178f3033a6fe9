// SPDX-License-Identifier: MIT
import type { Instruction, Sregs } from '@kernel-models/hw-model/cpu';

/** What a guest kernel does in one go: a sequence of writes that leads through several modes. */
export const ROUTINES = ['boot', 'bring-up', 'hibernate-restore', 'kexec'] as const;
export type Routine = (typeof ROUTINES)[number];

/** How code gets to a MOV to a control register in the guest kernel. */
export const WAYS = ['function', 'inner-mov', 'gadget'] as const;
export type Way = (typeof WAYS)[number];

/** An instruction that a vCPU executes. `emulated`: KVM's instruction emulator does it. */
export type GuestInstruction = Instruction & {
  readonly vcpu: number;
  readonly emulated?: boolean;
};

/** What a guest's vCPU does beside single instructions of the control registers. */
export type GuestOperation =
  | {
      /** native_write_cr0() or native_write_cr4(), called, entered behind its head, or avoided. */
      readonly op: 'writeCr';
      readonly vcpu: number;
      readonly cr: 0 | 4;
      readonly value: bigint;
      readonly through: Way;
    }
  /** A hardware task switch, which sets CR0.TS. */
  | { readonly op: 'taskSwitch'; readonly vcpu: number }
  | {
      readonly op: 'hypercall';
      readonly vcpu: number;
      readonly nr: number;
      readonly arguments: readonly bigint[];
    }
  /** CPUID 0x40000001: EAX. */
  | { readonly op: 'cpuid'; readonly vcpu: number }
  | { readonly op: 'routine'; readonly vcpu: number; readonly routine: Routine }
  /** kexec_load(2) in the guest. */
  | { readonly op: 'kexecLoad' };

/** L1 starts L2 with these control registers, and says which it wants back. */
export interface NestedEntry {
  readonly op: 'nestedEntry';
  readonly vcpu: number;
  readonly guestCr0: bigint;
  readonly guestCr4: bigint;
  readonly hostCr0: bigint;
  readonly hostCr4: bigint;
  /** L1's guest/host masks: what of L2's registers L1 owns. */
  readonly cr0Mask: bigint;
  readonly cr4Mask: bigint;
}

/** What happens to a vCPU. */
export type VCpuEvent =
  | NestedEntry
  | { readonly op: 'nestedExit'; readonly vcpu: number }
  | { readonly op: 'smi'; readonly vcpu: number }
  | {
      readonly op: 'smramWrite';
      readonly vcpu: number;
      readonly offset: number;
      readonly size: 1 | 2 | 4 | 8;
      readonly value: bigint;
    }
  | { readonly op: 'init'; readonly vcpu: number }
  | { readonly op: 'sipi'; readonly vcpu: number; readonly vector: number };

/** What the VMM does. */
export type HostOperation =
  | {
      readonly op: 'hostSetMsr';
      readonly vcpu: number;
      readonly msr: number;
      readonly value: bigint;
    }
  | { readonly op: 'hostGetMsr'; readonly vcpu: number; readonly msr: number }
  | { readonly op: 'hostSetSregs'; readonly vcpu: number; readonly sregs: Sregs }
  /** The machine's reset button, or a guest's reboot. */
  | { readonly op: 'machineReset' }
  | {
      /** Save everything, restore it in fresh vCPUs, and go on there. */
      readonly op: 'migrate';
      /** Which comes first on the destination. */
      readonly order: 'sregs-first' | 'msrs-first';
      /** Whether an MSR that the destination does not take ends the migration. */
      readonly strict: boolean;
    }
  /** The operator allows one kexec. */
  | { readonly op: 'armKexec' };

/** Everything that can happen to a virtual machine. */
export type Operation = GuestInstruction | GuestOperation | VCpuEvent | HostOperation;
