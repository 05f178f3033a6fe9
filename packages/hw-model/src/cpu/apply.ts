// SPDX-License-Identifier: MIT
import type { RevisionId } from '@kernel-models/model-core';
import { farJump, iret } from './code-segment.ts';
import { VECTOR } from './exception.ts';
import { clts, lmsw, smsw } from './machine-status-word.ts';
import { movFromCr, movToCr } from './mov-cr.ts';
import { hostRdmsr, hostWrmsr, rdmsr, wrmsr } from './msr.ts';
import type { CpuEvent, CpuOperation, HostCall, Instruction } from './operation.ts';
import { raise } from './raise.ts';
import { init, nmi, reset } from './reset.ts';
import { implementationOf, type Implementation } from './revisions.ts';
import { sipi } from './sipi.ts';
import { rsm, smi, smramWrite } from './smm.ts';
import { setSregs } from './sregs.ts';
import type { ControlState } from './state.ts';
import { done, fault, NO_TRAIL, type CpuStep } from './step.ts';
import { hostSaveWrite, vmrun } from './svm.ts';
import { guestExit, vmEntry, vmxoff, vmxon } from './vmx.ts';

/**
 * The transition function of a CPU.
 *
 * @throws RangeError where there is no such revision
 */
export function apply(state: ControlState, operation: CpuOperation, revision: RevisionId): CpuStep {
  return applyTo(state, operation, implementationOf(revision));
}

/** {@link apply}, for a caller that holds the implementation. */
export function applyTo(
  state: ControlState,
  operation: CpuOperation,
  implementation: Implementation,
): CpuStep {
  switch (operation.op) {
    case 'raise':
    case 'smi':
    case 'nmi':
    case 'init':
    case 'sipi':
    case 'reset':
    case 'guestExit':
    case 'smramWrite':
    case 'hostSaveWrite':
    case 'memoryWrite':
      return happen(state, operation, implementation);
    case 'setSregs':
    case 'hostRdmsr':
    case 'hostWrmsr':
      return call(state, operation, implementation);
    default:
      return execute(state, operation, implementation);
  }
}

/** An instruction, where the CPU executes any. */
function execute(
  state: ControlState,
  instruction: Instruction,
  implementation: Implementation,
): CpuStep {
  if (state.activity !== 'active') {
    return { state, outcome: { kind: 'ignored' }, rule: 'cpu.not-executing', trail: NO_TRAIL };
  }
  switch (instruction.op) {
    case 'movToCr':
      return movToCr(state, instruction.cr, instruction.value, implementation);
    case 'movFromCr':
      return movFromCr(state, instruction.cr);
    case 'lmsw':
      return lmsw(state, instruction.value, implementation);
    case 'smsw':
      return smsw(state);
    case 'clts':
      return clts(state);
    case 'rdmsr':
      return rdmsr(state, instruction.msr);
    case 'wrmsr':
      return wrmsr(state, instruction.msr, instruction.value, implementation);
    case 'farJump':
      return farJump(state, instruction);
    case 'iret':
      return iret(state, instruction);
    case 'hlt':
      return hlt(state);
    case 'rsm':
      return rsm(state, implementation);
    case 'vmxon':
      return vmxon(state);
    case 'vmxoff':
      return vmxoff(state);
    case 'vmEntry':
      return vmEntry(state, instruction.vmcs);
    case 'vmrun':
      return vmrun(state, instruction.vmcb);
  }
}

function happen(state: ControlState, event: CpuEvent, implementation: Implementation): CpuStep {
  switch (event.op) {
    case 'raise':
      return raise(state, event.vector, event.errorCode, event.during);
    case 'smi':
      return smi(state, implementation);
    case 'nmi':
      return nmi(state);
    case 'init':
      return init(state, implementation);
    case 'sipi':
      return sipi(state, event.vector, implementation);
    case 'reset':
      return reset(state);
    case 'guestExit':
      return guestExit(state);
    case 'smramWrite':
      return smramWrite(state, event.offset, event.size, event.value);
    case 'hostSaveWrite':
      return hostSaveWrite(state, event.host);
    case 'memoryWrite':
      return memoryWrite(state, event.address, event.value);
  }
}

function call(state: ControlState, operation: HostCall, implementation: Implementation): CpuStep {
  switch (operation.op) {
    case 'setSregs':
      return setSregs(state, operation.sregs);
    case 'hostRdmsr':
      return hostRdmsr(state, operation.msr);
    case 'hostWrmsr':
      return hostWrmsr(state, operation.msr, operation.value, implementation);
  }
}

/** HLT: waits for an interrupt. Intel SDM volume 2, "HLT". */
function hlt(state: ControlState): CpuStep {
  if (state.cpl > 0) return fault(state, VECTOR.GP, 'hlt.needs-cpl0');
  return done({ ...state, activity: 'hlt' }, 'hlt.halted');
}

function memoryWrite(state: ControlState, address: number, word: bigint): CpuStep {
  if (state.memory === null) return done(state, 'memory.none');
  return done({ ...state, memory: { ...state.memory, [address]: word } }, 'memory.written');
}
