// SPDX-License-Identifier: MIT
import { describe, expect, test } from 'vitest';
import { explore, isBugRevision, type Invariant } from '@kernel-models/model-core';
import { getquote } from '@kernel-models/tdx-attest';
import { covered } from '../support/rule-coverage.ts';

const model = covered(getquote.model);
const KERNELS = getquote.model.revisions.filter((one) => !isBugRevision(one)).map(({ id }) => id);

/** Every move of both sides; the host's against the contract where it is hostile. */
function moves({
  request,
  accepted,
  honest,
}: getquote.GetQuoteState): getquote.GetQuoteOperation[] {
  const hostile: readonly getquote.GetQuoteOperation[] = [
    { op: 'host-status', status: 'error' },
    { op: 'host-status', status: 'success' },
    { op: 'host-status', status: 'in-flight' },
    { op: 'host-length', outLen: 'too-long' },
    { op: 'host-length', outLen: 'fits' },
    { op: 'host-data', content: 'foreign' },
  ];
  return [
    ...(request < 2 ? [{ op: 'guest-begin' } as const] : []),
    { op: 'guest-step' },
    { op: 'guest-second' },
    ...accepted.map((one) => ({ op: 'host-answer', request: one, status: 'success' }) as const),
    ...(honest ? [] : hostile),
  ];
}

type GetQuoteInvariant = Invariant<
  getquote.GetQuoteState,
  getquote.GetQuoteOperation,
  getquote.GetQuoteOutcome
>;

/** Whether some schedule of a hostile or an honest host breaks an invariant. */
function isBreakable(invariant: GetQuoteInvariant, revision: string): boolean {
  const { counterexample, complete } = explore(model, {
    revision,
    setups: [
      { timeout: 1, honest: false },
      { timeout: 1, honest: true },
    ],
    operations: moves,
    depth: 9,
    invariants: [invariant],
  });
  expect(complete || counterexample !== undefined).toBe(true);
  return counterexample !== undefined;
}

describe('over all schedules of a host that writes what it likes', () => {
  const expected: Readonly<Record<string, readonly string[]>> = {
    'linux-6.7': [
      'bounded-copy',
      'fresh-under-honest-host',
      'never-hand-out-unfinished',
      'timeout-means-timeout',
    ],
    'linux-6.12': ['fresh-under-honest-host', 'never-hand-out-unfinished', 'timeout-means-timeout'],
    'linux-6.16': [
      'bounded-copy',
      'fresh-under-honest-host',
      'never-hand-out-unfinished',
      'timeout-means-timeout',
    ],
    'linux-7.0': ['timeout-means-timeout'],
    'linux-7.0-fixed': [],
  };

  test.each(KERNELS)('%s breaks exactly what it is known to break', (revision) => {
    const broken = model.invariants
      .filter((invariant) => isBreakable(invariant, revision))
      .map(({ id }) => id.replace('getquote.', ''))
      .sort();
    expect(broken).toEqual(expected[revision]);
  });

  test('the fixed kernel hands out stale, foreign and torn quotes: only a verifier tells', () => {
    const { reached, counterexample } = explore(model, {
      revision: 'linux-7.0-fixed',
      setups: [{ timeout: 1, honest: false }],
      operations: moves,
      depth: 12,
      sometimes: {
        stale: ({ result, request }) =>
          result?.kind === 'quote' && result.content === 'quote-1' && request === 2,
        foreign: ({ result }) => result?.kind === 'quote' && result.content === 'foreign',
        torn: ({ result }) => result?.kind === 'quote' && result.content === 'torn',
        'locked out': ({ buffer, guest }) => guest.at === 'idle' && buffer.status === 'in-flight',
      },
    });
    expect(counterexample).toBeUndefined();
    expect([...reached].sort()).toEqual(['foreign', 'locked out', 'stale', 'torn']);
  });

  test('a counterexample is as short as can be', () => {
    const { counterexample } = explore(model, {
      revision: 'bug:out-len-double-read',
      setups: [{ timeout: 1, honest: false }],
      operations: moves,
      depth: 10,
    });
    expect(counterexample?.invariant).toBe('getquote.bounded-copy');
    const ops = counterexample?.operations.map(({ op }) => op) ?? [];
    expect(ops.filter((op) => op === 'host-length')).toHaveLength(1);
  });
});

