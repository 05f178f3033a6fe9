// SPDX-License-Identifier: MIT
export * from './capability.ts';
export { codec } from './codec.ts';
export * from './constants.ts';
export { argvHash, contentBytes } from './content.ts';
export { decide, type Decision } from './decision-table.ts';
export { INVARIANTS } from './invariants.ts';
export { securebitsClosedForm } from './invariants/securebits.ts';
export { maySetSecurebits } from './securebits.ts';
export { isLive, isLiveSetup } from './is-live.ts';
export { allowed, execCheck, matches } from './model.ts';
export * from './operation.ts';
export * from './outcome.ts';
export { plainTask } from './plain-task.ts';
export { restrictionsAllowTracing } from './ptrace.ts';
export { featuresOf, REVISIONS, type Features } from './revisions.ts';
export { RULES, type RuleName } from './rules.ts';
export {
  chainMatrix,
  CHAINS,
  enumerateChains,
  playChain,
  POLICIES,
  PRIMITIVES,
  shortestChain,
  worldOf,
  type Chain,
  type ChainResult,
  type Policy,
} from './scenarios.ts';
export {
  securebitsModel,
  type SecurebitsOperation,
  type SecurebitsOutcome,
  type SecurebitsSetup,
  type SecurebitsState,
} from './securebits-model.ts';
export * from './setup.ts';
export type * from './state.ts';
export { normaliseSetup } from './world.ts';
