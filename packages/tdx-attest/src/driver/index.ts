// SPDX-License-Identifier: MIT
export { codec } from './codec.ts';
export { DRIVER_INVARIANTS } from './invariants.ts';
export { model } from './model.ts';
export {
  LOAD_FAILURES,
  type DriverOperation,
  type LoadFailure,
  type UserBuffer,
} from './operation.ts';
export type { DriverOutcome } from './outcome.ts';
export { DRIVER_RULES, type DriverRule } from './rules.ts';
export {
  DEFAULT_SETUP,
  initial,
  PLATFORM_CPUSVN,
  PLATFORM_TEE_TCB_SVN,
  platformNamed,
  tdNamed,
  type Setup,
} from './setup.ts';
export type { DriverState } from './state.ts';
export { tdcallErrno } from './tdreport.ts';
