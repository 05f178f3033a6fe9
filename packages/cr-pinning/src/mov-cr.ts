// SPDX-License-Identifier: MIT
import type { RuleId } from '@kernel-models/model-core';
import {
  CR0_ET,
  CR0_MP,
  CR0_PG,
  CR0_TS,
  CR0_VALUE_CHECKS,
  CR4_VALUE_CHECKS,
  checkMovCr0,
  checkMovCr4,
  clts as hardwareClts,
  commitCr0,
  faultOutcome,
  is64BitMode,
  isPaging,
  lmsw as hardwareLmsw,
  LOW_32,
  movToCr as hardwareMovToCr,
  VECTOR,
  type CpuStep,
} from '@kernel-models/hw-model/cpu';
import { allowedOf, isActive, pinsOf } from './active.ts';
import type { Features } from './features.ts';
import { violatedBits, violates } from './pins.ts';
import { vcpuOf, withVCpu, type PinnedRegister, type State, type VCpu } from './state.ts';
import { afterGuestExit } from './nested.ts';
import { lift, NO_TRAIL, step, type Step } from './step.ts';

/*
 * Writes of CR0 and CR4 by a guest. KVM makes the checks of the architecture that look at the value
 * alone, then its pin check, then the checks that look at the change; any of them is the same
 * #GP(0), so the order shows in the reason only. Reads beside kvm_set_cr0() and kvm_set_cr4(),
 * arch/x86/kvm/x86.c, Linux 5.8, with the posting of June 2020 on top.
 */

/** What of a write happened when the pin check is reached; the trails of a refusal. */
const BEFORE_PINS: Readonly<Record<PinnedRegister, readonly RuleId[]>> = {
  cr0: Object.freeze(['cr.undefined', 'cr.needs-cpl0', ...CR0_VALUE_CHECKS.map(({ id }) => id)]),
  cr4: Object.freeze(['cr.undefined', 'cr.needs-cpl0', ...CR4_VALUE_CHECKS.map(({ id }) => id)]),
};
const ENCODING_AND_CPL: readonly RuleId[] = Object.freeze(['cr.undefined', 'cr.needs-cpl0']);

const PIN_RULES: Readonly<Record<PinnedRegister, RuleId>> = { cr0: 'pin.cr0', cr4: 'pin.cr4' };

/** A value on its way into CR0 or CR4. */
interface CrWrite {
  readonly register: PinnedRegister;
  readonly value: bigint;
  /** By KVM's instruction emulator, which goes through the checks for every write. */
  readonly emulated: boolean;
}

/** MOV to CRn. Only CR0 and CR4 have pins; everything else is the hardware's. */
export function movToCr(
  state: State,
  index: number,
  cr: number,
  source: bigint,
  features: Features,
  emulated: boolean,
): Step {
  const vcpu = vcpuOf(state, index);
  const { cpu } = vcpu;
  const value = is64BitMode(cpu) && !emulated ? source : source & LOW_32;
  const hardware = hardwareMovToCr(cpu, cr, value);
  if (cr !== 0 && cr !== 4)
    return afterGuestExit(state, lift(state, index, hardware), index, features);
  const register = cr === 0 ? 'cr0' : 'cr4';
  // A write that L1 intercepts never reaches the registers.
  if (hardware.outcome.kind === 'exit') {
    return afterGuestExit(state, lift(state, index, hardware), index, features);
  }
  const write = { register, value, emulated } as const;
  const refusal = checkPins(state, vcpu, write, hardware, features);
  return refusal ?? endExemption(lift(state, index, hardware), index);
}

/** The pin check of one write; undefined: it lets the hardware's answer stand. */
function checkPins(
  state: State,
  vcpu: VCpu,
  { register, value, emulated }: CrWrite,
  hardware: CpuStep,
  features: Features,
): Step | undefined {
  if (vcpu.exempt) return checkSuspendedPins(state, vcpu, { register, value, emulated }, features);
  if (!isActive(state, vcpu, features)) return undefined;
  const pins = pinsOf(state, vcpu, features)[register];
  if (pins.high === 0n && pins.low === 0n) return undefined;
  if (!emulated && !exits(state, vcpu, register, value, features)) return undefined;
  const allowed = allowedOf(state, features)[register];
  const write = { value, old: vcpu.cpu[register], pins, allowed };
  if (!violates(features.predicate, write)) return undefined;
  const before = features.checkBeforeValid ? ENCODING_AND_CPL : BEFORE_PINS[register];
  if (before.includes(hardware.rule)) return undefined;
  const rule = PIN_RULES[register];
  if (features.violation === 'silent') return step(state, { kind: 'dropped' }, rule, before);
  const broken = (register === 'cr0' ? checkMovCr0 : checkMovCr4)(vcpu.cpu, value);
  const outcome = faultOutcome(vcpu.cpu, VECTOR.GP, 0, [...broken, rule]);
  return step(state, outcome, rule, before);
}

