// SPDX-License-Identifier: MIT
export { model } from './model.ts';
export { REGISTER_FILES, REGISTERS, type Register, type RegisterName } from './registers.ts';
export { MEASUREMENT_RULES, type MeasurementRule } from './rules.ts';
export type { MeasurementOperation, MeasurementOutcome, MeasurementState } from './state.ts';
