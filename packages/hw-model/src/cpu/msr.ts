// SPDX-License-Identifier: MIT
import type { RuleId } from '@kernel-models/model-core';
import { firstBroken, fullTrail } from './checklist.ts';
import type { RegisterWrite } from './cr0-checks.ts';
import { VMX_CR0_FIXED0 } from './cr0-checks.ts';
import { VECTOR } from './exception.ts';
import { guestAccessesMsr } from './guest-msr.ts';
import * as msr from './msr-numbers.ts';
import { CR4_CET, CR4_LA57, CR4_VMXE, EFER_LMA, EFER_SVME, LOW_32 } from './registers.ts';
import { ARCHITECTURE, type Implementation } from './revisions.ts';
import type { ControlState } from './state.ts';
import { done, fault, refuse, value as valueStep, type CpuStep } from './step.ts';

/*
 * The MSR file. A guest's RDMSR and WRMSR answer a number or value that is not there with #GP(0);
 * the host's ioctls stop and say how far they came. Intel SDM volume 2, "RDMSR", "WRMSR"; volume 4.
 */

/** One MSR: what it holds after reset and what may be written to it. */
interface Msr {
  readonly reset: (state: ControlState) => bigint;
  /** Whether a value may be written. Absent: the MSR is read-only. */
  readonly accepts?: (state: ControlState, value: bigint) => boolean;
  /** Whether the CPU has it. Absent: all do. */
  readonly exists?: (state: ControlState) => boolean;
  /** Only the host sees it. */
  readonly hostOnly?: boolean;
}

const zero = (): bigint => 0n;
const any = (): boolean => true;
const hasVmx = ({ features }: ControlState): boolean => (features.cr4Valid & CR4_VMXE) !== 0n;
const hasSvm = ({ features }: ControlState): boolean => (features.eferValid & EFER_SVME) !== 0n;
const hasCet = ({ features }: ControlState): boolean => (features.cr4Valid & CR4_CET) !== 0n;

/**
 * Whether the bits above the linear address repeat its highest one. Intel SDM volume 1, canonical
 * addressing.
 */
function isCanonical({ features }: ControlState, address: bigint): boolean {
  const width = (features.cr4Valid & CR4_LA57) === 0n ? 48 : 57;
  return BigInt.asUintN(64, BigInt.asIntN(width, address)) === address;
}

/**
 * Eight memory types, each of 0, 1, 4, 5, 6, 7. Intel SDM volume 3, "Memory Cache Control", PAT.
 */
function isPat(_: ControlState, value: bigint): boolean {
  for (let shift = 0n; shift < 64n; shift += 8n) {
    const type = (value >> shift) & 0xffn;
    if (type > 7n || type === 2n || type === 3n) return false;
  }
  return true;
}

/**
 * Reserved bits of U_CET and S_CET, and SUPPRESS together with TRACKER. Intel SDM volume 1, chapter
 * on CET.
 */
function isCetControl(state: ControlState, value: bigint): boolean {
  const reserved = 0x3c0n;
  const suppressAndTracker = 0xc00n;
  return (
    (value & reserved) === 0n &&
    (value & suppressAndTracker) !== suppressAndTracker &&
    isCanonical(state, value)
  );
}

const address: Msr = { reset: zero, accepts: isCanonical };
const word32: Msr = { reset: zero, accepts: (_, value) => value <= LOW_32 };
const vmxCapability = (reset: Msr['reset']): Msr => ({ reset, exists: hasVmx });

/** APIC_BASE: bits 9:0 but BSP (8) are reserved, and what is above the physical address. */
const APIC_BASE_LOW_RESERVED = 0x2ffn;

const MSRS: ReadonlyMap<number, Msr> = new Map<number, Msr>([
  [msr.MSR_IA32_TSC, { reset: zero, accepts: any }],
  [
    msr.MSR_IA32_APIC_BASE,
    {
      reset: () => 0xfee0_0900n,
      accepts: ({ features }, value) =>
        (value & APIC_BASE_LOW_RESERVED) === 0n && value >> BigInt(features.maxPhyAddr) === 0n,
    },
  ],
  [
    msr.MSR_IA32_FEATURE_CONTROL,
    {
      reset: zero,
      exists: hasVmx,
      // Bit 0 locks the register; bits 1 and 2 allow VMXON inside and outside SMX.
      accepts: (state, value) =>
        (value & ~7n) === 0n && ((state.msrs[msr.MSR_IA32_FEATURE_CONTROL] ?? 0n) & 1n) === 0n,
    },
  ],
  [msr.MSR_IA32_SMBASE, { reset: ({ smm }) => BigInt(smm.smbase), hostOnly: true }],
  [msr.MSR_IA32_SYSENTER_CS, word32],
  [msr.MSR_IA32_SYSENTER_ESP, address],
  [msr.MSR_IA32_SYSENTER_EIP, address],
  [msr.MSR_IA32_PAT, { reset: () => 0x0007_0406_0007_0406n, accepts: isPat }],
  [msr.MSR_IA32_VMX_CR0_FIXED0, vmxCapability(() => VMX_CR0_FIXED0)],
  [msr.MSR_IA32_VMX_CR0_FIXED1, vmxCapability(() => LOW_32)],
  [msr.MSR_IA32_VMX_CR4_FIXED0, vmxCapability(() => CR4_VMXE)],
  [msr.MSR_IA32_VMX_CR4_FIXED1, vmxCapability(({ features }) => features.cr4Valid)],
  [msr.MSR_IA32_U_CET, { reset: zero, exists: hasCet, accepts: isCetControl }],
  [msr.MSR_IA32_S_CET, { reset: zero, exists: hasCet, accepts: isCetControl }],
  [msr.MSR_STAR, { reset: zero, accepts: any }],
  [msr.MSR_LSTAR, address],
  [msr.MSR_CSTAR, address],
  [msr.MSR_SYSCALL_MASK, word32],
  [msr.MSR_FS_BASE, address],
  [msr.MSR_GS_BASE, address],
  [msr.MSR_KERNEL_GS_BASE, address],
  [msr.MSR_TSC_AUX, word32],
  [msr.MSR_VM_CR, { reset: zero, exists: hasSvm, accepts: (_, value) => (value & ~0x1fn) === 0n }],
  [
    msr.MSR_VM_HSAVE_PA,
    {
      reset: zero,
      exists: hasSvm,
      accepts: ({ features }, value) =>
        (value & 0xfffn) === 0n && value >> BigInt(features.maxPhyAddr) === 0n,
    },
  ],
]);

