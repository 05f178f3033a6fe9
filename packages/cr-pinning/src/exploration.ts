// SPDX-License-Identifier: MIT
import {
  CR0_PG,
  CR0_TS,
  CR0_WP,
  CR4_PGE,
  CR4_SMAP,
  CR4_SMEP,
  CR4_UMIP,
  CR4_VMXE,
} from '@kernel-models/hw-model/cpu';
import {
  MSR_KVM_CR0_PINNED_HIGH,
  MSR_KVM_CR0_PINNED_LOW,
  MSR_KVM_CR4_PINNED_HIGH,
  MSR_KVM_CR4_PINNED_LOW,
  MSR_KVM_CR4_PIN_ALLOWED,
} from './constants.ts';
import { CR0_STATE } from './kernel.ts';
import type { Operation } from './operation.ts';
import type { Setup } from './setup.ts';
import { runsL2, type State } from './state.ts';

/*
 * Small worlds whose every history can be walked: a few values of each register, all MSRs of the
 * interface, SMM, a nested guest, INIT and the host, on one or two vCPUs.
 */

/** Offsets of CR4 and CR0 in the 64-bit save area. */
const SAVED_CR4 = 0xff48;
const SAVED_CR0 = 0xff58;

const BASE_CR4 = 0x20n | CR4_VMXE;
const GUARDED_CR4 = BASE_CR4 | CR4_SMEP | CR4_SMAP;

/** A VM whose vCPUs run a hypervisor: a 64-bit kernel with WP, SMEP and SMAP on, in VMX root operation. */
export function smallSetup(vcpus: number): Setup {
  return {
    vcpus,
    cpu: 'bochs-icelake',
    running: { cr0: CR0_STATE, cr4: GUARDED_CR4, efer: 0xd01n, vmx: true },
    intercepts: 'vmx',
    host: 'patched',
    vmm: 'good',
    kernel: { kexec: false, pvCrPin: false, crashkernel: false },
  };
}

function vcpuOperations(state: State, vcpu: number): readonly Operation[] {
  const one = state.vcpus[vcpu];
  if (one === undefined) return [];
  const mov = (cr: 0 | 4, value: bigint): Operation => ({ op: 'movToCr', vcpu, cr, value });
  const pin = (msr: number, value: bigint): Operation => ({ op: 'wrmsr', vcpu, msr, value });
  if (one.cpu.activity === 'wait-for-sipi') return [{ op: 'sipi', vcpu, vector: 1 }];
  const pins = [
    pin(MSR_KVM_CR0_PINNED_HIGH, CR0_WP),
    pin(MSR_KVM_CR0_PINNED_LOW, CR0_WP),
    pin(MSR_KVM_CR4_PINNED_HIGH, CR4_SMEP),
    pin(MSR_KVM_CR4_PINNED_HIGH, CR4_SMEP | CR4_SMAP),
    pin(MSR_KVM_CR4_PINNED_LOW, CR4_UMIP),
    pin(MSR_KVM_CR4_PINNED_LOW, CR4_SMEP),
    pin(MSR_KVM_CR4_PINNED_HIGH, 0n),
  ];
  const writes = [
    mov(0, CR0_STATE),
    mov(0, CR0_STATE & ~CR0_WP),
    mov(0, CR0_STATE | CR0_TS),
    mov(0, CR0_STATE & ~CR0_PG),
    mov(4, GUARDED_CR4),
    mov(4, BASE_CR4 | CR4_SMAP),
    mov(4, BASE_CR4 | CR4_SMEP),
    mov(4, GUARDED_CR4 | CR4_UMIP),
    mov(4, GUARDED_CR4 | CR4_PGE),
    { op: 'clts', vcpu } as const,
    { op: 'lmsw', vcpu, value: 1n } as const,
  ];
  const around: Operation[] = one.cpu.smm.active
    ? [
        { op: 'smramWrite', vcpu, offset: SAVED_CR4, size: 8, value: BASE_CR4 },
        { op: 'smramWrite', vcpu, offset: SAVED_CR0, size: 8, value: CR0_STATE & ~CR0_WP },
        { op: 'rsm', vcpu },
      ]
    : [{ op: 'smi', vcpu }];
  return [...pins, ...writes, ...around, ...nestedOperations(state, vcpu)];
}

function nestedOperations(state: State, vcpu: number): readonly Operation[] {
  const one = state.vcpus[vcpu];
  if (one === undefined || one.cpu.smm.active) return [];
  if (runsL2(one)) return [{ op: 'nestedExit', vcpu }];
  if (one.cpu.virtualization === null) return [];
  const entry = { op: 'nestedEntry', vcpu, cr0Mask: 0n, cr4Mask: 0n } as const;
  const [guestCr0, guestCr4] = [CR0_STATE & ~CR0_WP, BASE_CR4];
  return [
    { ...entry, guestCr0, guestCr4, hostCr0: CR0_STATE, hostCr4: GUARDED_CR4 },
    { ...entry, guestCr0, guestCr4, hostCr0: CR0_STATE & ~CR0_WP, hostCr4: BASE_CR4 | CR4_UMIP },
  ];
}

/** Everything worth trying in a small world, in a fixed order. */
export function smallOperations(state: State): readonly Operation[] {
  if (state.dead !== null) return [{ op: 'machineReset' }];
  const host: readonly Operation[] = [
    { op: 'hostSetMsr', vcpu: 0, msr: MSR_KVM_CR4_PINNED_HIGH, value: 0n },
    { op: 'hostSetMsr', vcpu: 0, msr: MSR_KVM_CR4_PINNED_HIGH, value: CR4_UMIP },
    { op: 'hostSetMsr', vcpu: 0, msr: MSR_KVM_CR4_PIN_ALLOWED, value: CR4_UMIP },
    { op: 'machineReset' },
    { op: 'migrate', order: 'msrs-first', strict: true },
  ];
  const others = state.vcpus.flatMap((_, vcpu): readonly Operation[] =>
    vcpu === 0
      ? []
      : [
          { op: 'init', vcpu },
          { op: 'routine', vcpu, routine: 'bring-up' },
        ],
  );
  const guests = state.vcpus.flatMap((_, vcpu) => vcpuOperations(state, vcpu));
  return [...guests, ...others, ...host];
}

/** Named states that a walk to depth 5 must reach. */
export const SMALL_SOMETIMES: Readonly<Record<string, (state: State) => boolean>> = {
  'a bit is pinned high and another low': ({ vcpus }) =>
    vcpus.some(({ pins }) => pins.cr4.high !== 0n && pins.cr4.low !== 0n),
  'a pinned vCPU is in SMM': ({ vcpus }) =>
    vcpus.some(({ cpu, pins }) => cpu.smm.active && pins.cr4.high !== 0n),
  'a pinned vCPU runs L2': ({ vcpus }) =>
    vcpus.some((vcpu) => runsL2(vcpu) && vcpu.pins.cr4.high !== 0n),
  'a save area that violates the pins has stopped the VM': ({ dead }) => dead === 'internalError',
  'the host has pinned a bit that is clear': ({ vcpus }) =>
    vcpus.some(({ cpu, pins }) => (pins.cr4.high & ~cpu.cr4 & CR4_UMIP) !== 0n),
};
