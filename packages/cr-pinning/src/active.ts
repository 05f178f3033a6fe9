// SPDX-License-Identifier: MIT
import type { Features } from './features.ts';
import { violatedBits, type Pins } from './pins.ts';
import type { HostKind } from './setup.ts';
import { runsL2, type PinSet, type PinnedRegister, type State, type VCpu } from './state.ts';

/*
 * Which pins count for a vCPU, and when.
 */

function union(a: Pins, b: Pins): Pins {
  return { low: a.low | b.low, high: a.high | b.high };
}

/** What KVM the guest meets, by the numbers that it asks for. */
export function hostOf({ host }: State, { numbersTaken }: Features): HostKind {
  return numbersTaken && host === 'patched' ? 'mainline' : host;
}

/** The pins that count for a vCPU: its own, the VM's, or both. */
export function pinsOf(state: State, vcpu: VCpu, features: Features): PinSet {
  switch (features.scope) {
    case 'vcpu':
      return vcpu.pins;
    case 'vm':
      return state.vmPins;
    case 'floor':
      return {
        cr0: union(state.vmPins.cr0, vcpu.pins.cr0),
        cr4: union(state.vmPins.cr4, vcpu.pins.cr4),
        eferHigh: state.vmPins.eferHigh | vcpu.pins.eferHigh,
      };
  }
}

/**
 * Whether writes are held against the pins now: not in system-management mode, not while L2 runs,
 * not while INIT has suspended them, and only on a host that has the feature.
 */
export function isActive(state: State, vcpu: VCpu, features: Features): boolean {
  return (
    features.request !== 'none' &&
    state.host === 'patched' &&
    !vcpu.cpu.smm.active &&
    !vcpu.exempt &&
    !(features.exemptsL2 && runsL2(vcpu))
  );
}

/** The registers of a vCPU that are not as they are pinned. */
export function violatedRegisters(
  state: State,
  vcpu: VCpu,
  features: Features,
): readonly PinnedRegister[] {
  const pins = pinsOf(state, vcpu, features);
  const violated: PinnedRegister[] = [];
  if (violatedBits(vcpu.cpu.cr4, pins.cr4) !== 0n) violated.push('cr4');
  if (violatedBits(vcpu.cpu.cr0, pins.cr0) !== 0n) violated.push('cr0');
  return violated;
}

/** What may be pinned in this VM. */
export function allowedOf(
  state: State,
  features: Features,
): { readonly cr0: bigint; readonly cr4: bigint } {
  const cr0 = state.allowed?.cr0 ?? features.allowedCr0;
  const cr4 = state.allowed?.cr4 ?? features.allowedCr4;
  if (!features.consultsHostRegisters) return { cr0, cr4 };
  // Heki let no bit of CR0 be pinned that the host has off, and cut CR4 down to what it has on.
  const { hostRegisters } = state;
  return { cr0: cr0 & hostRegisters.cr0, cr4: cr4 & hostRegisters.cr4 };
}
