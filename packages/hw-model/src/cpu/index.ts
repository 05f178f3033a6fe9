// SPDX-License-Identifier: MIT
export { apply, applyTo } from './apply.ts';
export {
  brokenChecks,
  checklist,
  firstBroken,
  fullTrail,
  type Broken,
  type Check,
  type Checklist,
} from './checklist.ts';
export { farJump, iret, type FarTarget } from './code-segment.ts';
export { codec, decodeSregs } from './codec.ts';
export { commitCr0, commitCr4, eferUnder, readCr, type CrNumber } from './commit.ts';
export {
  CR0_TRANSITION_CHECKS,
  CR0_VALUE_CHECKS,
  VMX_CR0_FIXED0,
  type RegisterWrite,
} from './cr0-checks.ts';
export { CR4_TRANSITION_CHECKS, CR4_VALUE_CHECKS } from './cr4-checks.ts';
export { EFER_CHECKS, EFER_LMA_STRICT } from './efer-checks.ts';
export * from './exception.ts';
export * from './features.ts';
export { EXIT_REASON_CR_ACCESS, VMEXIT_CR0_SEL_WRITE, VMEXIT_CR0_WRITE } from './guest-cr.ts';
export { CONSISTENCY, INVARIANTS, isConsistent, type Consistency } from './invariants.ts';
export { clts, lmsw, smsw } from './machine-status-word.ts';
export { cpuModel } from './model.ts';
export { CR3_CHECKS, checkEfer, checkMovCr0, checkMovCr4, movFromCr, movToCr } from './mov-cr.ts';
export * from './msr-numbers.ts';
export { hostRdmsr, hostWrmsr, rdmsr, wrmsr } from './msr.ts';
export type { CpuEvent, CpuOperation, HostCall, Instruction } from './operation.ts';
export type { CpuOutcome, FaultOutcome } from './outcome.ts';
export { loadPdptes, pdpteReserved, readPdptes } from './pdpte.ts';
export { raise } from './raise.ts';
export * from './registers.ts';
export { CR0_RESET, init, isBootstrap, nmi, powerOn, reset, SMBASE_RESET } from './reset.ts';
export {
  ARCHITECTURE,
  implementationOf,
  REVISIONS,
  type Features,
  type Implementation,
} from './revisions.ts';
export { guestAccessesMsr } from './guest-msr.ts';
export { RULES } from './rules.ts';
export * from './save-state.ts';
export { featuresOfSetup, initialState, type CpuSetup, type MemoryWord } from './setup.ts';
export { sipi } from './sipi.ts';
export { RSM_CHECKS, loadImage, rsm, saveStateOf, smi, smramWrite, type RsmLoad } from './smm.ts';
export { setSregs, SREGS_CHECKS, type Sregs, type SregsWrite } from './sregs.ts';
export * from './state.ts';
export { faultOutcome, type CpuStep } from './step.ts';
export { hostSaveWrite, VMEXIT_INVALID, vmrun, VMRUN_CHECKS, type Vmrun } from './svm.ts';
export * from './virtualization.ts';
export { exitGuest, HOST_SAVE_CHECKS, type HostRestore } from './vm-exit.ts';
export {
  EXIT_REASON_INVALID_GUEST_STATE,
  guestExit,
  VM_ENTRY_CONTROL_CHECKS,
  VM_ENTRY_GUEST_CHECKS,
  VM_ENTRY_HOST_CHECKS,
  VM_FAIL_CONTROL_FIELDS,
  VM_FAIL_HOST_STATE,
  vmEntry,
  vmxoff,
  vmxon,
  type VmEntry,
} from './vmx.ts';
