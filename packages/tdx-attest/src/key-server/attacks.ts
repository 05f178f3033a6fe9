// SPDX-License-Identifier: MIT
import type { Model, RevisionId } from '@kernel-models/model-core';
import {
  POLICY_NAMES,
  type CollateralKind,
  type KeyServerOperation,
  type KeyServerOutcome,
  type KeyServerState,
  type PolicyName,
  type Setup,
} from './state.ts';
import { HONEST, type Evidence } from './world.ts';

/** Somebody who wants the key and should not have it; with them, by name, those who should. */
export interface Attack {
  readonly name: string;
  /** In what the evidence differs from that of the honest TD of the session. */
  readonly evidence: Partial<Evidence>;
  /** What the server's collateral says. Absent: current. */
  readonly collateral?: CollateralKind;
}

/** What can be tried on a key server in one session. */
export const ATTACKS: readonly Attack[] = [
  { name: 'honest TD', evidence: {} },
  { name: 'quote for another nonce', evidence: { nonceOf: -1 } },
  { name: 'relayed quote, own key', evidence: { presentedKey: 'attacker' } },
  {
    name: 'own TD, own key',
    evidence: { td: 'other-image', boundKey: 'attacker', presentedKey: 'attacker' },
  },
  { name: 'edited nonce in the report', evidence: { reportEdit: 'report-data' } },
  { name: 'edited measurement in the report', evidence: { reportEdit: 'measurement' } },
  { name: 'report of another platform', evidence: { td: 'other-platform' } },
  { name: 'debugged TD', evidence: { td: 'debug' } },
  { name: 'rolled-back module', evidence: { td: 'old-module' } },
  { name: 'another image', evidence: { td: 'other-image' } },
  { name: 'tampered at run time', evidence: { td: 'tampered' } },
  { name: 'edited quote', evidence: { quoteEdit: 'body' } },
  { name: 'cut quote', evidence: { quoteEdit: 'cut' } },
  { name: 'padded quote', evidence: { quoteEdit: 'padded' } },
  { name: 'quote with the other s', evidence: { quoteEdit: 'high-s' } },
  { name: 'expired collateral', evidence: {}, collateral: 'expired' },
  { name: 'revoked PCK certificate', evidence: {}, collateral: 'pck-revoked' },
  { name: 'collateral of another platform', evidence: {}, collateral: 'other-platform' },
];

/** What came of one attack under each policy: `released`, or `step: reason`. */
export interface AttackVerdicts {
  readonly name: string;
  readonly verdicts: Readonly<Record<PolicyName, string>>;
}

type KeyServerModel = Model<KeyServerState, KeyServerOperation, KeyServerOutcome, Setup>;

/** Tries every attack under every policy, each on a new server. Nothing of it is a table. */
export function attackMatrix(
  model: KeyServerModel,
  revision: RevisionId,
): readonly AttackVerdicts[] {
  return ATTACKS.map((attack) => {
    const tried = POLICY_NAMES.map((policy) => [
      policy,
      verdictOf(model, revision, attack, policy),
    ]);
    return {
      name: attack.name,
      verdicts: Object.fromEntries(tried) as Readonly<Record<PolicyName, string>>,
    };
  });
}

function verdictOf(
  model: KeyServerModel,
  revision: RevisionId,
  { evidence, collateral = 'current' }: Attack,
  policy: PolicyName,
): string {
  const setup: Setup = { name: 'world', policy, collateral, nonceLifetime: 60 };
  const sent = model.apply(model.initial(setup), { op: 'challenge' }, revision).state;
  const submitted = { ...HONEST, nonceOf: 0, ...evidence };
  const { outcome } = model.apply(
    sent,
    { op: 'submit', session: 0, evidence: submitted },
    revision,
  );
  return outcome.kind === 'refused' ? `${outcome.by}: ${outcome.reason}` : outcome.kind;
}
