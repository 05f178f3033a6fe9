// SPDX-License-Identifier: MIT
export * from './layout.ts';
export { branchModel } from './model.ts';
export type { BranchOperation } from './operation.ts';
export type { BranchOutcome, CetMsrs } from './outcome.ts';
export type { BranchSetup } from './setup.ts';
export type { BranchState } from './state.ts';
export { EXTERNAL, INTERRUPT, SELECTOR } from './tables.ts';
