// SPDX-License-Identifier: MIT
import { CR0_WP, faultOutcome, VECTOR } from '@kernel-models/hw-model/cpu';
import { EINVAL, KVM_ENOSYS, KVM_HC_LOCK_CR_UPDATE, LOCK_CR_UPDATE_VERSION } from './constants.ts';
import { allowedOf } from './active.ts';
import type { Features } from './features.ts';
import { storePins } from './pin-msr.ts';
import { NO_PIN_SET, vcpuOf, withPins, type State } from './state.ts';
import { NO_TRAIL, step, type Step } from './step.ts';

/*
 * KVM_HC_LOCK_CR_UPDATE of the Heki postings: a0 is 0 or 4, a1 the bits, a2 flags. Pins are added
 * to the VM and never taken away. Mirrors lock_cr_update(), arch/x86/kvm/x86.c, in those postings.
 */

/**
 * Ours: the hypercall by which a kernel that is about to kexec uses the VMM's one-time permission.
 */
export const KVM_HC_KEXEC_UNPIN = 100;

function answer(state: State, value: bigint, rule: string): Step {
  const unsigned = BigInt.asUintN(64, value);
  return step(state, { kind: 'value', value: unsigned }, rule, NO_TRAIL);
}

/** A hypercall of a guest's kernel. */
export function hypercall(
  state: State,
  index: number,
  nr: number,
  args: readonly bigint[],
  features: Features,
): Step {
  const { cpu } = vcpuOf(state, index);
  if (cpu.cpl > 0) {
    return step(state, faultOutcome(cpu, VECTOR.GP, 0), 'hypercall.needs-cpl0', NO_TRAIL);
  }
  if (nr === KVM_HC_KEXEC_UNPIN && features.kexecToken) return spendKexecToken(state);
  const isLock = nr === KVM_HC_LOCK_CR_UPDATE && features.request === 'hypercall';
  if (!isLock || state.host !== 'patched') return answer(state, -KVM_ENOSYS, 'hypercall.unknown');
  const [register = 0n, bits = 0n, flags = 0n] = args;
  if (flags === LOCK_CR_UPDATE_VERSION && register === 0n && bits === 0n) {
    return answer(state, 1n, 'hypercall.version');
  }
  if (bits === 0n || flags !== 0n) return answer(state, -EINVAL, 'hypercall.nothing-to-pin');
  const name = register === 0n ? 'cr0' : register === 4n ? 'cr4' : undefined;
  if (name === undefined) return answer(state, -EINVAL, 'hypercall.register');
  const { hostRegisters } = state;
  const isHostPinnable =
    name === 'cr0'
      ? (bits & CR0_WP) !== 0n && (bits & ~hostRegisters.cr0) === 0n
      : (bits & ~features.allowedCr4) === 0n;
  if (!isHostPinnable) return answer(state, -EINVAL, 'hypercall.bits');
  const pinned = name === 'cr0' ? bits : bits & allowedOf(state, features).cr4;
  const pins = state.vmPins[name];
  const next = storePins(state, index, name, { ...pins, high: pins.high | pinned }, features);
  return answer(next, 0n, 'hypercall.pinned');
}

function spendKexecToken(state: State): Step {
  if (!state.vmm.kexecToken) return answer(state, -EINVAL, 'hypercall.no-kexec-token');
  const vcpus = state.vcpus.map((vcpu) => withPins(vcpu, NO_PIN_SET));
  const vmm = { ...state.vmm, kexecToken: false };
  return answer({ ...state, vcpus, vmPins: NO_PIN_SET, vmm }, 0n, 'hypercall.kexec-unpinned');
}
