// SPDX-License-Identifier: MIT
import {
  decode,
  plainCodec,
  type Codec,
  type Decoder,
  type Model,
  type RevisionId,
  type Rule,
  type Step as ModelStep,
} from '@kernel-models/model-core';
import { nobleBackend, type SignatureBackend } from '../crypto/signature-backend.ts';
import { NO_TRAIL } from '../trails.ts';
import type { Collateral } from './collateral.ts';
import type { Policy } from './policy.ts';
import { INTEL_STATUS, REASONS, STEPS, type Reason, type Step } from './reasons.ts';
import { VERIFIER_REVISIONS, variantOf } from './revisions.ts';
import { TCB_STATUSES, type TcbStatus } from './tcb-status.ts';
import { createVerifier, type Verifier } from './verifier.ts';

/** What a verifier is given once. */
export interface Setup {
  /** DER of the trusted root. */
  readonly root: Uint8Array;
  readonly collateral: Collateral;
  /** Seconds since 1970. */
  readonly time: number;
  readonly policy: Policy;
}

/** What a verifier has been given. */
export type VerifierState = Setup;

/** What is asked of it. */
export type VerifierOperation =
  | { readonly op: 'verify'; readonly quote: Uint8Array }
  /** Seconds since 1970. */
  | { readonly op: 'set-time'; readonly time: number };

/**
 * What it answers. Another verifier may leave out reason, step and status: they are not compared
 * then.
 */
export type VerifierOutcome =
  | { readonly kind: 'accepted'; readonly status?: TcbStatus }
  | { readonly kind: 'refused'; readonly reason?: Reason; readonly step?: Step }
  | { readonly kind: 'done' };

const RULES: readonly Rule[] = [
  ...REASONS.map((reason) => ({
    id: `verify.${reason}`,
    sentence: `A quote is refused for ${reason}.`,
    origin: `Intel SGX DCAP, QuoteVerification/QVL: ${INTEL_STATUS[reason]}`,
  })),
  {
    id: 'verify.accepted',
    sentence: 'A quote that passes every step is accepted with the converged status.',
    origin: 'Intel SGX DCAP, tdx_qv_verify_quote',
  },
  { id: 'verify.time', sentence: 'Time is what the caller says.', origin: 'This model' },
];

const { bytes, integer, object, oneOf, optional, string, union } = decode;
const der = bytes({ max: 1 << 16 });
const setup: Decoder<Setup> = object({
  root: der,
  collateral: object({
    rootCaCrl: der,
    pckCrl: der,
    tcbInfoIssuerChain: string,
    tcbInfo: string,
    tcbInfoSignature: bytes(64),
    qeIdentityIssuerChain: string,
    qeIdentity: string,
    qeIdentitySignature: bytes(64),
    pckCertificateChain: optional(string),
  }),
  time: integer(0),
  policy: object({ statuses: optional(decode.array(oneOf(TCB_STATUSES))) }),
});
const operation: Decoder<VerifierOperation> = union('op', {
  verify: { quote: bytes({ max: 1 << 20 }) },
  'set-time': { time: integer(0) },
});
const outcome: Decoder<VerifierOutcome> = union('kind', {
  accepted: { status: optional(oneOf(TCB_STATUSES)) },
  refused: { reason: optional(oneOf(REASONS)), step: optional(oneOf(STEPS)) },
  done: {},
});

/** JSON to values of the verifier's model and back. Byte strings are hexadecimal digits. */
const codec: Codec<Setup, VerifierOperation, VerifierOutcome> = plainCodec({
  setup,
  operation,
  outcome,
});

/** What one side leaves out is not compared: a peer says no more than yes or no. */
function matches(observed: VerifierOutcome, modelled: VerifierOutcome): boolean {
  if (observed.kind === 'accepted' && modelled.kind === 'accepted') {
    return observed.status === undefined || observed.status === modelled.status;
  }
  if (observed.kind === 'refused' && modelled.kind === 'refused') {
    const { reason, step } = observed;
    return (
      (reason === undefined || reason === modelled.reason) &&
      (step === undefined || step === modelled.step)
    );
  }
  return observed.kind === modelled.kind;
}

/** The model of a verifier that computes with a given backend. */
export function verifierModel(
  backend: SignatureBackend,
): Model<VerifierState, VerifierOperation, VerifierOutcome, Setup> {
  // What a verifier has checked once it need not check again: one for each root and revision.
  const verifiers = new WeakMap<Uint8Array, Map<RevisionId, Verifier>>();
  const verifierOf = (root: Uint8Array, revision: RevisionId): Verifier => {
    const known = verifiers.get(root) ?? new Map<RevisionId, Verifier>();
    verifiers.set(root, known);
    const verifier =
      known.get(revision) ?? createVerifier({ root, backend, variant: variantOf(revision) });
    known.set(revision, verifier);
    return verifier;
  };
  return {
    name: 'tdx-attest.verifier',
    revisions: VERIFIER_REVISIONS,
    rules: RULES,
    codec,
    initial: (wanted) => wanted,
    apply: (state, asked, revision): ModelStep<VerifierState, VerifierOutcome> => {
      if (asked.op === 'set-time') {
        const later = { ...state, time: asked.time };
        return { state: later, outcome: { kind: 'done' }, rule: 'verify.time', trail: NO_TRAIL };
      }
      const { root, collateral, time, policy } = state;
      const verdict = verifierOf(root, revision).verify(asked.quote, collateral, time, policy);
      if (verdict.ok) {
        const accepted = { kind: 'accepted', status: verdict.status } as const;
        return { state, outcome: accepted, rule: 'verify.accepted', trail: NO_TRAIL };
      }
      const { reason, step } = verdict;
      const refused = { kind: 'refused', reason, step } as const;
      return { state, outcome: refused, rule: `verify.${reason}`, trail: NO_TRAIL };
    },
    matches,
    invariants: [],
  };
}

/** The verifier of quotes, with the portable backend. */
export const model: Model<VerifierState, VerifierOperation, VerifierOutcome, Setup> =
  verifierModel(nobleBackend);
