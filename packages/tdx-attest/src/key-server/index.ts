// SPDX-License-Identifier: MIT
export { attackMatrix, ATTACKS, type Attack, type AttackVerdicts } from './attacks.ts';
export { DISK_KEY } from './key-server.ts';
export { KEY_SERVER_INVARIANTS, KEY_SERVER_RULES, keyServerModel, model } from './model.ts';
export {
  NONCE_SIZE,
  reportDataOf,
  seal,
  unseal,
  type Binding,
  type SealedKey,
} from './protocol.ts';
export {
  KEY_SERVER_REVISIONS,
  POLICY_NAMES,
  type CollateralKind,
  type KeyServerOperation,
  type KeyServerOutcome,
  type KeyServerState,
  type PolicyName,
  type Release,
  type Session,
  type Setup,
} from './state.ts';
export {
  createWorld,
  HONEST,
  KEY_SEED,
  publicKeyOf,
  QUOTE_EDITS,
  REPORT_EDITS,
  TD_KINDS,
  type Evidence,
  type KeyHolder,
  type QuoteEdit,
  type ReportEdit,
  type TdKind,
  type World,
} from './world.ts';
