// SPDX-License-Identifier: MIT
import type { RuleId } from '@kernel-models/model-core';
import { brokenChecks, checklist, firstBroken, fullTrail, type Check } from './checklist.ts';
import { commitCr0, commitCr4, readCr, type CrNumber } from './commit.ts';
import type { RegisterWrite } from './cr0-checks.ts';
import { VECTOR } from './exception.ts';
import { cr3Reserved } from './features.ts';
import { guestReadsCr, guestWritesCr } from './guest-cr.ts';
import { loadPdptes, pdptesAreInvalid } from './pdpte.ts';
import { CR3_NO_FLUSH, CR4_PCIDE, LOW_32 } from './registers.ts';
import { ARCHITECTURE, type Implementation } from './revisions.ts';
import { is64BitMode, isPaePaging, type ControlState } from './state.ts';
import { done, fault, refuse, value as valueStep, type CpuStep } from './step.ts';

/*
 * MOV to and from control registers, in the manuals' order: the encoding (#UD), the privilege level
 * (#GP(0)), what a hypervisor intercepts, the value (#GP(0)); under SVM the value comes before the
 * intercept. Reads beside Intel SDM volume 2, "MOV: Move to/from Control Registers", and AMD APM
 * volume 3, "MOV CRn".
 */

/** Whether a register number of the encoding names a control register that this mode can reach. */
function isReachable(state: ControlState, cr: number): cr is CrNumber {
  if (cr === 8) return is64BitMode(state) || state.features.vendor === 'amd';
  return cr === 0 || cr === 2 || cr === 3 || cr === 4;
}

/**
 * MOV to CRn.
 *
 * @param cr 0 to 15, as encoded; a number without a register is #UD
 * @param source 64 bits; outside 64-bit mode the instruction has only the low 32
 */
export function movToCr(
  state: ControlState,
  cr: number,
  source: bigint,
  implementation: Implementation = ARCHITECTURE,
): CpuStep {
  if (!isReachable(state, cr)) return fault(state, VECTOR.UD, 'cr.undefined');
  if (state.cpl > 0) return fault(state, VECTOR.GP, 'cr.needs-cpl0', AFTER_ENCODING);
  const isTruncated = implementation.truncatesCrWrites && (cr === 0 || cr === 4);
  const isWide = is64BitMode(state) && !isTruncated;
  const value = isWide || source <= LOW_32 ? source : source & LOW_32;
  if (state.virtualization?.kind === 'svm') return svmMovToCr(state, cr, value, implementation);
  const guest = guestWritesCr(state, cr, value);
  if (guest?.kind === 'exit') return guest.step;
  return writeCr(state, cr, guest?.value ?? value, implementation);
}

/** Faults of what the write loads from memory, not of its value. */
const LOADS: ReadonlySet<RuleId> = new Set([
  'cr0.pdpte-reserved',
  'cr3.pdpte-reserved',
  'cr4.pdpte-reserved',
]);

/**
 * MOV to CRn in a guest of SVM, where a value that is illegal faults before the intercept, and what
 * is loaded from memory after it. AMD APM volume 2, "Instruction Intercepts".
 */
function svmMovToCr(
  state: ControlState,
  cr: CrNumber,
  value: bigint,
  implementation: Implementation,
): CpuStep {
  const written = writeCr(state, cr, value, implementation);
  if (written.outcome.kind === 'fault' && !LOADS.has(written.rule)) return written;
  const guest = guestWritesCr(state, cr, value);
  return guest?.kind === 'exit' ? guest.step : written;
}

const AFTER_ENCODING: readonly RuleId[] = Object.freeze(['cr.undefined']);

function writeCr(
  state: ControlState,
  cr: CrNumber,
  value: bigint,
  implementation: Implementation,
): CpuStep {
  switch (cr) {
    case 0:
      return writeCr0(state, value, implementation);
    case 2:
      return done({ ...state, cr2: value }, 'cr2.written');
    case 3:
      return writeCr3(state, value);
    case 4:
      return writeCr4(state, value, implementation);
    case 8:
      return writeCr8(state, value);
  }
}

function writeCr0(state: ControlState, value: bigint, implementation: Implementation): CpuStep {
  const write: RegisterWrite = { state, value };
  const broken = firstBroken(implementation.cr0, write);
  if (broken !== undefined) {
    const left = implementation.refusesWhole ? state : commitCr0(state, value, implementation);
    return { ...refuse(state, implementation.cr0, write, broken), state: left };
  }
  const next = commitCr0(state, value, implementation);
  return done(next, 'cr0.written', fullTrail(implementation.cr0));
}

