// SPDX-License-Identifier: MIT
export type { Collateral } from './collateral.ts';
export { memberText } from './json-text.ts';
export type { Policy } from './policy.ts';
export { INTEL_STATUS, REASONS, STEPS, type Failure, type Reason, type Step } from './reasons.ts';
export { converge, severity, TCB_STATUSES, type TcbStatus } from './tcb-status.ts';
export {
  model,
  verifierModel,
  type Setup,
  type VerifierOperation,
  type VerifierOutcome,
  type VerifierState,
} from './model.ts';
export { variantOf, VERIFIER_REVISIONS } from './revisions.ts';
export { CORRECT, type Variant } from './variant.ts';
export { createVerifier, type Verifier, type VerifierOptions } from './verifier.ts';
export type { Accepted, Verdict } from './verify-quote.ts';