test('liveness: under an honest host that answers in time every request ends in its quote', () => {
  for (const revision of KERNELS) {
    let state = model.initial({ timeout: 2, honest: true });
    const go = (operation: getquote.GetQuoteOperation): getquote.GetQuoteOutcome => {
      const step = model.apply(state, operation, revision);
      state = step.state;
      return step.outcome;
    };
    for (let request = 1; request <= 3; request += 1) {
      go({ op: 'guest-begin' });
      go({ op: 'guest-step' });
      go({ op: 'guest-step' });
      go({ op: 'host-answer', request, status: 'success' });
      go({ op: 'guest-second' });
      for (let access = 0; access < 3; access += 1) go({ op: 'guest-step' });
      expect(go({ op: 'guest-step' })).toEqual({
        kind: 'quote',
        content: `quote-${request}`,
        outLen: 'fits',
        seen: 'success',
      });
    }
  }
});

describe('the event-notify interrupt', () => {
  const run = (...operations: readonly getquote.GetQuoteOperation[]): readonly object[] => {
    let state = model.initial({ timeout: 1, honest: false });
    return operations.map((operation) => {
      const step = model.apply(state, operation, 'linux-7.0');
      state = step.state;
      return step.outcome;
    });
  };

  test('has vectors from 32 to 255', () => {
    const invalid = { kind: 'hypercall', status: 0x8000_0000_0000_0000n };
    const outcomes = run(
      { op: 'guest-set-vector', vector: 31 },
      { op: 'guest-set-vector', vector: 256 },
      { op: 'guest-set-vector', vector: 32 },
    );
    expect(outcomes).toEqual([invalid, invalid, { kind: 'hypercall', status: 0n }]);
  });

  test('comes with an answer, and spuriously from a hostile host', () => {
    const outcomes = run(
      { op: 'guest-interrupt' },
      { op: 'guest-set-vector', vector: 200 },
      { op: 'guest-begin' },
      { op: 'guest-step' },
      { op: 'host-answer', request: 1, status: 'error' },
      { op: 'host-interrupt' },
      { op: 'guest-interrupt' },
      { op: 'guest-interrupt' },
      { op: 'guest-interrupt' },
    );
    expect(outcomes.map((outcome) => ('kind' in outcome ? outcome.kind : ''))).toEqual([
      'refused',
      'hypercall',
      'done',
      'hypercall',
      'done',
      'done',
      'done',
      'done',
      'refused',
    ]);
  });

  test('a signal ends the wait, a late second look is the guest’s own', () => {
    expect(
      run(
        { op: 'guest-second' },
        { op: 'guest-signal' },
        { op: 'guest-begin' },
        { op: 'guest-begin' },
        { op: 'guest-step' },
        { op: 'guest-signal' },
        { op: 'guest-begin' },
        { op: 'host-answer', request: 7, status: 'success' },
      ),
    ).toEqual([
      { kind: 'refused' },
      { kind: 'refused' },
      { kind: 'done' },
      { kind: 'refused' },
      { kind: 'hypercall', status: 0n },
      { kind: 'errno', errno: 'EINTR' },
      { kind: 'errno', errno: 'EBUSY' },
      { kind: 'refused' },
    ]);
  });

  test('an honest host keeps to the contract', () => {
    let state = model.initial({ timeout: 1, honest: true });
    for (const operation of [
      { op: 'host-data', content: 'foreign' },
      { op: 'guest-begin' },
      { op: 'guest-step' },
      { op: 'host-answer', request: 1, status: 'in-flight' },
    ] as const) {
      const step = model.apply(state, operation, 'linux-7.0');
      if (operation.op.startsWith('host')) expect(step.outcome).toEqual({ kind: 'refused' });
      state = step.state;
    }
  });
});
