// SPDX-License-Identifier: MIT
import { sha256 } from '@noble/hashes/sha2.js';
import { bytesToHex } from '@noble/hashes/utils.js';
import type { RevisionId } from '@kernel-models/model-core';
import { DIGEST_SIZE } from '@kernel-models/hw-model/tdx';
import { asciiBytes } from '../bytes.ts';
import type { SignatureBackend } from '../crypto/signature-backend.ts';
import { TEST_COLLATERAL_WINDOW } from '../test-pki/test-pki.ts';
import { NO_TRAIL, inOrder } from '../trails.ts';
import { createVerifier, TCB_STATUSES, type Policy, type Verifier } from '../verify/index.ts';
import type { Collateral } from '../verify/collateral.ts';
import { reportDataOf, seal, type Binding } from './protocol.ts';
import {
  keyServerFeatures,
  type CollateralKind,
  type Features,
  type KeyServerOperation,
  type KeyServerState,
  type KeyServerStep,
  type PolicyName,
  type Refusal,
  type Refuser,
  type Session,
  type Setup,
} from './state.ts';
import { createWorld, makeQuote, type Evidence, type World } from './world.ts';

/** The disk key of the examples. */
export const DISK_KEY: Uint8Array = sha256(asciiBytes('TEST disk key'));

/** The moment at which every session happens: within the window of current collateral. */
const NOW = Date.parse('2026-06-01T00:00:00Z') / 1000;

const before = inOrder(
  'submit.no-session',
  'submit.session-closed',
  'submit.nonce-expired',
  'submit.report-refused',
  'submit.replayed',
  'submit.verify',
  'submit.bad-key',
  'submit.released',
);

type SubmitRule = Parameters<typeof before>[0];

/** What a setup comes down to: made once, for it does not change. */
interface Prepared {
  readonly world: World;
  readonly collateral: Collateral;
  readonly policy: Policy;
}

/** A key server that computes with a backend. Worlds and verifiers are made once for each name. */
export class KeyServer {
  readonly #backend: SignatureBackend;
  readonly #worlds = new Map<string, World>();
  readonly #prepared = new Map<string, Prepared>();
  readonly #verifiers = new Map<string, Verifier>();
  readonly #quotes = new Map<string, Uint8Array | undefined>();

  constructor(backend: SignatureBackend) {
    this.#backend = backend;
  }

  apply(state: KeyServerState, operation: KeyServerOperation, revision: RevisionId): KeyServerStep {
    const features = keyServerFeatures(revision);
    switch (operation.op) {
      case 'challenge':
        return challenge(state);
      case 'pass-time': {
        const later = { ...state, clock: state.clock + operation.seconds };
        return { state: later, outcome: { kind: 'done' }, rule: 'time.passes', trail: NO_TRAIL };
      }
      case 'submit':
        return this.#submit(state, operation.session, operation.evidence, features, revision);
    }
  }

