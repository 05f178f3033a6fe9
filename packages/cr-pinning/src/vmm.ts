// SPDX-License-Identifier: MIT
import {
  isBootstrap,
  powerOn,
  sameShape,
  setSregs as hardwareSetSregs,
  type ControlState,
  type Sregs,
} from '@kernel-models/hw-model/cpu';
import type { Features } from './features.ts';
import { hostGetMsr, hostSetMsr, interfaceMsrs } from './pin-msr.ts';
import { NO_PIN_SET, NO_PIN_VALUE, vcpuOf, withVCpu, type State, type VCpu } from './state.ts';
import { done, lift, step, type Step } from './step.ts';

/*
 * The VMM: what user space is responsible for. It zeroes the pins when the machine is reset, and
 * moves them with the machine; variants forget one or the other.
 */

/** KVM_SET_SREGS: any state that is valid by itself, whatever is pinned. */
export function hostSetSregs(state: State, index: number, sregs: Sregs): Step {
  return lift(state, index, hardwareSetSregs(vcpuOf(state, index).cpu, sregs));
}

/** A reset of the machine: user space writes all state, and KVM's own reset does not run. */
export function machineReset(state: State, features: Features): Step {
  const clears = features.policyInVmm || state.vmm.kind !== 'no-clear-on-reset';
  const vcpus = state.vcpus.map((vcpu) => resetVCpu(vcpu, clears));
  // The hypercall of Heki has no way back: what is locked stays locked.
  const keepsVm = features.request === 'hypercall' || !clears;
  const next: State = {
    ...state,
    vcpus,
    vmPins: keepsVm ? state.vmPins : NO_PIN_SET,
    kernel: {
      ...state.kernel,
      pinning: false,
      cr4PinnedBits: 0n,
      mmuCr4Features: 0n,
      kexecLoadDisabled: false,
      kexecLoaded: false,
    },
    dead: null,
  };
  return done(next, clears ? 'reset.clears-pins' : 'reset.keeps-pins');
}

function resetVCpu(vcpu: VCpu, clears: boolean): VCpu {
  const fresh = sameShape({
    ...powerOn(vcpu.cpu.features, isBootstrap(vcpu.cpu)),
    memory: vcpu.cpu.memory,
  });
  const reset = { ...vcpu, cpu: fresh, exempt: false };
  return clears ? { ...reset, pins: NO_PIN_SET, pinValue: NO_PIN_VALUE } : reset;
}

/**
 * A migration, or a snapshot and its restore. The registers and the MSRs are set on fresh vCPUs of
 * the destination, in the VMM's order; KVM_SET_MSRS stops at an MSR that it does not take, which
 * ends the migration or, with a lenient VMM, loses the MSR.
 */
export function migrate(
  state: State,
  order: 'sregs-first' | 'msrs-first',
  strict: boolean,
  features: Features,
): Step {
  if (features.policyInVmm) return done(state, 'migration.moved-policy');
  const isOld = state.vmm.kind === 'old-host';
  let destination: State = {
    ...state,
    host: isOld ? 'unpatched' : state.host,
    vcpus: state.vcpus.map(emptyVCpu),
    vmPins: features.scope === 'floor' && !isForgotten(state) ? state.vmPins : NO_PIN_SET,
    allowed: null,
  };
  for (let index = 0; index < state.vcpus.length; index += 1) {
    const { cpu } = vcpuOf(state, index);
    if (order === 'sregs-first') destination = withHardware(destination, index, cpu);
    const moved = moveMsrs(state, destination, index, strict, features);
    if ('refused' in moved) {
      return step(state, { kind: 'aborted', msr: moved.refused }, 'migration.aborted');
    }
    destination = withHardware(moved.state, index, cpu);
  }
  return done(destination, 'migration.moved');
}

/** Whether the VMM does not think of the pins, or has none to think of. */
function isForgotten({ vmm, host }: State): boolean {
  return vmm.kind === 'no-migrate' || host !== 'patched';
}

function emptyVCpu({ cpu, exempt }: VCpu): VCpu {
  return {
    cpu: powerOn(cpu.features, isBootstrap(cpu)),
    pins: NO_PIN_SET,
    pinValue: NO_PIN_VALUE,
    exempt,
  };
}

function withHardware(state: State, index: number, cpu: ControlState): State {
  return withVCpu(state, index, { ...vcpuOf(state, index), cpu });
}

function moveMsrs(
  source: State,
  destination: State,
  index: number,
  strict: boolean,
  features: Features,
): { readonly state: State } | { readonly refused: number } {
  const isLost = isForgotten(source) || !features.migratesPins;
  if (isLost || features.request === 'none') return { state: destination };
  let next = destination;
  for (const msr of interfaceMsrs(features)) {
    const { outcome } = hostGetMsr(source, index, msr, features);
    if (outcome.kind !== 'processed' || outcome.value === undefined) continue;
    const set = hostSetMsr(next, index, msr, outcome.value, features);
    const isTaken = set.outcome.kind === 'processed' && set.outcome.count === 1;
    if (!isTaken && strict) return { refused: msr };
    next = set.state;
  }
  return { state: next };
}

/** The operator allows the guest one kexec with its pins dropped. */
export function armKexec(state: State, features: Features): Step {
  if (!features.kexecToken) return step(state, { kind: 'ignored' }, 'kexec-token.not-there');
  return done({ ...state, vmm: { ...state.vmm, kexecToken: true } }, 'kexec-token.armed');
}