/** Who accesses an MSR: an instruction of the guest, or an ioctl of the host. */
type Accessor = 'guest' | 'host';

function find(state: ControlState, index: number, by: Accessor): Msr | undefined {
  const found = MSRS.get(index);
  if (found === undefined || (by === 'guest' && found.hostOnly === true)) return undefined;
  return found.exists?.(state) === false ? undefined : found;
}

/**
 * What an MSR holds; EFER stands in the state itself. Undefined: there is no such MSR for this
 * accessor.
 */
function read(state: ControlState, index: number, by: Accessor): bigint | undefined {
  if (index === msr.MSR_EFER) return state.efer;
  const found = find(state, index, by);
  if (found === undefined) return undefined;
  return state.msrs[index] ?? found.reset(state);
}

/**
 * RDMSR.
 *
 * @param index ECX, 32 bits
 */
export function rdmsr(state: ControlState, index: number): CpuStep {
  if (state.cpl > 0) return fault(state, VECTOR.GP, 'msr.needs-cpl0');
  const exit = guestAccessesMsr(state, index, 'read');
  if (exit !== undefined) return exit;
  const found = read(state, index, 'guest');
  if (found === undefined) return fault(state, VECTOR.GP, 'msr.unknown', AFTER_CPL);
  return { ...valueStep(state, found, 'msr.read'), trail: AFTER_UNKNOWN };
}

const AFTER_CPL: readonly RuleId[] = Object.freeze(['msr.needs-cpl0']);
const AFTER_UNKNOWN: readonly RuleId[] = Object.freeze(['msr.needs-cpl0', 'msr.unknown']);
const AFTER_VALUE: readonly RuleId[] = Object.freeze([...AFTER_UNKNOWN, 'msr.value']);

/**
 * WRMSR.
 *
 * @param index ECX, 32 bits
 * @param value EDX:EAX, 64 bits
 */
export function wrmsr(
  state: ControlState,
  index: number,
  value: bigint,
  implementation: Implementation = ARCHITECTURE,
): CpuStep {
  if (state.cpl > 0) return fault(state, VECTOR.GP, 'msr.needs-cpl0');
  return guestAccessesMsr(state, index, 'write') ?? write(state, index, value, implementation);
}

/** A write that reaches the MSR, whoever makes it. */
function write(
  state: ControlState,
  index: number,
  value: bigint,
  implementation: Implementation,
): CpuStep {
  if (index === msr.MSR_EFER) return writeEfer(state, value, implementation);
  const found = find(state, index, 'guest');
  if (found === undefined) return fault(state, VECTOR.GP, 'msr.unknown', AFTER_CPL);
  const isTaken = implementation.takesAnyPat && index === msr.MSR_IA32_PAT;
  if (!isTaken && found.accepts?.(state, value) !== true) {
    return fault(state, VECTOR.GP, 'msr.value', AFTER_UNKNOWN);
  }
  return done({ ...state, msrs: { ...state.msrs, [index]: value } }, 'msr.written', AFTER_VALUE);
}

function writeEfer(state: ControlState, value: bigint, implementation: Implementation): CpuStep {
  const write: RegisterWrite = { state, value };
  const broken = firstBroken(implementation.eferChecks, write);
  if (broken !== undefined) return refuse(state, implementation.eferChecks, write, broken);
  const next = { ...state, efer: (value & ~EFER_LMA) | (state.efer & EFER_LMA) };
  return done(next, 'efer.written', fullTrail(implementation.eferChecks));
}

/** KVM_GET_MSRS with one entry: the value, or no entry processed. */
export function hostRdmsr(state: ControlState, index: number): CpuStep {
  const found = read(state, index, 'host');
  if (found === undefined) return unprocessed(state);
  const outcome = { kind: 'processed', count: 1, value: found } as const;
  return { state, outcome, rule: 'host-msr.read', trail: [] };
}

/** KVM_SET_MSRS with one entry: it is written, or no entry is processed. */
export function hostWrmsr(
  state: ControlState,
  index: number,
  value: bigint,
  implementation: Implementation = ARCHITECTURE,
): CpuStep {
  const step = write(state, index, value, implementation);
  if (step.outcome.kind !== 'done') return unprocessed(state);
  const outcome = { kind: 'processed', count: 1 } as const;
  return { state: step.state, outcome, rule: 'host-msr.written', trail: [] };
}

function unprocessed(state: ControlState): CpuStep {
  const outcome = { kind: 'processed', count: 0 } as const;
  return { state, outcome, rule: 'host-msr.unprocessed', trail: [] };
}