  #submit(
    state: KeyServerState,
    number: number,
    evidence: Evidence,
    features: Features,
    revision: RevisionId,
  ): KeyServerStep {
    const refuse = (rule: SubmitRule, by: Refuser, reason: Refusal): KeyServerStep => ({
      state,
      outcome: { kind: 'refused', by, reason },
      rule,
      trail: before(rule),
    });
    const session = state.sessions[number];
    if (session === undefined) return refuse('submit.no-session', 'protocol', 'no-session');
    if (!session.open) return refuse('submit.session-closed', 'protocol', 'session-closed');
    if (state.clock > session.expires) {
      return refuse('submit.nonce-expired', 'protocol', 'nonce-expired');
    }

    const { world, collateral, policy } = this.#prepare(state.setup);
    const given = state.sessions[evidence.nonceOf]?.nonce ?? OWN_NONCE;
    const quote = this.#quote(world, evidence, features.binding, given);
    if (quote === undefined) {
      return refuse('submit.report-refused', 'quoting-enclave', 'report-refused');
    }
    const hash = bytesToHex(sha256(quote));
    if (features.replayBy === 'quote-hash' && state.seenQuotes.includes(hash)) {
      return refuse('submit.replayed', 'protocol', 'replayed');
    }

    const publicKey = world.publicKeys[evidence.presentedKey];
    const reportData = reportDataOf(features.binding, session.nonce, publicKey);
    const verifier = this.#verifier(world, features, revision, state.setup.name);
    const verdict = verifier.verify(quote, collateral, NOW, { ...policy, reportData });
    if (!verdict.ok) return refuse('submit.verify', verdict.step, verdict.reason);

    const sealed = seal(DISK_KEY, publicKey, `TEST server key of session ${number}`);
    if (sealed === undefined) return refuse('submit.bad-key', 'protocol', 'bad-key');
    // The nonce is consumed with the release: nothing that carries it is good for a second key.
    const closed: Session = { ...session, open: features.replayBy !== 'nonce' };
    return {
      state: {
        ...state,
        sessions: state.sessions.with(number, closed),
        released: [...state.released, { session: number, sealed, evidence }],
        seenQuotes: [...state.seenQuotes, hash],
      },
      outcome: { kind: 'released', to: evidence.presentedKey },
      rule: 'submit.released',
      trail: before('submit.released'),
    };
  }

  /** The same evidence brings the same quote: signatures are deterministic. */
  #quote(
    world: World,
    evidence: Evidence,
    binding: Binding,
    nonce: Uint8Array,
  ): Uint8Array | undefined {
    const key = JSON.stringify([world.pki.pckChain, evidence, binding, bytesToHex(nonce)]);
    if (!this.#quotes.has(key)) this.#quotes.set(key, makeQuote(world, evidence, binding, nonce));
    return this.#quotes.get(key);
  }

  #world(name: string): World {
    const known = this.#worlds.get(name);
    if (known !== undefined) return known;
    const fresh = createWorld(name);
    this.#worlds.set(name, fresh);
    return fresh;
  }

  #prepare(setup: Setup): Prepared {
    const key = JSON.stringify([setup.name, setup.policy, setup.collateral]);
    const known = this.#prepared.get(key);
    if (known !== undefined) return known;
    const world = this.#world(setup.name);
    const fresh = {
      world,
      collateral: collateralOf(world, setup.collateral),
      policy: policyOf(world, setup.policy),
    };
    this.#prepared.set(key, fresh);
    return fresh;
  }

  #verifier(
    world: World,
    { verifier: variant }: Features,
    revision: RevisionId,
    name: string,
  ): Verifier {
    const key = `${revision} ${name}`;
    const known = this.#verifiers.get(key);
    if (known !== undefined) return known;
    const fresh = createVerifier({ root: world.pki.root, backend: this.#backend, variant });
    this.#verifiers.set(key, fresh);
    return fresh;
  }
}

/** What a TD takes that nobody gave a nonce to. */
const OWN_NONCE = sha256(asciiBytes('a nonce that no server sent'));

function challenge(state: KeyServerState): KeyServerStep {
  const session = state.sessions.length;
  const nonce = sha256(asciiBytes(`TEST nonce ${session} of ${state.setup.name}`));
  const fresh: Session = { nonce, expires: state.clock + state.setup.nonceLifetime, open: true };
  return {
    state: { ...state, sessions: [...state.sessions, fresh] },
    outcome: { kind: 'nonce', session, nonce },
    rule: 'challenge.sent',
    trail: NO_TRAIL,
  };
}

function collateralOf({ pki }: World, kind: CollateralKind): Collateral {
  switch (kind) {
    case 'current':
      return pki.collateral();
    case 'expired':
      return pki.collateral({
        window: { from: TEST_COLLATERAL_WINDOW.from, to: '2026-02-01T00:00:00Z' },
      });
    case 'pck-revoked':
      return pki.collateral({ revoked: ['pck'] });
    case 'other-platform':
      return pki.collateral({ fmspc: new Uint8Array(6) });
  }
}

function policyOf({ tds }: World, name: PolicyName): Policy {
  const { mrTd, rtmr } = tds.wanted.measurements;
  const zero = new Uint8Array(DIGEST_SIZE);
  const measured: Policy = { mrTd: [mrTd], rtmr: { 2: [rtmr[2] ?? zero], 3: [rtmr[3] ?? zero] } };
  switch (name) {
    case 'strict':
      return measured;
    case 'any-status':
      return { ...measured, statuses: TCB_STATUSES };
    case 'debug-allowed':
      return { ...measured, allowDebug: true };
    case 'any-measurement':
      return {};
  }
}
