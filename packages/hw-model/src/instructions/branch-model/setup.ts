// SPDX-License-Identifier: MIT

/** A CPU in 64-bit mode with control-flow enforcement set up. */
export interface BranchSetup {
  /** CR4.CET. */
  readonly cet: boolean;
  /** IA32_U_CET. */
  readonly uCet: bigint;
  /** IA32_S_CET. */
  readonly sCet: bigint;
}
