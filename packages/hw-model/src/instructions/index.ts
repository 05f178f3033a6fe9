// SPDX-License-Identifier: MIT
export * from './branch-model/index.ts';
export * from './cet.ts';
export { decode } from './decode.ts';
export { decodedText, disassemble, instructionText, type Listing } from './disassemble.ts';
export * from './instruction.ts';
export {
  PAGE_SIZE,
  register,
  REGISTER_NAMES,
  withRegisters,
  withRip,
  type CetFeatures,
  type CpuQuirks,
  type ExceptionEvent,
  type MachineEvent,
  type MachineState,
  type Page,
  type RegisterName,
  type RunResult,
} from './machine-state.ts';
export * from './memory.ts';
export { machineState, type MachineSetup } from './machine-setup.ts';
export { NOP_MAX, NOPS, nops } from './nops.ts';
export { run, step } from './run.ts';
export * from './system-tables.ts';
export * from './text-patching.ts';
