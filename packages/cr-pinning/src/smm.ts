// SPDX-License-Identifier: MIT
import {
  LOW_32,
  rsm as hardwareRsm,
  smi as hardwareSmi,
  smramWrite as hardwareSmramWrite,
  type ControlState,
} from '@kernel-models/hw-model/cpu';
import { allowedOf, pinsOf, violatedRegisters } from './active.ts';
import type { Features } from './features.ts';
import type { Pins } from './pins.ts';
import { init } from './reset.ts';
import { runsL2, vcpuOf, type State, type VCpu } from './state.ts';
import { lift, step, type Step } from './step.ts';

/*
 * System-management mode. The pins do not count in it. RSM loads a save area that the handler, or
 * whoever can write SMRAM, may have changed, so each revision has its own idea of what to do about
 * it. Reads beside em_rsm(), arch/x86/kvm/emulate.c, and emulator_post_leave_smm(),
 * arch/x86/kvm/x86.c, Linux 5.8 with the posting of June 2020.
 */

/** An SMI: raw setters, no check. CR4 is cleared, WP stays. */
export function smi(state: State, index: number): Step {
  return lift(state, index, hardwareSmi(vcpuOf(state, index).cpu));
}

/** A write to the save area. */
export function smramWrite(
  state: State,
  index: number,
  offset: number,
  size: 1 | 2 | 4 | 8,
  value: bigint,
): Step {
  const { cpu } = vcpuOf(state, index);
  return lift(state, index, hardwareSmramWrite(cpu, offset, size, value));
}

/**
 * RSM. A save area that the hardware would not take stops the VM, as one that violates the pins
 * may. An INIT that waited for it is KVM's own reset, which knows of the pins.
 */
export function rsm(state: State, index: number, features: Features): Step {
  const vcpu = vcpuOf(state, index);
  const cpu = features.rsm === 'patches-image' ? patchImage(state, vcpu, features) : vcpu.cpu;
  const { latched } = cpu;
  const hardware = hardwareRsm(
    latched.init ? { ...cpu, latched: { ...latched, init: false } } : cpu,
  );
  if (hardware.outcome.kind === 'fault') return { ...lift(state, index, hardware), state };
  if (hardware.outcome.kind === 'shutdown') {
    const outcome = { kind: features.rsmFailure } as const;
    return lift(state, index, { ...hardware, outcome });
  }
  const lifted = lift(state, index, hardware);
  const next = state.host === 'patched' ? checkAfterRsm(state, lifted, index, features) : lifted;
  const isReset = latched.init && next.state.dead === null;
  return isReset ? { ...next, state: init(next.state, index, features).state } : next;
}

/** The check on the registers as RSM left them. The in-SMM flag is clear by then. */
function checkAfterRsm(state: State, next: Step, index: number, features: Features): Step {
  const vcpu = vcpuOf(next.state, index);
  if (vcpu.cpu.smm.active || vcpu.exempt) return next;
  const isChecked =
    features.rsm === 'checks' || (features.rsm === 'checks-but-l2' && !runsL2(vcpu));
  if (!isChecked) return next;
  const [first] = violatedRegisters(state, vcpu, features);
  if (first === undefined) return next;
  const dead = features.rsmFailure;
  const rule = first === 'cr4' ? 'rsm.cr4-pinned' : 'rsm.cr0-pinned';
  return step({ ...next.state, dead }, { kind: dead }, rule, next.trail);
}

/**
 * February 2020: the save area is corrected before it is loaded; allowed bits not pinned become 0.
 * So do bits 63:32, since the value goes through a u32. Mirrors
 * kvm_pre_leave_smm_64_restore_crX_pinned().
 */
function patchImage(state: State, vcpu: VCpu, features: Features): ControlState {
  const { cpu } = vcpu;
  const { image } = cpu.smm;
  if (image === null || state.host !== 'patched') return cpu;
  const pins = pinsOf(state, vcpu, features);
  const allowed = allowedOf(state, features);
  const patched = (value: bigint, { high }: Pins, mask: bigint): bigint =>
    high === 0n ? value : (value & ~mask & LOW_32) | high;
  const cr0 = patched(image.cr0, pins.cr0, allowed.cr0);
  const cr4 = patched(image.cr4, pins.cr4, allowed.cr4);
  return { ...cpu, smm: { ...cpu.smm, image: { ...image, cr0, cr4 } } };
}
