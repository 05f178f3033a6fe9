// SPDX-License-Identifier: MIT
import {
  initialState as initialCpu,
  isGuestMode,
  sameShape,
  VMX_ROOT,
  type ControlState,
} from '@kernel-models/hw-model/cpu';
import { NO_PINS, type Pins } from './pins.ts';
import type {
  HostKind,
  Intercepts,
  KernelConfig,
  RunningRegisters,
  Setup,
  VmmKind,
} from './setup.ts';

/** Which register a pin belongs to. */
export type PinnedRegister = 'cr0' | 'cr4';

/** What is pinned on one vCPU, or in the whole VM. */
export interface PinSet {
  readonly cr0: Pins;
  readonly cr4: Pins;
  /** EFER bits that must stay 1, in the design that has them. */
  readonly eferHigh: bigint;
}

/** Nothing is pinned. */
export const NO_PIN_SET: PinSet = Object.freeze({ cr0: NO_PINS, cr4: NO_PINS, eferHigh: 0n });

/** The VALUE MSRs hold 0. */
export const NO_PIN_VALUE: VCpu['pinValue'] = Object.freeze({ cr0: 0n, cr4: 0n });

/** A virtual CPU: the hardware that KVM shows to the guest, and what is pinned on it. */
export interface VCpu {
  readonly cpu: ControlState;
  readonly pins: PinSet;
  /** The VALUE MSRs of the mask-and-value design: what the next bits of the mask are pinned to. */
  readonly pinValue: { readonly cr0: bigint; readonly cr4: bigint };
  /** INIT has suspended the pins until paging is turned on, in the design that keeps them. */
  readonly exempt: boolean;
}

/** The guest kernel, as far as it lives longer than one write. */
export interface Kernel extends KernelConfig {
  /** The static key `cr_pinning`, and `cr4_pinned_bits`. arch/x86/kernel/cpu/common.c. */
  readonly pinning: boolean;
  readonly cr4PinnedBits: bigint;
  /** `mmu_cr4_features`: what AP bring-up and hibernation load into CR4. */
  readonly mmuCr4Features: bigint;
  /** `kexec_load_disabled`. */
  readonly kexecLoadDisabled: boolean;
  readonly kexecLoaded: boolean;
}

/** The VMM. */
export interface Vmm {
  readonly kind: VmmKind;
  /** A one-time permission to drop the pins for a kexec, in the design that has it. */
  readonly kexecToken: boolean;
}

/** A virtual machine. */
export interface State {
  readonly vcpus: readonly VCpu[];
  /** What is pinned for all vCPUs at once, in the revisions that do so. */
  readonly vmPins: PinSet;
  /** ALLOWED, where user space may set it; else it is the revision's. */
  readonly allowed: { readonly cr0: bigint; readonly cr4: bigint } | null;
  readonly host: HostKind;
  readonly intercepts: Intercepts;
  readonly hostRegisters: { readonly cr0: bigint; readonly cr4: bigint };
  readonly hidesFeature: boolean;
  readonly vmm: Vmm;
  readonly kernel: Kernel;
  /** The VM has stopped: KVM could not go on, or the guest fell into a triple fault. */
  readonly dead: 'internalError' | 'shutdown' | null;
}

/** Every bit of CR0 and CR4 that a 64-bit host of today has set, as far as pinning looks at it. */
const HOST_REGISTERS = { cr0: 0x8005_0033n, cr4: 0x30_0800n };

/** A virtual machine before the first operation. */
export function initialState(setup: Setup): State {
  const { running, kernel } = setup;
  return {
    vcpus: Array.from({ length: setup.vcpus }, (_, index) => newVCpu(setup, index)),
    vmPins: NO_PIN_SET,
    allowed: null,
    host: setup.host,
    intercepts: setup.intercepts,
    hostRegisters: setup.hostRegisters ?? HOST_REGISTERS,
    hidesFeature: setup.hidesFeature ?? false,
    vmm: { kind: setup.vmm, kexecToken: false },
    kernel: {
      ...kernel,
      pinning: false,
      cr4PinnedBits: 0n,
      mmuCr4Features: running?.cr4 ?? 0n,
      kexecLoadDisabled: false,
      kexecLoaded: false,
    },
    dead: null,
  };
}

function newVCpu({ cpu, running }: Setup, index: number): VCpu {
  const others = index > 0 ? { applicationProcessor: true } : {};
  return {
    cpu: running === undefined ? initialCpu({ cpu, ...others }) : runningCpu(cpu, running, others),
    pins: NO_PIN_SET,
    pinValue: NO_PIN_VALUE,
    exempt: false,
  };
}

/** A CPU in the middle of a 64-bit kernel. */
function runningCpu(
  cpu: Setup['cpu'],
  { cr0, cr4, efer, vmx = false }: RunningRegisters,
  others: { readonly applicationProcessor?: boolean },
): ControlState {
  return sameShape({
    ...initialCpu({ cpu, cr0, cr4, efer, csL: true, ...others }),
    activity: 'active',
    virtualization: vmx ? VMX_ROOT : null,
  });
}

/** is_guest_mode(): the vCPU runs L2. */
export function runsL2({ cpu }: VCpu): boolean {
  return isGuestMode(cpu.virtualization);
}

/**
 * The vCPU that an operation names.
 *
 * @throws RangeError where there is none: the caller's mistake
 */
export function vcpuOf({ vcpus }: State, index: number): VCpu {
  const vcpu = vcpus[index];
  if (vcpu === undefined) {
    throw new RangeError(`vcpu: expected 0 to ${vcpus.length - 1}, got ${index}`);
  }
  return vcpu;
}

/*
 * Copies with a part changed. They are most of what an exploration does, so they are written out: a
 * literal takes a tenth of a spread (measured in place, Node 20), and all copies have one shape.
 */

/** The state with one vCPU changed; the same object where nothing did. */
export function withVCpu(state: State, index: number, vcpu: VCpu): State {
  if (state.vcpus[index] === vcpu) return state;
  return withPinning(state, state.vcpus.with(index, vcpu), state.vmPins);
}

/** The state with other vCPUs and other pins of the VM. */
export function withPinning(state: State, vcpus: readonly VCpu[], vmPins: PinSet): State {
  return {
    vcpus,
    vmPins,
    allowed: state.allowed,
    host: state.host,
    intercepts: state.intercepts,
    hostRegisters: state.hostRegisters,
    hidesFeature: state.hidesFeature,
    vmm: state.vmm,
    kernel: state.kernel,
    dead: state.dead,
  };
}

/** The vCPU with other pins. */
export function withPins({ cpu, pinValue, exempt }: VCpu, pins: PinSet): VCpu {
  return { cpu, pins, pinValue, exempt };
}

/** A set of pins with those of one register changed. */
export function withRegister(set: PinSet, register: PinnedRegister, pins: Pins): PinSet {
  const { cr0, cr4, eferHigh } = set;
  return register === 'cr0' ? { cr0: pins, cr4, eferHigh } : { cr0, cr4: pins, eferHigh };
}

/** The state with the hardware of one vCPU changed. */
export function withCpu(state: State, index: number, cpu: ControlState): State {
  const vcpu = vcpuOf(state, index);
  if (vcpu.cpu === cpu) return state;
  const { pins, pinValue, exempt } = vcpu;
  return withVCpu(state, index, { cpu, pins, pinValue, exempt });
}
