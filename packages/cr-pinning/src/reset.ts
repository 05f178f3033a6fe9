// SPDX-License-Identifier: MIT
import { init as hardwareInit, sipi as hardwareSipi } from '@kernel-models/hw-model/cpu';
import type { Features } from './features.ts';
import { afterGuestExit } from './nested.ts';
import { NO_PIN_SET, vcpuOf, withPins, withVCpu, type State } from './state.ts';
import { lift, type Step } from './step.ts';

/*
 * INIT and SIPI: how a guest takes CPUs offline and brings them up. Reads beside kvm_vcpu_reset(),
 * arch/x86/kvm/x86.c: it runs at creation and at INIT, not at a reset of the machine, which user
 * space does by writing all state.
 */

/**
 * INIT: like a power-on, but MSRs stay. What it does to the pins is the revision's most disputed
 * choice.
 */
export function init(state: State, index: number, features: Features): Step {
  const before = vcpuOf(state, index);
  const { cpu } = before;
  // KVM takes the vCPU out of L2 and resets it, whatever the hardware of L1's would do.
  const ofL1 = cpu.virtualization === null ? cpu : { ...cpu, virtualization: null };
  const hardware = hardwareInit(ofL1);
  const next = afterGuestExit(state, lift(state, index, hardware), index, features);
  if (next.rule !== 'init.done') return next;
  const vcpu = vcpuOf(next.state, index);
  switch (features.init) {
    case 'clears':
      return { ...next, state: withVCpu(next.state, index, withPins(vcpu, NO_PIN_SET)) };
    case 'keeps':
      return next;
    case 'suspends':
      return { ...next, state: withVCpu(next.state, index, { ...vcpu, exempt: true }) };
  }
}

/** A start-up IPI. */
export function sipi(state: State, index: number, vector: number): Step {
  return lift(state, index, hardwareSipi(vcpuOf(state, index).cpu, vector));
}
