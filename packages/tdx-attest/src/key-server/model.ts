// SPDX-License-Identifier: MIT
import { bytesToHex } from '@noble/hashes/utils.js';
import {
  decode,
  plainCodec,
  type Codec,
  type Decoder,
  type Invariant,
  type Model,
  type Rule,
} from '@kernel-models/model-core';
import { nobleBackend, type SignatureBackend } from '../crypto/signature-backend.ts';
import { KeyServer } from './key-server.ts';
import { NONCE_SIZE } from './protocol.ts';
import {
  KEY_SERVER_REVISIONS,
  POLICY_NAMES,
  REFUSALS,
  REFUSERS,
  type KeyServerOperation,
  type KeyServerOutcome,
  type KeyServerState,
  type Setup,
} from './state.ts';
import { KEY_HOLDERS, QUOTE_EDITS, REPORT_EDITS, TD_KINDS, type Evidence } from './world.ts';

const rule = (id: string, sentence: string): Rule => ({
  id,
  sentence,
  origin: 'README.md of this package, "From a nonce to a released key"',
});

/** Every rule of the key server. */
export const KEY_SERVER_RULES: readonly Rule[] = [
  rule('challenge.sent', 'The server begins: it sends a nonce that it has never sent.'),
  rule('submit.no-session', 'Evidence without a session of the server’s is not looked at.'),
  rule('submit.session-closed', 'A nonce is good for one key.'),
  rule('submit.nonce-expired', 'A nonce is good for a while.'),
  rule('submit.report-refused', 'The quoting enclave refuses a report that is not its platform’s.'),
  rule('submit.replayed', 'A quote that was used is not taken again, as far as its hash goes.'),
  rule('submit.verify', 'The quote is not genuine, or not wanted.'),
  rule('submit.bad-key', 'A key that is no point of the curve cannot be sealed to.'),
  rule('submit.released', 'The disk key is sealed to the key that the quote binds.'),
  rule('time.passes', 'Time passes.'),
];

type KeyServerInvariant = Invariant<KeyServerState, KeyServerOperation, KeyServerOutcome>;

/** What makes evidence worthy of a key under the strict policy. */
function isWorthy(evidence: Evidence, session: number): boolean {
  return (
    evidence.td === 'wanted' &&
    evidence.nonceOf === session &&
    evidence.boundKey === 'td' &&
    evidence.presentedKey === 'td' &&
    evidence.reportEdit === 'none' &&
    (evidence.quoteEdit === 'none' || ['padded', 'high-s'].includes(evidence.quoteEdit))
  );
}

/** Every invariant of the key server. */
export const KEY_SERVER_INVARIANTS: readonly KeyServerInvariant[] = [
  {
    id: 'key-server.release-is-safe',
    sentence:
      'By current collateral and the strict policy a key goes to the wanted TD of the session alone.',
    holds: ({ before, operation, step: { outcome } }) => {
      if (operation.op !== 'submit' || outcome.kind !== 'released') return true;
      const { policy, collateral } = before.setup;
      if (collateral !== 'current') return false;
      return policy !== 'strict' || isWorthy(operation.evidence, operation.session);
    },
  },
  {
    id: 'key-server.one-release-per-nonce',
    sentence: 'No nonce brings two keys.',
    holds: ({ step: { state } }) =>
      new Set(state.released.map(({ session }) => session)).size === state.released.length,
  },
  {
    id: 'key-server.nonce-is-fresh',
    sentence: 'No nonce is sent twice, and none is good after its time.',
    holds: ({ before, operation, step: { state, outcome } }) => {
      const nonces = new Set(state.sessions.map(({ nonce }) => bytesToHex(nonce)));
      const fresh = nonces.size === state.sessions.length;
      if (operation.op !== 'submit' || outcome.kind !== 'released') return fresh;
      return fresh && before.clock <= (before.sessions[operation.session]?.expires ?? -1);
    },
  },
];

const { bytes, integer, object, oneOf, string, union } = decode;
const setup: Decoder<Setup> = object({
  name: string,
  policy: oneOf(POLICY_NAMES),
  collateral: oneOf(['current', 'expired', 'pck-revoked', 'other-platform']),
  nonceLifetime: integer(0),
});
const evidence: Decoder<Evidence> = object({
  td: oneOf(TD_KINDS),
  nonceOf: integer(-1, 1_000_000),
  boundKey: oneOf(KEY_HOLDERS),
  presentedKey: oneOf(KEY_HOLDERS),
  reportEdit: oneOf(REPORT_EDITS),
  quoteEdit: oneOf(QUOTE_EDITS),
});
const operation: Decoder<KeyServerOperation> = union('op', {
  challenge: {},
  submit: { session: integer(0, 1_000_000), evidence },
  'pass-time': { seconds: integer(0) },
});
const outcome: Decoder<KeyServerOutcome> = union('kind', {
  nonce: { session: integer(0), nonce: bytes(NONCE_SIZE) },
  released: { to: oneOf(KEY_HOLDERS) },
  refused: { by: oneOf(REFUSERS), reason: oneOf(REFUSALS) },
  done: {},
});

/** JSON to values of the key server's model and back. Byte strings are hexadecimal digits. */
const codec: Codec<Setup, KeyServerOperation, KeyServerOutcome> = plainCodec({
  setup,
  operation,
  outcome,
});

/** The model of a key server that computes with a given backend. */
export function keyServerModel(
  backend: SignatureBackend,
): Model<KeyServerState, KeyServerOperation, KeyServerOutcome, Setup> {
  const server = new KeyServer(backend);
  return {
    name: 'tdx-attest.key-server',
    revisions: KEY_SERVER_REVISIONS,
    rules: KEY_SERVER_RULES,
    codec,
    initial: (wanted) => ({ setup: wanted, clock: 0, sessions: [], released: [], seenQuotes: [] }),
    apply: (state, asked, revision) => server.apply(state, asked, revision),
    // Nonces and sealed keys follow from the setup's name and from who asked for them.
    key: ({ setup: world, clock, sessions, released, seenQuotes }) =>
      JSON.stringify([
        world,
        clock,
        sessions.map(({ expires, open }) => [expires, open]),
        released.map((one) => [one.session, one.evidence]),
        seenQuotes,
      ]),
    invariants: KEY_SERVER_INVARIANTS,
  };
}

/** The key server, the TDs that want its key, and who is in between; with the portable backend. */
export const model: Model<KeyServerState, KeyServerOperation, KeyServerOutcome, Setup> =
  keyServerModel(nobleBackend);
