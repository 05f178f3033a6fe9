// SPDX-License-Identifier: MIT
import type { RuleId } from '@kernel-models/model-core';
import {
  EFER_LMA,
  faultOutcome,
  guestAccessesMsr,
  MSR_EFER,
  rdmsr as hardwareRdmsr,
  wrmsr as hardwareWrmsr,
  hostRdmsr as hardwareHostRdmsr,
  hostWrmsr as hardwareHostWrmsr,
  VECTOR,
  type ControlState,
} from '@kernel-models/hw-model/cpu';
import { allowedOf, hostOf, isActive, pinsOf } from './active.ts';
import { MSR_KVM_MIGRATION_CONTROL } from './constants.ts';
import type { Features } from './features.ts';
import { afterGuestExit } from './nested.ts';
import type { Pins } from './pins.ts';
import {
  vcpuOf,
  withPinning,
  withPins,
  withRegister,
  withVCpu,
  type PinnedRegister,
  type State,
  type VCpu,
} from './state.ts';
import { done, lift, NO_TRAIL, step, type Step } from './step.ts';

/*
 * The MSRs by which a guest pins bits. Reads beside kvm_set_msr_common() and kvm_get_msr_common(),
 * arch/x86/kvm/x86.c, in the posting of June 2020. What is written does not depend on the current
 * value of CR0 or CR4, on SMM, or on what runs nested.
 */

/** Who accesses: the guest by an instruction, the VMM by KVM_SET_MSRS or KVM_GET_MSRS. */
export type Accessor = 'guest' | 'host';

/** What an MSR of the interface is. */
type PinMsr =
  | { readonly kind: 'allowed'; readonly register: PinnedRegister }
  | { readonly kind: 'pinned'; readonly register: PinnedRegister; readonly polarity: keyof Pins }
  | { readonly kind: 'efer' };

/** The MSR of the interface that has a number, if one does in this VM. */
function pinMsr(state: State, features: Features, msr: number): PinMsr | undefined {
  const hasMsrs = features.request === 'high-low' || features.request === 'mask-value';
  if (!hasMsrs || hostOf(state, features) !== 'patched') return undefined;
  const { msrs } = features;
  switch (msr) {
    case msrs.cr0Allowed:
      return { kind: 'allowed', register: 'cr0' };
    case msrs.cr4Allowed:
      return { kind: 'allowed', register: 'cr4' };
    case msrs.cr0High:
      return { kind: 'pinned', register: 'cr0', polarity: 'high' };
    case msrs.cr4High:
      return { kind: 'pinned', register: 'cr4', polarity: 'high' };
    case msrs.cr0Low:
      return { kind: 'pinned', register: 'cr0', polarity: 'low' };
    case msrs.cr4Low:
      return { kind: 'pinned', register: 'cr4', polarity: 'low' };
    case msrs.eferHigh:
      return { kind: 'efer' };
    default:
      return undefined;
  }
}

/** A write that went through, or the rule that refuses it. */
type Written = { readonly state: State } | { readonly refused: RuleId };

/** Refusals of the pinned MSRs, in order; what passed one stands in the trail of the next. */
const PINNED_CHECKS: readonly RuleId[] = [
  'pin-msr.not-allowed',
  'pin-msr.opposite',
  'pin-msr.unpins',
];

function trailOf(rule: RuleId): readonly RuleId[] {
  const index = PINNED_CHECKS.indexOf(rule);
  return index < 0 ? NO_TRAIL : PINNED_CHECKS.slice(0, index);
}

function write(
  state: State,
  index: number,
  msr: PinMsr,
  data: bigint,
  by: Accessor,
  features: Features,
): Written {
  switch (msr.kind) {
    case 'allowed':
      return writeAllowed(state, msr.register, data, by, features);
    case 'pinned':
      return features.request === 'mask-value'
        ? writeMaskOrValue(state, index, msr, data, by, features)
        : writePinned(state, index, msr, data, by, features);
    case 'efer':
      return writeEferPins(state, index, data, by, features);
  }
}

/**
 * ALLOWED is read-only, and still takes its own value, so that a restore of all MSRs goes through.
 */
function writeAllowed(
  state: State,
  register: PinnedRegister,
  data: bigint,
  by: Accessor,
  features: Features,
): Written {
  if (features.allowedWrite === 'ignored') return { state };
  const allowed = allowedOf(state, features);
  if (data === allowed[register]) return { state };
  if (features.allowedWrite === 'equal' || by === 'guest') {
    return { refused: 'pin-msr.allowed-differs' };
  }
  const isPinned = state.vcpus.some(({ pins }) => {
    const { low, high } = pins[register];
    return ((low | high) & ~data) !== 0n;
  });
  if (isPinned && features.allowedRevalidates) return { refused: 'pin-msr.allowed-below-pins' };
  return { state: { ...state, allowed: { ...allowed, [register]: data } } };
}

