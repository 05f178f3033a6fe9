// SPDX-License-Identifier: MIT
export { measureBuild } from './build.ts';
export { codec } from './codec.ts';
export * from './constants.ts';
export { access, classifyGpa, sharedBit, type Access } from './guest-memory.ts';
export { INVARIANTS } from './invariants.ts';
export { tdKey } from './key.ts';
export {
  hasLeaf,
  MODELLED_LEAVES,
  TDCALL_LEAF,
  type LeafName,
  type ModelledLeaf,
} from './leaves.ts';
export { model } from './model.ts';
export * from './operation.ts';
export type { Outcome, TdExitReason } from './outcome.ts';
export {
  everifyReport2,
  verifyReport,
  type Platform,
  type ReportDefect,
  type ReportVerdict,
  type VerifyReportResult,
} from './platform.ts';
export {
  layOutTdInfo,
  layOutTeeTcbInfo,
  type Measurements,
  type ModuleIdentity,
} from './report.ts';
export { featuresOf, REVISIONS, type Features } from './revisions.ts';
export { RULES, type RuleName } from './rules.ts';
export { DEFAULT_TD_PARAMS, initial, moduleOf, platformOf, type Setup } from './setup.ts';
export type { SeptEntry, SeptEntryState, TdPhase, TdState, VeInfo } from './state.ts';
export {
  decodeStatus,
  OPERAND,
  operandBusy,
  operandInvalid,
  statusWith,
  TDX_STATUS,
  type OperandName,
  type TdxStatus,
  type TdxStatusName,
} from './status.ts';
export { buildTd, extend, report, type TdImage } from './td.ts';
export { areAttributesValid, isXfamValid, type TdParams } from './td-params.ts';
