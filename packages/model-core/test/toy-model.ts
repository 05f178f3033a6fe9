// SPDX-License-Identifier: MIT
import {
  decode,
  resolveRevisions,
  type Codec,
  type Model,
  type Revision,
} from '@kernel-models/model-core';

/** A counting semaphore that may also fail spuriously: small, with a bug and with choices. */
export interface Semaphore {
  readonly value: number;
}
export type SemaphoreOperation =
  { readonly op: 'up' } | { readonly op: 'down' } | { readonly op: 'toss' };
export type SemaphoreOutcome =
  | { readonly kind: 'value'; readonly value: number }
  | { readonly kind: 'errno'; readonly errno: string };
export interface SemaphoreSetup {
  readonly start: number;
}

const LIMIT = 3;

const REVISIONS: readonly Revision<{ readonly limit: number; readonly below: boolean }>[] = [
  { id: 'linux-1.0', source: 'toy', date: '1994', features: { limit: LIMIT, below: false } },
  { id: 'linux-2.0', source: 'toy', date: '1996', features: { limit: LIMIT + 1, below: false } },
  {
    id: 'bug:below-zero',
    base: 'linux-1.0',
    features: { below: true },
    story: 'goes below zero',
    caughtBy: ['never-negative'],
  },
];

const features = resolveRevisions('semaphore', REVISIONS);

const codec: Codec<SemaphoreSetup, SemaphoreOperation, SemaphoreOutcome> = {
  decodeSetup: (json) => decode.object({ start: decode.integer(0, LIMIT) })(json, 'setup'),
  encodeSetup: (setup) => ({ ...setup }),
  decodeOperation: (json) => decode.union('op', { up: {}, down: {}, toss: {} })(json, 'operation'),
  encodeOperation: (operation) => ({ ...operation }),
  decodeOutcome: (json) =>
    decode.union('kind', {
      value: { value: decode.integer() },
      errno: { errno: decode.string },
    })(json, 'outcome'),
  encodeOutcome: (outcome) => ({ ...outcome }),
};

export const semaphore: Model<Semaphore, SemaphoreOperation, SemaphoreOutcome, SemaphoreSetup> = {
  name: 'semaphore',
  revisions: REVISIONS,
  rules: [
    { id: 'up', sentence: 'adds one', origin: 'toy' },
    { id: 'up.limit', sentence: 'refuses at the limit', origin: 'toy' },
    { id: 'down', sentence: 'takes one', origin: 'toy' },
    { id: 'down.empty', sentence: 'refuses at zero', origin: 'toy' },
    { id: 'toss', sentence: 'adds one or not', origin: 'toy' },
  ],
  codec,
  initial: ({ start }) => ({ value: start }),
  apply(state, operation, revision) {
    const { limit, below } = features(revision);
    const to = (value: number, rule: string, trail: readonly string[] = []) => ({
      state: value === state.value ? state : { value },
      outcome: { kind: 'value' as const, value },
      rule,
      trail,
    });
    const refuse = (rule: string) => ({
      state,
      outcome: { kind: 'errno' as const, errno: 'EAGAIN' },
      rule,
      trail: [],
    });
    switch (operation.op) {
      case 'up':
        return state.value >= limit ? refuse('up.limit') : to(state.value + 1, 'up', ['up.limit']);
      case 'down':
        return state.value === 0 && !below ? refuse('down.empty') : to(state.value - 1, 'down');
      case 'toss':
        return {
          ...to(Math.min(limit, state.value + 1), 'toss'),
          outcome: { kind: 'value', value: 0 },
        };
    }
  },
  allowed(state, operation, revision) {
    const step = this.apply(state, operation, revision);
    return operation.op === 'toss' && step.state !== state ? [step, { ...step, state }] : [step];
  },
  key: ({ value }) => value,
  invariants: [
    {
      id: 'never-negative',
      sentence: 'the value is never negative',
      holds: ({ step }) => step.state.value >= 0,
    },
    {
      id: 'at-most-three',
      sentence: 'the value is at most three',
      revisions: ['linux-1.0'],
      holds: ({ step }) => step.state.value <= LIMIT,
    },
  ],
};

export const EVERY_OPERATION: readonly SemaphoreOperation[] = [
  { op: 'up' },
  { op: 'down' },
  { op: 'toss' },
];
