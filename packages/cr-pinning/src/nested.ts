// SPDX-License-Identifier: MIT
import {
  EFER_LMA,
  EFER_SVME,
  exitGuest,
  guestExit,
  isGuestMode,
  isLongMode,
  sameShape,
  vmEntry,
  vmrun,
  type ControlState,
  type Vmcb,
  type Vmcs,
} from '@kernel-models/hw-model/cpu';
import { pinsOf } from './active.ts';
import type { Features } from './features.ts';
import type { NestedEntry, Operation } from './operation.ts';
import { force, violatedBits, type Pins } from './pins.ts';
import { runsL2, vcpuOf, withCpu, type State } from './state.ts';
import { lift, step, type Step } from './step.ts';

/*
 * L1 runs a hypervisor of its own. Its VMCS or VMCB says which control registers it wants back when
 * L2 ends, and KVM loads them with its raw setters: here the pins are forced onto what L1 asked
 * for, without a fault. Reads beside load_vmcs12_host_state(), arch/x86/kvm/vmx/nested.c, and
 * nested_svm_vmexit(), arch/x86/kvm/svm/nested.c.
 */

/** A VMCS of L1's with everything that the entry does not say taken from L1 as it is. */
export function vmcs12(cpu: ControlState, entry: NestedEntry): Vmcs {
  const is64Bit = isLongMode(cpu);
  return {
    guestCr0: entry.guestCr0,
    guestCr3: cpu.cr3,
    guestCr4: entry.guestCr4,
    guestEfer: cpu.efer,
    hostCr0: entry.hostCr0,
    hostCr3: cpu.cr3,
    hostCr4: entry.hostCr4,
    hostEfer: cpu.efer,
    cr0GuestHostMask: entry.cr0Mask,
    cr4GuestHostMask: entry.cr4Mask,
    cr0ReadShadow: entry.guestCr0,
    cr4ReadShadow: entry.guestCr4,
    ia32eModeGuest: (cpu.efer & EFER_LMA) !== 0n,
    hostAddressSpaceSize: is64Bit,
    unrestrictedGuest: true,
    guestCsL: cpu.cs.l,
  };
}

/** A VMCB of L1's; a mask that is not empty intercepts all writes of its register. */
export function vmcb12(cpu: ControlState, entry: NestedEntry): Vmcb {
  const bit = (cr: number, mask: bigint): number => (mask === 0n ? 0 : 1 << cr);
  return {
    save: {
      cr0: entry.guestCr0,
      cr2: cpu.cr2,
      cr3: cpu.cr3,
      cr4: entry.guestCr4,
      efer: cpu.efer,
      dr6: cpu.dr6,
      dr7: cpu.dr7,
      cpl: 0,
      csL: cpu.cs.l,
      csD: cpu.cs.d,
      vTpr: 0n,
    },
    interceptCrWrites: bit(0, entry.cr0Mask) | bit(4, entry.cr4Mask),
    interceptCrReads: 0,
    selectiveCr0Write: false,
    interceptMsrs: true,
    virtualTpr: true,
  };
}

/** VMLAUNCH, VMRESUME or VMRUN of L1. L2 may have any control registers: it is L1's to protect. */
export function nestedEntry(state: State, entry: NestedEntry, features: Features): Step {
  const { cpu } = vcpuOf(state, entry.vcpu);
  if ((cpu.efer & EFER_SVME) === 0n) {
    const hardware = vmEntry(cpu, vmcs12(cpu, entry));
    return afterGuestExit(state, lift(state, entry.vcpu, hardware), entry.vcpu, features);
  }
  const entered = vmrun(cpu, vmcb12(cpu, entry));
  const { virtualization } = entered.state;
  if (virtualization?.kind !== 'svm') return lift(state, entry.vcpu, entered);
  // What L1's hypervisor wants back lies in memory that it can write.
  const host = { ...virtualization.host, cr0: entry.hostCr0, cr4: entry.hostCr4 };
  const guest = { ...entered.state, virtualization: { ...virtualization, host } };
  return lift(state, entry.vcpu, { ...entered, state: guest });
}

/**
 * What L2 cannot do without ending, and how it ends: by VMX's basic exit reasons, where these exits
 * cannot be turned off, and by SVM's exit codes, where every hypervisor asks for them. Intel SDM
 * volume 3, "VMX Non-Root Operation"; AMD APM volume 2, "Instruction Intercepts".
 */
const ALWAYS_EXITS: Readonly<Partial<Record<Operation['op'], { vmx: bigint; svm: bigint }>>> = {
  taskSwitch: { vmx: 9n, svm: 0x7dn },
  cpuid: { vmx: 10n, svm: 0x72n },
  hypercall: { vmx: 18n, svm: 0x81n },
};

/** L2's instruction that ends it whatever L1 asked for. Undefined: L2 may execute it. */
export function leaveL2(
  state: State,
  { op, vcpu: index }: Operation & { readonly vcpu: number },
  features: Features,
): Step | undefined {
  const { cpu } = vcpuOf(state, index);
  const exits = ALWAYS_EXITS[op];
  if (exits === undefined || !isGuestMode(cpu.virtualization)) return undefined;
  const reason = cpu.virtualization?.kind === 'svm' ? exits.svm : exits.vmx;
  const hardware = exitGuest(cpu, reason, 0n, 'nested.always-exits');
  return afterGuestExit(state, lift(state, index, hardware), index, features);
}

/** L2 ends, by an interrupt for L1. */
export function nestedExit(state: State, index: number, features: Features): Step {
  if (!runsL2(vcpuOf(state, index))) return step(state, { kind: 'ignored' }, 'nested.not-in-l2');
  const hardware = guestExit(vcpuOf(state, index).cpu);
  return afterGuestExit(state, lift(state, index, hardware), index, features);
}

/**
 * What KVM does to L1's control registers after any end of L2, also after an entry that fails late.
 * The VMCS or VMCB itself keeps what L1 wrote.
 *
 * @param before the machine before the operation that ended L2
 */
export function afterGuestExit(before: State, next: Step, index: number, features: Features): Step {
  const { state } = next;
  const isExit = next.outcome.kind === 'exit' && state.host === 'patched';
  if (!isExit || features.nestedExit === 'as-asked') return next;
  const vcpu = vcpuOf(state, index);
  if (runsL2(vcpu)) return next;
  const pins = pinsOf(state, vcpu, features);
  const ofL2 = vcpuOf(before, index).cpu;
  const cr0 = l1Register(vcpu.cpu.cr0, ofL2.cr0, pins.cr0, features);
  const cr4 = l1Register(vcpu.cpu.cr4, ofL2.cr4, pins.cr4, features);
  if (cr0 === vcpu.cpu.cr0 && cr4 === vcpu.cpu.cr4) return next;
  const rule = 'nested.pins-forced';
  return { ...next, rule, state: withCpu(state, index, sameShape({ ...vcpu.cpu, cr0, cr4 })) };
}

function l1Register(asked: bigint, ofL2: bigint, pins: Pins, { nestedExit }: Features): bigint {
  switch (nestedExit) {
    case 'as-asked':
      return asked;
    case 'forced':
      return force(asked, pins);
    case 'forced-high':
      return asked | pins.high;
    case 'kept':
      return violatedBits(asked, pins) === 0n ? asked : ofL2;
  }
}
