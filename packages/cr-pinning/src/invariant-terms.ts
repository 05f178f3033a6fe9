// SPDX-License-Identifier: MIT
import type { RevisionId } from '@kernel-models/model-core';
import { CR0_ET, CR0_MP, CR0_TS, is64BitMode, LOW_32 } from '@kernel-models/hw-model/cpu';
import { CR0_GUEST_OWNED, CR4_GUEST_OWNED } from './constants.ts';
import type { Operation } from './operation.ts';
import { violatedBits, type Pins } from './pins.ts';
import { featuresOf } from './revisions.ts';
import type { PinnedRegister, PinSet, State, VCpu } from './state.ts';

/*
 * What invariants say of a machine and an operation, in words of their own: none of the model's own
 * predicates but the arithmetic of pins.
 */

export function vcpuIn(state: State, operation: Operation): VCpu | undefined {
  return 'vcpu' in operation ? state.vcpus[operation.vcpu] : undefined;
}

/** The vCPU's own pins and the VM's together: what could be a reason to refuse. */
export function anyPins({ vmPins }: State, { pins }: VCpu, register: PinnedRegister): Pins {
  return {
    low: pins[register].low | vmPins[register].low,
    high: pins[register].high | vmPins[register].high,
  };
}

export function isUnambiguous({ cr0, cr4 }: PinSet): boolean {
  return ((cr0.low & cr0.high) | (cr4.low & cr4.high)) === 0n;
}

export function isViolated(state: State, vcpu: VCpu): boolean {
  const { cr0, cr4 } = vcpu.cpu;
  return (
    violatedBits(cr0, vcpu.pins.cr0) !== 0n ||
    violatedBits(cr4, vcpu.pins.cr4) !== 0n ||
    violatedBits(cr0, state.vmPins.cr0) !== 0n ||
    violatedBits(cr4, state.vmPins.cr4) !== 0n
  );
}

/** Whether pins should count for a vCPU, said without the model’s own words. */
export function shouldCount({ host }: State, { cpu, exempt }: VCpu): boolean {
  return host === 'patched' && !cpu.smm.active && cpu.virtualization?.kind !== 'svm' && !exempt;
}

export const REGISTERS: readonly PinnedRegister[] = ['cr0', 'cr4'];
export const POLARITIES: readonly (keyof Pins)[] = ['high', 'low'];

export const isPinRefusal = (rule: string): boolean => rule === 'pin.cr0' || rule === 'pin.cr4';

/** Rules that refuse a write of L2's, or stop the VM, for the pins of L1. */
export const AGAINST_L2: ReadonlySet<string> = new Set([
  'pin.cr0',
  'pin.cr4',
  'lmsw.pin-dropped',
  'clts.pin-dropped',
  'task-switch.pin-dropped',
]);
export const STOPS_AFTER_RSM: ReadonlySet<string> = new Set(['rsm.cr0-pinned', 'rsm.cr4-pinned']);

/** What a MOV to CR0 or CR4 writes, as the mode shows it. */
export function movValue(operation: Operation, { cpu }: VCpu): bigint | undefined {
  if (operation.op !== 'movToCr' || (operation.cr !== 0 && operation.cr !== 4)) return undefined;
  const isWide = is64BitMode(cpu) && operation.emulated !== true;
  return isWide ? operation.value : operation.value & LOW_32;
}

/** Whether KVM sees a write: it changes something that is not the guest’s own. */
export function isSeen(state: State, vcpu: VCpu, register: PinnedRegister, value: bigint): boolean {
  const changed = value ^ vcpu.cpu[register];
  switch (state.intercepts) {
    case 'always':
      return true;
    case 'svm':
      return register === 'cr4' || (changed & ~(CR0_TS | CR0_MP | CR0_ET)) !== 0n;
    case 'vmx':
      return (changed & ~(register === 'cr0' ? CR0_GUEST_OWNED : CR4_GUEST_OWNED)) !== 0n;
  }
}

export function pinWrite(
  operation: Operation,
  revision: RevisionId,
): { readonly register: PinnedRegister; readonly polarity: keyof Pins } | undefined {
  if (operation.op !== 'wrmsr') return undefined;
  const { msrs, request } = featuresOf(revision);
  if (request !== 'high-low') return undefined;
  switch (operation.msr) {
    case msrs.cr0High:
      return { register: 'cr0', polarity: 'high' };
    case msrs.cr0Low:
      return { register: 'cr0', polarity: 'low' };
    case msrs.cr4High:
      return { register: 'cr4', polarity: 'high' };
    case msrs.cr4Low:
      return { register: 'cr4', polarity: 'low' };
    default:
      return undefined;
  }
}

/** Operations by which somebody other than the guest's own request changes pins. */
export const UNPINS: ReadonlySet<Operation['op']> = new Set([
  'hostSetMsr',
  'machineReset',
  'migrate',
  'init',
  'routine',
  'hypercall',
]);

/** Whether a CPU has every bit of a CR4. */
export function hasLegalCr4({ cpu }: VCpu, cr4: bigint): boolean {
  return (cr4 & ~cpu.features.cr4Valid) === 0n;
}
