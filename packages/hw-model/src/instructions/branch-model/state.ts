// SPDX-License-Identifier: MIT
import type { BranchSetup } from './setup.ts';

/** What of a CPU outlives a run of code here: the two MSRs. */
export type BranchState = BranchSetup;

/** A CPU before it has run anything. */
export function initial(setup: BranchSetup): BranchState {
  return setup;
}
