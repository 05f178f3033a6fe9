// SPDX-License-Identifier: MIT
export { allowedOf, isActive, pinsOf, violatedRegisters } from './active.ts';
export { apply } from './apply.ts';
export { codec } from './codec.ts';
export * from './constants.ts';
export { smallOperations, smallSetup, SMALL_SOMETIMES } from './exploration.ts';
export type { Features, MsrNumbers } from './features.ts';
export { KVM_HC_KEXEC_UNPIN } from './hypercall.ts';
export { INVARIANTS } from './invariants.ts';
export { CR0_STATE, pinsParavirtually } from './kernel.ts';
export { KNOWN_DEFECTS } from './known-defects.ts';
export { Machine, type Done } from './machine.ts';
export { DEFENCES, formatMatrix, threatMatrix, type Matrix, type MatrixRow } from './matrix.ts';
export { crPinningModel } from './model.ts';
export {
  ROUTINES,
  WAYS,
  type GuestInstruction,
  type GuestOperation,
  type HostOperation,
  type NestedEntry,
  type Operation,
  type Routine,
  type VCpuEvent,
  type Way,
} from './operation.ts';
export type { Outcome } from './outcome.ts';
export {
  force,
  NO_PINS,
  violatedBits,
  violates,
  type PinnedWrite,
  type Pins,
  type Predicate,
} from './pins.ts';
export { featuresOf, REVISIONS } from './revisions.ts';
export { RULES } from './rules.ts';
export {
  runScenario,
  SCENARIOS,
  USUAL_SETUP,
  type Attacker,
  type Scenario,
  type ScenarioResult,
} from './scenarios.ts';
export {
  HOST_KINDS,
  INTERCEPTS,
  VMM_KINDS,
  type HostKind,
  type Intercepts,
  type KernelConfig,
  type RunningRegisters,
  type Setup,
  type VmmKind,
} from './setup.ts';
export {
  initialState,
  NO_PIN_SET,
  runsL2,
  type Kernel,
  type PinnedRegister,
  type PinSet,
  type State,
  type VCpu,
  type Vmm,
} from './state.ts';
export type { Step } from './step.ts';
export type { Verdict } from './verdict.ts';