/** What a MOV to CR3 can break. */
export const CR3_CHECKS: readonly Check<RegisterWrite>[] = [
  {
    id: 'cr3.reserved',
    sentence: 'Bits of CR3 above the physical address must be 0, but for LAM and the no-flush bit.',
    origin: 'Intel SDM volume 2, MOV to CR3, #GP(0)',
    broken: ({ state, value }) => {
      const noFlush = (state.cr4 & CR4_PCIDE) === 0n ? 0n : CR3_NO_FLUSH;
      return (value & cr3Reserved(state.features) & ~noFlush) !== 0n;
    },
  },
  {
    id: 'cr3.pdpte-reserved',
    sentence: 'In PAE paging CR3 is refused where it names a present PDPTE with a reserved bit.',
    origin: 'Intel SDM volume 3, "Paging", PDPTE registers',
    broken: ({ state, value }) => isPaePaging(state) && pdptesAreInvalid(state, value),
  },
];

const CR3_LIST = checklist(CR3_CHECKS);

function writeCr3(state: ControlState, value: bigint): CpuStep {
  const write: RegisterWrite = { state, value };
  const broken = firstBroken(CR3_LIST, write);
  if (broken !== undefined) return refuse(state, CR3_LIST, write, broken);
  const next = { ...state, cr3: value & ~CR3_NO_FLUSH };
  return done(isPaePaging(state) ? loadPdptes(next) : next, 'cr3.written', fullTrail(CR3_LIST));
}

function writeCr4(state: ControlState, value: bigint, implementation: Implementation): CpuStep {
  const write: RegisterWrite = { state, value };
  const broken = firstBroken(implementation.cr4, write);
  if (broken !== undefined) return refuse(state, implementation.cr4, write, broken);
  return done(commitCr4(state, value), 'cr4.written', fullTrail(implementation.cr4));
}

/** CR8 holds the task priority: 4 bits. Intel SDM volume 3, "System Architecture Overview", CR8. */
const CR8_DEFINED = 0xfn;

function writeCr8(state: ControlState, value: bigint): CpuStep {
  if ((value & ~CR8_DEFINED) !== 0n) return fault(state, VECTOR.GP, 'cr8.reserved');
  return done(withTpr(state, value), 'cr8.written');
}

/**
 * The state with a task priority. A guest of SVM writes V_TPR, and the CPU's own too unless
 * V_INTR_MASKING keeps them apart. AMD APM volume 2, "Interrupt and Local APIC Support", virtualizing APIC.TPR.
 */
function withTpr(state: ControlState, value: bigint): ControlState {
  const { virtualization } = state;
  if (virtualization?.kind !== 'svm') return { ...state, cr8: value };
  const cr8 = virtualization.vmcb.virtualTpr ? state.cr8 : value;
  return { ...state, cr8, virtualization: { ...virtualization, vTpr: value } };
}

/**
 * MOV from CRn.
 *
 * @param cr 0 to 15, as encoded; a number without a register is #UD
 */
export function movFromCr(state: ControlState, cr: number): CpuStep {
  if (!isReachable(state, cr)) return fault(state, VECTOR.UD, 'cr.undefined');
  if (state.cpl > 0) return fault(state, VECTOR.GP, 'cr.needs-cpl0', AFTER_ENCODING);
  const guest = guestReadsCr(state, cr);
  if (guest?.kind === 'exit') return guest.step;
  const value = guest?.value ?? readCr(state, cr);
  return valueStep(state, is64BitMode(state) ? value : value & LOW_32, 'cr.read');
}

/** Every rule that a value for CR0 breaks in this state, whoever writes it. */
export function checkMovCr0(
  state: ControlState,
  value: bigint,
  implementation: Implementation = ARCHITECTURE,
): readonly RuleId[] {
  return brokenChecks(implementation.cr0, { state, value });
}

/** Every rule that a value for CR4 breaks in this state, whoever writes it. */
export function checkMovCr4(
  state: ControlState,
  value: bigint,
  implementation: Implementation = ARCHITECTURE,
): readonly RuleId[] {
  return brokenChecks(implementation.cr4, { state, value });
}

/** Every rule that a value for EFER breaks in this state, whoever writes it. */
export function checkEfer(
  state: ControlState,
  value: bigint,
  implementation: Implementation = ARCHITECTURE,
): readonly RuleId[] {
  return brokenChecks(implementation.eferChecks, { state, value });
}
