// SPDX-License-Identifier: MIT
import fc, { type Arbitrary } from 'fast-check';
import { describe, expect, test } from 'vitest';
import { explore, isBugRevision, type Invariant } from '@kernel-models/model-core';
import { getquote } from '@kernel-models/tdx-attest';
import { checkProperty } from '../support/check-property.ts';
import { LabelCoverage } from '../support/label-coverage.ts';
import { covered } from '../support/rule-coverage.ts';
import { REFERENCE_KERNELS, ReferenceHandshake } from './reference-handshake.ts';

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

/** Whether a fair, honest host brings what goes on to its end, and the request after it to its quote. */
function nextRequestEnds(from: getquote.GetQuoteState, revision: string): boolean {
  let state = from;
  const go = (operation: getquote.GetQuoteOperation): getquote.GetQuoteOutcome => {
    const step = model.apply(state, operation, revision);
    state = step.state;
    return step.outcome;
  };
  const goOn = (): void => {
    for (let turn = 0; turn < 12; turn += 1) {
      if (state.buffer.status === 'in-flight') {
        go({ op: 'host-answer', request: state.request, status: 'success' });
      } else if (state.guest.at !== 'idle') go({ op: 'guest-step' });
    }
  };
  goOn();
  if (go({ op: 'guest-begin' }).kind !== 'done') return false;
  goOn();
  return state.result?.kind === 'quote' && state.result.content === `quote-${state.request}`;
}

test.each(KERNELS)('liveness: %s recovers from every schedule of an honest host', (revision) => {
  const { counterexample, complete, rules } = explore(model, {
    revision,
    setups: [{ timeout: 1, honest: true }],
    operations: (state) => [
      ...moves(state),
      { op: 'guest-signal' },
      ...state.accepted.map(
        (one) => ({ op: 'host-answer', request: one, status: 'error' }) as const,
      ),
    ],
    depth: 10,
    invariants: [
      {
        id: 'getquote.next-request-ends',
        sentence: 'Under an honest, fair host the next request ends in its quote.',
        holds: ({ step }) => nextRequestEnds(step.state, revision),
      },
    ],
  });
  expect(counterexample).toBeUndefined();
  expect(complete).toBe(true);
  for (const rule of ['guest.interrupted', 'guest.timeout', 'guest.in-flight']) {
    expect(rules.get(rule), rule).toBeGreaterThan(0);
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

const STATUSES = ['success', 'error', 'unavailable', 'in-flight'] as const;
const anyMove: Arbitrary<getquote.GetQuoteOperation> = fc.oneof(
  { weight: 2, arbitrary: fc.constant({ op: 'guest-begin' } as const) },
  { weight: 12, arbitrary: fc.constant({ op: 'guest-step' } as const) },
  { weight: 3, arbitrary: fc.constant({ op: 'guest-second' } as const) },
  fc.constantFrom<getquote.GetQuoteOperation>(
    { op: 'guest-signal' },
    { op: 'guest-interrupt' },
    { op: 'guest-set-vector', vector: 31 },
    { op: 'guest-set-vector', vector: 255 },
    { op: 'host-interrupt' },
  ),
  {
    weight: 6,
    arbitrary: fc
      .tuple(
        // A history makes few requests: most answers are for the first two.
        fc.oneof(fc.constantFrom(1, 2), fc.integer({ min: 1, max: 4 })),
        fc.constantFrom('success' as const, 'success' as const, ...STATUSES),
      )
      .map(([request, status]) => ({ op: 'host-answer', request, status }) as const),
  },
  fc.constantFrom(...STATUSES).map((status) => ({ op: 'host-status', status }) as const),
  fc
    .constantFrom('none' as const, 'fits' as const, 'too-long' as const)
    .map((outLen) => ({ op: 'host-length', outLen }) as const),
  fc
    .constantFrom('foreign' as const, 'zero' as const)
    .map((content) => ({ op: 'host-data', content }) as const),
);

test('the reference plays every kernel', () => {
  expect(REFERENCE_KERNELS).toEqual(KERNELS);
});

test.each(KERNELS)('%s is what a naive reference of the handshake is', async (revision) => {
  const labels = new LabelCoverage();
  await checkProperty(
    `getquote equals its reference on ${revision}`,
    fc.property(
      fc.record({ timeout: fc.integer({ min: 1, max: 3 }), honest: fc.boolean() }),
      fc.array(anyMove, { minLength: 30, maxLength: 60 }),
      (setup, operations) => {
        const reference = new ReferenceHandshake(revision, setup.timeout, setup.honest);
        let state = model.initial(setup);
        const seen = new Set<string>();
        for (const [index, operation] of operations.entries()) {
          const step = model.apply(state, operation, revision);
          const at = `step ${index}, ${operation.op} by ${step.rule}`;
          expect(step.outcome, at).toEqual(reference.do(operation));
          const { status, length: outLen, halves: data } = reference;
          expect(step.state.buffer, at).toEqual({ status, outLen, data });
          seen.add(step.rule);
          state = step.state;
        }
        labels.count(seen);
      },
    ),
    { runs: 200 },
  );
  labels.require({
    'guest.handed-out': 20,
    'guest.in-flight': 5,
    'guest.interrupted': 5,
    'guest.timeout': 2,
    'host.keeps-contract': 20,
  });
});
