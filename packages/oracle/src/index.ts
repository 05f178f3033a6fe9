// SPDX-License-Identifier: MIT
export { SCENARIOS } from './bpf-cfi/scenarios.ts';
export { functions as functionTypes } from './bpf-cfi/type-specs.ts';
export { callsWorld, registrationWorld } from './bpf-cfi/worlds.ts';
export { generateCases } from './cases.ts';
export {
  check,
  type AnyComparison,
  type CheckedComparison,
  type CheckEvent,
  type CheckOptions,
  type CheckReport,
  type Skip,
} from './check.ts';
export type { CommandIo } from './cli/io.ts';
export { runCli } from './cli/program.ts';
export { Progress } from './cli/progress.ts';
export {
  compareTraces,
  explainingRevision,
  type Comparison,
  type ComparisonOptions,
  type DivergenceReport,
  type ObservedTrace,
  type Row,
} from './comparison.ts';
export { describeObserved, describeOperation, describeOutcome } from './describe.ts';
export { describeOperation as describeExecCheckOperation } from './exec-check/describe.ts';
export {
  BISECT_EXIT,
  EXIT,
  UsageError,
  worstVerdict,
  type ExitCodes,
  type Verdict,
} from './exit-code.ts';
export { explainTrace, type ExplainedStep } from './explain.ts';
export { fuzz, type FuzzOptions } from './fuzz.ts';
export { exportItf, type ItfTrace } from './itf.ts';
export { mapleTreeModel } from './maple-tree/model.ts';
export { buildProgram, sourceRelease } from './maple-tree/build.ts';
export { timeOperationPair, type PairTiming, type TimedPair } from './mm/pair.ts';
export { modelTarget } from './model-target.ts';
export { observeCases, observedTrace, type TraceFacts } from './observe.ts';
export { readTraceFile, shippedRecordings, type Recording } from './recordings.ts';
export { checkJson } from './report/check-json.ts';
export { formatHtml } from './report/check-html.ts';
export { formatJunit } from './report/check-junit.ts';
export { formatKtap } from './report/check-ktap.ts';
export { formatCheck } from './report/check-text.ts';
export { formatDivergence, type DivergenceFacts } from './report/divergence-text.ts';
export { modelReproducer } from './report/model-reproducer.ts';
export { formatCount, formatTable, plural, type Column } from './report/table.ts';
export { escapeXml } from './report/xml.ts';
export { collateralFields } from './tdx-attest/collateral-folder.ts';
export { nodeSignatureBackend } from './tdx-attest/node-signature-backend.ts';
export { selectTarget, type ReadyTarget } from './select-target.ts';
export { ddmin } from './shrink/ddmin.ts';
export { jsonReductions } from './shrink/json-reductions.ts';
export { shrinkCase, type ShrinkOptions, type ShrunkCase } from './shrink/shrink-case.ts';
export { shrinkDivergence, type ShrunkDivergence } from './shrink/shrink-divergence.ts';
export { shrinkTrace } from './shrink/shrink-trace.ts';
export type { AnySubsystem, Exploration, Subsystem, TargetOptions } from './subsystem.ts';
export {
  codecOfModel,
  revisionOf,
  selectSubsystems,
  SUBSYSTEMS,
  subsystemOf,
} from './subsystems.ts';
export {
  runCase,
  runCases,
  TargetError,
  type Answer,
  type Availability,
  type Case,
  type Target,
} from './target.ts';
export { whichRevision, type RevisionFit } from './which.ts';
