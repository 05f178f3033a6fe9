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
import { runsL2, type State, type VCpu } from './state.ts';

/*
 * Small worlds whose every history can be walked: a few values of each register, all MSRs of the
 * interface, SMM, a nested guest, INIT and the host, on one or two vCPUs.
 */

/** Offsets of CR4 and CR0 in the 64-bit save area. */
const SAVED_CR4 = 0xff48;
const SAVED_CR0 = 0xff58;

const BASE_CR4 = 0x20n | CR4_VMXE;
const GUARDED_CR4 = BASE_CR4 | CR4_SMEP | CR4_SMAP;

/**
 * A VM whose vCPUs run a hypervisor: a 64-bit kernel with WP, SMEP and SMAP on, in VMX root
 * operation.
 */
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

/** What one vCPU may do: always, outside of SMM, in it, and to start and end L2. */
interface VCpuOperations {
  readonly always: readonly Operation[];
  readonly outsideSmm: readonly Operation[];
  readonly inSmm: readonly Operation[];
  readonly asL1: readonly Operation[];
  readonly inL2: readonly Operation[];
  readonly waiting: readonly Operation[];
  /** To a vCPU that the first one brings up. */
  readonly fromOutside: readonly Operation[];
}

function operationsOf(vcpu: number): VCpuOperations {
  const mov = (cr: 0 | 4, value: bigint): Operation => ({ op: 'movToCr', vcpu, cr, value });
  const pin = (msr: number, value: bigint): Operation => ({ op: 'wrmsr', vcpu, msr, value });
  const entry = { op: 'nestedEntry', vcpu, cr0Mask: 0n, cr4Mask: 0n } as const;
  const [guestCr0, guestCr4] = [CR0_STATE & ~CR0_WP, BASE_CR4];
  const saved = { op: 'smramWrite', vcpu, size: 8 } as const;
  return {
    always: [
      pin(MSR_KVM_CR0_PINNED_HIGH, CR0_WP),
      pin(MSR_KVM_CR0_PINNED_LOW, CR0_WP),
      pin(MSR_KVM_CR4_PINNED_HIGH, CR4_SMEP),
      pin(MSR_KVM_CR4_PINNED_HIGH, CR4_SMEP | CR4_SMAP),
      pin(MSR_KVM_CR4_PINNED_LOW, CR4_UMIP),
      pin(MSR_KVM_CR4_PINNED_LOW, CR4_SMEP),
      pin(MSR_KVM_CR4_PINNED_HIGH, 0n),
      mov(0, CR0_STATE),
      mov(0, CR0_STATE & ~CR0_WP),
      mov(0, CR0_STATE | CR0_TS),
      mov(0, CR0_STATE & ~CR0_PG),
      mov(4, GUARDED_CR4),
      mov(4, BASE_CR4 | CR4_SMAP),
      mov(4, BASE_CR4 | CR4_SMEP),
      mov(4, GUARDED_CR4 | CR4_UMIP),
      mov(4, GUARDED_CR4 | CR4_PGE),
      { op: 'clts', vcpu },
      { op: 'lmsw', vcpu, value: 1n },
    ],
    outsideSmm: [{ op: 'smi', vcpu }],
    inSmm: [
      { ...saved, offset: SAVED_CR4, value: BASE_CR4 },
      { ...saved, offset: SAVED_CR0, value: CR0_STATE & ~CR0_WP },
      { op: 'rsm', vcpu },
    ],
    asL1: [
      { ...entry, guestCr0, guestCr4, hostCr0: CR0_STATE, hostCr4: GUARDED_CR4 },
      { ...entry, guestCr0, guestCr4, hostCr0: CR0_STATE & ~CR0_WP, hostCr4: BASE_CR4 | CR4_UMIP },
    ],
    inL2: [{ op: 'nestedExit', vcpu }],
    waiting: [{ op: 'sipi', vcpu, vector: 1 }],
    fromOutside:
      vcpu === 0
        ? []
        : [
            { op: 'init', vcpu },
            { op: 'routine', vcpu, routine: 'bring-up' },
          ],
  };
}

const OF_VCPU: readonly VCpuOperations[] = Array.from({ length: 8 }, (_, vcpu) =>
  operationsOf(vcpu),
);

const OF_HOST: readonly Operation[] = [
  { op: 'hostSetMsr', vcpu: 0, msr: MSR_KVM_CR4_PINNED_HIGH, value: 0n },
  { op: 'hostSetMsr', vcpu: 0, msr: MSR_KVM_CR4_PINNED_HIGH, value: CR4_UMIP },
  { op: 'hostSetMsr', vcpu: 0, msr: MSR_KVM_CR4_PIN_ALLOWED, value: CR4_UMIP },
  { op: 'machineReset' },
  { op: 'migrate', order: 'msrs-first', strict: true },
];
const WHEN_STOPPED: readonly Operation[] = [{ op: 'machineReset' }];

/** Everything worth trying in a small world, in a fixed order. */
export function smallOperations(state: State): readonly Operation[] {
  if (state.dead !== null) return WHEN_STOPPED;
  const operations: Operation[] = [];
  for (const [index, vcpu] of state.vcpus.entries()) {
    const own = OF_VCPU[index];
    if (own !== undefined) addVCpuOperations(operations, vcpu, own);
  }
  for (let index = 1; index < state.vcpus.length; index += 1) {
    operations.push(...(OF_VCPU[index]?.fromOutside ?? []));
  }
  operations.push(...OF_HOST);
  return operations;
}

function addVCpuOperations(operations: Operation[], vcpu: VCpu, own: VCpuOperations): void {
  const { activity, smm, virtualization } = vcpu.cpu;
  if (activity === 'wait-for-sipi') {
    operations.push(...own.waiting);
    return;
  }
  operations.push(...own.always);
  if (smm.active) operations.push(...own.inSmm);
  else {
    operations.push(...own.outsideSmm);
    if (runsL2(vcpu)) operations.push(...own.inL2);
    else if (virtualization !== null) operations.push(...own.asL1);
  }
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