/**
 * Where INIT has suspended the pins, everything may be written until paging is turned on; that is
 * refused unless both registers respect the pins by then.
 */
function checkSuspendedPins(
  state: State,
  vcpu: VCpu,
  { register, value }: CrWrite,
  features: Features,
): Step | undefined {
  const { cpu } = vcpu;
  // A host that the VM was moved to may know of no pins, and of none that INIT has suspended.
  if (state.host !== 'patched') return undefined;
  if (register === 'cr4' || cpu.smm.active || (value & CR0_PG) === 0n) return undefined;
  const pins = pinsOf(state, vcpu, features);
  if (violatedBits(value, pins.cr0) === 0n && violatedBits(cpu.cr4, pins.cr4) === 0n) {
    return undefined;
  }
  const outcome = faultOutcome(cpu, VECTOR.GP, 0, ['pin.suspended']);
  return step(state, outcome, 'pin.suspended', BEFORE_PINS.cr0);
}

/**
 * Whether a write leaves the guest at all. Under VMX one that changes guest-owned bits only does
 * not, since the others equal the read shadow; under SVM, for CR0, one of TS and MP.
 */
function exits(
  { intercepts }: State,
  { cpu }: VCpu,
  register: PinnedRegister,
  value: bigint,
  features: Features,
): boolean {
  switch (intercepts) {
    case 'always':
      return true;
    case 'svm':
      return register === 'cr4' || ((value ^ cpu.cr0) & ~(CR0_TS | CR0_MP | CR0_ET)) !== 0n;
    case 'vmx': {
      const owned = register === 'cr0' ? features.guestOwnedCr0 : features.guestOwnedCr4;
      return ((value ^ cpu[register]) & ~owned) !== 0n;
    }
  }
}

/** Paging is on with all suspended pins met: from now on they count again. */
function endExemption(next: Step, index: number): Step {
  const vcpu = vcpuOf(next.state, index);
  if (!vcpu.exempt || next.outcome.kind !== 'done' || !isPaging(vcpu.cpu)) return next;
  return { ...next, state: withVCpu(next.state, index, { ...vcpu, exempt: false }) };
}

/**
 * LMSW. KVM ignores what its own setter says: a violating write is dropped, the guest sees no
 * fault.
 */
export function lmsw(
  state: State,
  index: number,
  source: bigint,
  features: Features,
  emulated: boolean,
): Step {
  const { cpu } = vcpuOf(state, index);
  return writeStatus(
    state,
    index,
    hardwareLmsw(cpu, source),
    'lmsw.pin-dropped',
    features,
    emulated,
  );
}

/**
 * CLTS. Under VMX the guest owns TS and KVM does not see it; in the emulator it goes through the
 * setter.
 */
export function clts(state: State, index: number, features: Features, emulated: boolean): Step {
  const { cpu } = vcpuOf(state, index);
  return writeStatus(state, index, hardwareClts(cpu), 'clts.pin-dropped', features, emulated);
}

/** A hardware task switch sets TS, through the same setter. Mirrors emulator_task_switch(). */
export function taskSwitch(state: State, index: number, features: Features): Step {
  const { cpu } = vcpuOf(state, index);
  const hardware: CpuStep = {
    state: commitCr0(cpu, cpu.cr0 | CR0_TS),
    outcome: { kind: 'done' },
    rule: 'task-switch.done',
    trail: NO_TRAIL,
  };
  return writeStatus(state, index, hardware, 'task-switch.pin-dropped', features, true);
}

/** A write of CR0 whose failure the caller does not look at. */
function writeStatus(
  state: State,
  index: number,
  hardware: CpuStep,
  rule: RuleId,
  features: Features,
  emulated: boolean,
): Step {
  const vcpu = vcpuOf(state, index);
  const next = lift(state, index, hardware);
  if (hardware.outcome.kind === 'exit') return afterGuestExit(state, next, index, features);
  if (hardware.outcome.kind !== 'done' || !isActive(state, vcpu, features)) return next;
  const value = hardware.state.cr0;
  const pins = pinsOf(state, vcpu, features).cr0;
  if (!emulated && !exits(state, vcpu, 'cr0', value, features)) return next;
  const allowed = allowedOf(state, features).cr0;
  if (!violates(features.predicate, { value, old: vcpu.cpu.cr0, pins, allowed })) return next;
  if (features.lmswViolation === 'fault') {
    return step(state, faultOutcome(vcpu.cpu, VECTOR.GP, 0, ['pin.cr0']), 'pin.cr0');
  }
  return step(state, { kind: 'dropped' }, rule);
}
