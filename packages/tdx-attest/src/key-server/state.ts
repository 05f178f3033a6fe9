// SPDX-License-Identifier: MIT
import type { Revision, RevisionId, Step } from '@kernel-models/model-core';
import { resolveRevisions } from '@kernel-models/model-core';
import type { Reason, Step as VerifyStep } from '../verify/index.ts';
import { CORRECT, REASONS, STEPS, VERIFIER_REVISIONS, type Variant } from '../verify/index.ts';
import type { Binding, SealedKey } from './protocol.ts';
import type { Evidence, KeyHolder } from './world.ts';

/** How much the server demands of a genuine quote. */
export type PolicyName =
  /** UpToDate, no debug, the wanted MRTD and RTMRs. */
  | 'strict'
  /** The same, with any status that is not revoked. */
  | 'any-status'
  /** The same, with debug. */
  | 'debug-allowed'
  /** UpToDate, no debug; whatever runs. */
  | 'any-measurement';

export const POLICY_NAMES: readonly PolicyName[] = [
  'strict',
  'any-status',
  'debug-allowed',
  'any-measurement',
];

/** What the platform's collateral says. */
export type CollateralKind = 'current' | 'expired' | 'pck-revoked' | 'other-platform';

/** The world before the first session. */
export interface Setup {
  /** Names platform, TEST hierarchy and nonces. */
  readonly name: string;
  readonly policy: PolicyName;
  readonly collateral: CollateralKind;
  /** Seconds that a nonce is good for. */
  readonly nonceLifetime: number;
}

/** One session of the key server. */
export interface Session {
  readonly nonce: Uint8Array;
  /** Seconds since the beginning. */
  readonly expires: number;
  readonly open: boolean;
}

/** A key that was released. */
export interface Release {
  readonly session: number;
  readonly sealed: SealedKey;
  /** What it was released for. */
  readonly evidence: Evidence;
}

/** The key server. */
export interface KeyServerState {
  readonly setup: Setup;
  /** Seconds since the beginning. */
  readonly clock: number;
  readonly sessions: readonly Session[];
  readonly released: readonly Release[];
  /** Hashes of quotes that brought a key, hexadecimal: what `bug:replay-cache-by-hash` goes by. */
  readonly seenQuotes: readonly string[];
}

/** What can be done to it. */
export type KeyServerOperation =
  /** The server begins a session and sends its nonce. */
  | { readonly op: 'challenge' }
  /** Somebody answers a session with evidence. */
  | { readonly op: 'submit'; readonly session: number; readonly evidence: Evidence }
  | { readonly op: 'pass-time'; readonly seconds: number };

/** What can say no. */
export type Refuser = 'quoting-enclave' | 'protocol' | VerifyStep;
export const REFUSERS: readonly Refuser[] = ['quoting-enclave', 'protocol', ...STEPS];

/** Why there is no key. */
export type Refusal = ProtocolRefusal | Reason;

const PROTOCOL_REFUSALS = [
  'report-refused',
  'no-session',
  'session-closed',
  'nonce-expired',
  'replayed',
  'bad-key',
] as const;
type ProtocolRefusal = (typeof PROTOCOL_REFUSALS)[number];

export const REFUSALS: readonly Refusal[] = [...PROTOCOL_REFUSALS, ...REASONS];

/** What comes of it. */
export type KeyServerOutcome =
  | { readonly kind: 'nonce'; readonly session: number; readonly nonce: Uint8Array }
  /** The key was sealed to whoever presented evidence. */
  | { readonly kind: 'released'; readonly to: KeyHolder }
  /** No key: what said no, and why. */
  | { readonly kind: 'refused'; readonly by: Refuser; readonly reason: Refusal }
  | { readonly kind: 'done' };

/** A step of the key server. */
export type KeyServerStep = Step<KeyServerState, KeyServerOutcome>;

/** In what key servers differ. */
export interface Features {
  readonly verifier: Variant;
  readonly binding: Binding;
  /** What keeps a quote from being used twice: its nonce is consumed, or its hash is remembered. */
  readonly replayBy: 'nonce' | 'quote-hash';
}

/** The key server, its own mistakes, and those of its verifier. */
export const KEY_SERVER_REVISIONS: readonly Revision<Features>[] = [
  {
    id: 'key-server-1',
    source: 'README.md of this package, "From a nonce to a released key"',
    date: '2026-11',
    features: { verifier: CORRECT, binding: 'nonce-and-key', replayBy: 'nonce' },
  },
  {
    id: 'bug:nonce-only',
    base: 'key-server-1',
    features: { binding: 'nonce-only' },
    story: 'REPORTDATA is the bare nonce: who relays a genuine quote can present a key of its own.',
    caughtBy: ['key-server.release-is-safe'],
  },
  {
    id: 'bug:replay-cache-by-hash',
    base: 'key-server-1',
    features: { replayBy: 'quote-hash' },
    story:
      'Used quotes are remembered by their hash, and a quote has many byte strings: padding, n - s.',
    caughtBy: ['key-server.one-release-per-nonce'],
  },
  ...VERIFIER_REVISIONS.flatMap((one) =>
    'base' in one
      ? [
          {
            ...one,
            base: 'key-server-1',
            features: { verifier: { ...CORRECT, ...one.features } },
          },
        ]
      : [],
  ),
];

/**
 * The features of a key server.
 *
 * @throws RangeError where the revision is unknown
 */
export const keyServerFeatures: (revision: RevisionId) => Features = resolveRevisions(
  'tdx-attest.key-server',
  KEY_SERVER_REVISIONS,
);