function writePinned(
  state: State,
  index: number,
  { register, polarity }: Extract<PinMsr, { kind: 'pinned' }>,
  data: bigint,
  by: Accessor,
  features: Features,
): Written {
  const vcpu = vcpuOf(state, index);
  const pins = (features.scope === 'vm' ? state.vmPins : vcpu.pins)[register];
  const own = pins[polarity];
  // Under a floor, what another vCPU pinned counts for this one too.
  const counted = pinsOf(state, vcpu, features)[register];
  const other = counted[polarity === 'high' ? 'low' : 'high'];
  const allowed = allowedOf(state, features)[register];
  if ((data & ~allowed) !== 0n) return { refused: 'pin-msr.not-allowed' };
  if (features.refusesOpposite && (data & other) !== 0n) return { refused: 'pin-msr.opposite' };
  const isGuest = by === 'guest';
  if (isGuest && features.guestWrite === 'superset' && (own & ~data) !== 0n) {
    return { refused: 'pin-msr.unpins' };
  }
  const asked = isGuest && features.guestWrite === 'adds' ? data | own : data;
  const next = features.pinsCurrentValue
    ? currentValuePins(vcpu, register, asked, pins)
    : polarity === 'high'
      ? { low: pins.low, high: asked }
      : { low: asked, high: pins.high };
  return { state: storePins(state, index, register, next, features) };
}

/** Pins of the current value: what is written says which bits, the register says to what. */
function currentValuePins({ cpu }: VCpu, register: PinnedRegister, bits: bigint, pins: Pins): Pins {
  const value = cpu[register];
  return { high: pins.high | (bits & value), low: pins.low };
}

/**
 * The mask-and-value design: HIGH is the mask, LOW the value. What enters the mask is pinned to the
 * value of that moment, and stays; a bit cannot be pinned both ways, whatever is written.
 */
function writeMaskOrValue(
  state: State,
  index: number,
  { register, polarity }: Extract<PinMsr, { kind: 'pinned' }>,
  data: bigint,
  by: Accessor,
  features: Features,
): Written {
  const vcpu = vcpuOf(state, index);
  const { low, high } = vcpu.pins[register];
  if ((data & ~allowedOf(state, features)[register]) !== 0n) {
    return { refused: 'pin-msr.not-allowed' };
  }
  if (polarity === 'low') {
    const pinValue = { ...vcpu.pinValue, [register]: data };
    return { state: withVCpu(state, index, { ...vcpu, pinValue }) };
  }
  const mask = low | high;
  if (by === 'guest' && (mask & ~data) !== 0n) return { refused: 'pin-msr.unpins' };
  const value = vcpu.pinValue[register];
  // What the host takes out of the mask and puts back is pinned anew.
  const kept = mask & data;
  const added = data & ~mask;
  const pins = { high: (high & kept) | (added & value), low: (low & kept) | (added & ~value) };
  return { state: storePins(state, index, register, pins, features) };
}

function writeEferPins(
  state: State,
  index: number,
  data: bigint,
  by: Accessor,
  features: Features,
): Written {
  const vcpu = vcpuOf(state, index);
  if ((data & ~features.allowedEfer) !== 0n) return { refused: 'pin-msr.not-allowed' };
  if (by === 'guest' && (vcpu.pins.eferHigh & ~data) !== 0n) return { refused: 'pin-msr.unpins' };
  const pins = { ...vcpu.pins, eferHigh: data };
  return { state: withVCpu(state, index, withPins(vcpu, pins)) };
}

/** Puts pins where the revision keeps them: on the vCPU, in the VM, or, as a floor, in both. */
export function storePins(
  state: State,
  index: number,
  register: PinnedRegister,
  pins: Pins,
  features: Features,
): State {
  const vcpu = vcpuOf(state, index);
  const withOwn =
    features.scope === 'vm'
      ? state
      : withVCpu(state, index, withPins(vcpu, withRegister(vcpu.pins, register, pins)));
  if (features.scope === 'vcpu') return withOwn;
  const floor = withOwn.vmPins[register];
  const ofVm =
    features.scope === 'vm' ? pins : { low: floor.low | pins.low, high: floor.high | pins.high };
  return withPinning(withOwn, withOwn.vcpus, withRegister(withOwn.vmPins, register, ofVm));
}

/** Whether a newer KVM answers by the number of CR0_PIN_ALLOWED for something else. */
function isMigrationControl(
  state: State,
  { cpl }: ControlState,
  msr: number,
  features: Features,
): boolean {
  const isTaken = msr === MSR_KVM_MIGRATION_CONTROL && hostOf(state, features) === 'mainline';
  return isTaken && cpl === 0;
}

/**
 * L2's access to an MSR that no permission map covers, as those of the interface: it ends L2, and
 * never reaches the pins. Undefined: no such access.
 */
