// SPDX-License-Identifier: MIT
import { DR6_RESET, DR7_RESET, RFLAGS_FIXED, type ControlState } from '@kernel-models/hw-model/cpu';
import type { PinSet, State, VCpu } from './state.ts';

/*
 * Short keys for exploration. Registers are written out; the parts that come in few kinds and are handed
 * on from state to state (features, save areas, VMCSs, the kernel) are numbered, and each object's number
 * is looked up once.
 */

const texts = new WeakMap<object, string>();
const numbers = new Map<string, string>();

/** Plain data as text; four times as fast as canonical JSON, since fields stay in their order. */
function textOf(value: unknown): string {
  if (typeof value === 'bigint') return value.toString(36);
  if (typeof value !== 'object' || value === null) return String(value);
  let text = '(';
  for (const [name, field] of Object.entries(value)) text += `${name}=${textOf(field)},`;
  return `${text})`;
}

/** A short text that stands for the value of a part. */
function kindOf(part: object | null): string {
  if (part === null) return '-';
  const known = texts.get(part);
  if (known !== undefined) return known;
  const text = textOf(part);
  const number = numbers.get(text) ?? numbers.size.toString(36);
  numbers.set(text, number);
  texts.set(part, number);
  return number;
}

/** A register; nothing where it has its usual value. */
function register(value: bigint, usual: bigint): string {
  return value === usual ? '' : value.toString(36);
}

function cpuKey(cpu: ControlState): string {
  const { cs, smm, latched } = cpu;
  const flags =
    (cs.l ? 1 : 0) |
    (cs.d ? 2 : 0) |
    (smm.active ? 4 : 0) |
    (cpu.nmiBlocked ? 8 : 0) |
    (latched.smi ? 16 : 0) |
    (latched.init ? 32 : 0) |
    (latched.nmi ? 64 : 0) |
    (cpu.cpl << 7);
  const registers = `${register(cpu.cr0, 0n)},${register(cpu.cr3, 0n)},${register(cpu.cr4, 0n)},${register(cpu.efer, 0n)},${register(cpu.cr2, 0n)},${register(cpu.cr8, 0n)}`;
  const others = `${register(cpu.rip, 0n)},${register(cpu.rflags, RFLAGS_FIXED)},${register(cpu.dr6, DR6_RESET)},${register(cpu.dr7, DR7_RESET)},${cs.selector},${register(cs.base, 0n)}`;
  const parts = `${kindOf(cpu.features)},${kindOf(cpu.msrs)},${kindOf(cpu.pdptes)},${kindOf(cpu.memory)},${kindOf(smm.image)},${kindOf(smm.suspended)},${kindOf(cpu.virtualization)}`;
  return `${registers},${others},${flags},${cpu.activity},${smm.smbase},${parts}`;
}

function pinsKey({ cr0, cr4, eferHigh }: PinSet): string {
  return `${register(cr0.low, 0n)},${register(cr0.high, 0n)},${register(cr4.low, 0n)},${register(cr4.high, 0n)},${register(eferHigh, 0n)}`;
}

function vcpuKey({ cpu, pins, pinValue, exempt }: VCpu): string {
  const value = `${register(pinValue.cr0, 0n)},${register(pinValue.cr4, 0n)}`;
  return `${cpuKey(cpu)};${pinsKey(pins)},${value}${exempt ? 'x' : ''}`;
}

/** Equal keys mean equal states. */
export function key(state: State): string {
  const { host, intercepts, hidesFeature, dead, allowed, vmPins, vmm, kernel } = state;
  const machine = `${host},${intercepts},${hidesFeature ? 'h' : ''},${dead ?? ''}`;
  const parts = `${kindOf(allowed)},${kindOf(vmPins)},${kindOf(vmm)},${kindOf(kernel)},${kindOf(state.hostRegisters)}`;
  let vcpus = '';
  for (const vcpu of state.vcpus) vcpus += `${vcpuKey(vcpu)}|`;
  return `${vcpus}${machine},${parts}`;
}