function exitForMsr(
  state: State,
  index: number,
  msr: number,
  access: 'read' | 'write',
  features: Features,
): Step | undefined {
  const { cpu } = vcpuOf(state, index);
  const exit = cpu.cpl === 0 ? guestAccessesMsr(cpu, msr, access) : undefined;
  if (exit === undefined) return undefined;
  return afterGuestExit(state, lift(state, index, exit), index, features);
}

/** WRMSR. */
export function wrmsr(
  state: State,
  index: number,
  msr: number,
  data: bigint,
  features: Features,
): Step {
  const vcpu = vcpuOf(state, index);
  const { cpu } = vcpu;
  const gp = (rule: RuleId): Step =>
    step(state, faultOutcome(cpu, VECTOR.GP, 0, [rule]), rule, trailOf(rule));
  const exit = exitForMsr(state, index, msr, 'write', features);
  if (exit !== undefined) return exit;
  const found = cpu.cpl === 0 ? pinMsr(state, features, msr) : undefined;
  if (found === undefined) {
    if (isMigrationControl(state, cpu, msr, features)) {
      if (data > 1n) return gp('pin-msr.migration-control-value');
      return done(state, 'pin-msr.migration-control');
    }
    if (violatesEferPins(state, vcpu, msr, data, features)) return gp('pin.efer');
    return lift(state, index, hardwareWrmsr(cpu, msr, data));
  }
  if (features.cpuidGated && state.hidesFeature) return gp('pin-msr.hidden');
  const written = write(state, index, found, data, 'guest', features);
  return 'refused' in written
    ? gp(written.refused)
    : done(written.state, 'pin-msr.written', PINNED_CHECKS);
}

function violatesEferPins(
  state: State,
  vcpu: VCpu,
  msr: number,
  data: bigint,
  features: Features,
): boolean {
  if (msr !== MSR_EFER || !isActive(state, vcpu, features)) return false;
  return (pinsOf(state, vcpu, features).eferHigh & ~data & ~EFER_LMA) !== 0n;
}

function read(state: State, index: number, msr: PinMsr, features: Features): bigint {
  const vcpu = vcpuOf(state, index);
  const { pins } = vcpu;
  const own = features.scope === 'vm' ? state.vmPins : pins;
  if (msr.kind === 'allowed') return allowedOf(state, features)[msr.register];
  if (msr.kind === 'efer') return pins.eferHigh;
  if (features.request !== 'mask-value') return own[msr.register][msr.polarity];
  const { low, high } = own[msr.register];
  if (msr.polarity === 'high') return low | high;
  return high | (vcpu.pinValue[msr.register] & ~(low | high));
}

/** RDMSR. */
export function rdmsr(state: State, index: number, msr: number, features: Features): Step {
  const { cpu } = vcpuOf(state, index);
  const gp = (rule: RuleId): Step =>
    step(state, faultOutcome(cpu, VECTOR.GP, 0, [rule]), rule, NO_TRAIL);
  const exit = exitForMsr(state, index, msr, 'read', features);
  if (exit !== undefined) return exit;
  const found = cpu.cpl === 0 ? pinMsr(state, features, msr) : undefined;
  if (found === undefined) {
    if (isMigrationControl(state, cpu, msr, features)) {
      return step(state, { kind: 'value', value: 0n }, 'pin-msr.migration-control');
    }
    return lift(state, index, hardwareRdmsr(cpu, msr));
  }
  if (features.cpuidGated && state.hidesFeature) return gp('pin-msr.hidden');
  if (found.kind === 'pinned' && !features.guestReads) return gp('pin-msr.write-only');
  return step(state, { kind: 'value', value: read(state, index, found, features) }, 'pin-msr.read');
}

/** KVM_SET_MSRS with one entry. */
export function hostSetMsr(
  state: State,
  index: number,
  msr: number,
  data: bigint,
  features: Features,
): Step {
  const found = pinMsr(state, features, msr);
  if (found === undefined) {
    return lift(state, index, hardwareHostWrmsr(vcpuOf(state, index).cpu, msr, data));
  }
  const written = write(state, index, found, data, 'host', features);
  return 'refused' in written
    ? step(state, { kind: 'processed', count: 0 }, written.refused, trailOf(written.refused))
    : step(written.state, { kind: 'processed', count: 1 }, 'pin-msr.written-by-host');
}

/** KVM_GET_MSRS with one entry. The host reads the pins in every revision. */
export function hostGetMsr(state: State, index: number, msr: number, features: Features): Step {
  const found = pinMsr(state, features, msr);
  if (found === undefined) {
    return lift(state, index, hardwareHostRdmsr(vcpuOf(state, index).cpu, msr));
  }
  const value = read(state, index, found, features);
  return step(state, { kind: 'processed', count: 1, value }, 'pin-msr.read-by-host');
}

/** The MSRs of the interface, in ascending order: what a VMM saves and restores. */
export function interfaceMsrs({ msrs }: Features): readonly number[] {
  return Object.values(msrs)
    .filter((msr): msr is number => msr !== undefined)
    .sort((a, b) => a - b);
}
