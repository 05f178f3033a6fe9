// SPDX-License-Identifier: MIT
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { explore, type Counterexample } from '@kernel-models/model-core';
import { keyServer } from '@kernel-models/tdx-attest';
import { checkProperty } from '../support/check-property.ts';
import { covered } from '../support/rule-coverage.ts';
import { nodeSignatureBackend } from './node-backend.ts';

const model = covered(keyServer.keyServerModel(nodeSignatureBackend));
const REVISION = 'key-server-1';
const STRICT: keyServer.Setup = {
  name: 'world',
  policy: 'strict',
  collateral: 'current',
  nonceLifetime: 60,
};
const { HONEST } = keyServer;

/** What an attacker on host and wire can try against a server that has sent `sessions` nonces. */
function attacks(sessions: number): readonly keyServer.Evidence[] {
  const nonces = Array.from({ length: sessions + 1 }, (_, index) => index - 1);
  return nonces.flatMap((nonceOf) => [
    ...keyServer.TD_KINDS.map((td) => ({ ...HONEST, nonceOf, td })),
    { ...HONEST, nonceOf, presentedKey: 'attacker' },
    { ...HONEST, nonceOf, td: 'other-image', boundKey: 'attacker', presentedKey: 'attacker' },
    ...keyServer.REPORT_EDITS.map((reportEdit) => ({ ...HONEST, nonceOf, reportEdit })),
    ...keyServer.QUOTE_EDITS.map((quoteEdit) => ({ ...HONEST, nonceOf, quoteEdit })),
  ]) as readonly keyServer.Evidence[];
}

function moves({ sessions }: keyServer.KeyServerState): readonly keyServer.KeyServerOperation[] {
  return [
    ...(sessions.length < 2 ? [{ op: 'challenge' } as const] : []),
    { op: 'pass-time', seconds: 61 },
    ...sessions.flatMap((_, session) =>
      attacks(sessions.length).map((evidence) => ({ op: 'submit', session, evidence }) as const),
    ),
  ];
}

type Found =
  | Counterexample<
      keyServer.KeyServerState,
      keyServer.KeyServerOperation,
      keyServer.KeyServerOutcome,
      keyServer.Setup
    >
  | undefined;

function attackOn(revision: string, setup: keyServer.Setup = STRICT, depth = 3): Found {
  return explore(model, { revision, setups: [setup], operations: moves, depth }).counterexample;
}

test('no sequence of attacks gets a key from the server, and the honest TD gets one', () => {
  const { counterexample, complete, rules } = explore(model, {
    revision: REVISION,
    setups: [STRICT],
    operations: moves,
    depth: 3,
  });
  expect(counterexample).toBeUndefined();
  expect(complete).toBe(true);
  expect(rules.get('submit.released')).toBeGreaterThan(0);
});

describe('what a mistake gives away, found by exploration', () => {
  test.each([
    ['bug:nonce-only', 'key-server.release-is-safe', { presentedKey: 'attacker' }],
    ['bug:replay-cache-by-hash', 'key-server.one-release-per-nonce', {}],
    ['bug:verify-skips-debug', 'key-server.release-is-safe', { td: 'debug' }],
  ])('%s breaks %s', (revision, invariant, evidence) => {
    const found = attackOn(revision);
    expect(found?.invariant).toBe(invariant);
    const last = found?.operations.at(-1);
    expect(last?.op === 'submit' && last.evidence).toMatchObject(evidence);
  });

  test.each([
    ['bug:verify-skips-dates', 'expired'],
    ['bug:verify-skips-crl', 'pck-revoked'],
  ] as const)('%s takes collateral that is %s', (revision, collateral) => {
    expect(attackOn(REVISION, { ...STRICT, collateral }, 2)).toBeUndefined();
    expect(attackOn(revision, { ...STRICT, collateral }, 2)?.invariant).toBe(
      'key-server.release-is-safe',
    );
  });

  test('bug:tcb-compare-any-instead-of-all takes no module of long ago: its own level refuses', () => {
    const old = { ...HONEST, td: 'old-module', nonceOf: 0 } as const;
    for (const revision of [REVISION, 'bug:tcb-compare-any-instead-of-all']) {
      const refused = submit(revision, STRICT, old);
      expect(refused).toMatchObject({ kind: 'refused', by: 'tdx-module' });
    }
  });
});

/** What becomes of evidence in the first session. */
function submit(
  revision: string,
  setup: keyServer.Setup,
  evidence: keyServer.Evidence,
): keyServer.KeyServerOutcome {
  const sent = model.apply(model.initial(setup), { op: 'challenge' }, revision).state;
  return model.apply(sent, { op: 'submit', session: 0, evidence }, revision).outcome;
}

function verdict(outcome: keyServer.KeyServerOutcome): string {
  return outcome.kind === 'refused' ? `${outcome.by}: ${outcome.reason}` : outcome.kind;
}

test('the matrix of attacks and policies', () => {
  const matrix = keyServer.attackMatrix(model, REVISION);
  expect(
    Object.fromEntries(matrix.map(({ name, verdicts }) => [name, verdicts])),
  ).toMatchSnapshot();
  // Whoever has the key is the wanted TD, but where a policy says that any will do.
  const released = matrix.flatMap(({ name, verdicts }) =>
    verdicts.strict === 'released' ? [name] : [],
  );
  expect(released).toEqual(['honest TD', 'padded quote', 'quote with the other s']);
});

test('the matrix of a server that binds no key has one release more', () => {
  const [relayed] = keyServer
    .attackMatrix(model, 'bug:nonce-only')
    .filter(({ name }) => name === 'relayed quote, own key');
  expect(relayed?.verdicts.strict).toBe('released');
});

test('the matrix of collateral', () => {
  const outcomes = (['current', 'expired', 'pck-revoked', 'other-platform'] as const).map(
    (collateral) => verdict(submit(REVISION, { ...STRICT, collateral }, { ...HONEST, nonceOf: 0 })),
  );
  expect(outcomes).toEqual([
    'released',
    'pck-chain: crl-expired',
    'pck-chain: certificate-revoked',
    'tcb-info: tcb-info-mismatch',
  ]);
});

/** Whether a policy takes a TD that is genuine: the matrix of who may have the key. */
const TAKEN: Readonly<Record<keyServer.PolicyName, readonly keyServer.TdKind[]>> = {
  strict: ['wanted'],
  'any-status': ['wanted'],
  'debug-allowed': ['wanted', 'debug'],
  'any-measurement': ['wanted', 'other-image', 'tampered'],
};

/** Whether evidence is genuine, of this session, and from a TD that the policy takes. */
function deserves(
  { td, nonceOf, boundKey, presentedKey, reportEdit, quoteEdit }: keyServer.Evidence,
  session: number,
  policy: keyServer.PolicyName,
): boolean {
  return (
    TAKEN[policy].includes(td) &&
    nonceOf === session &&
    boundKey === presentedKey &&
    reportEdit === 'none' &&
    ['none', 'padded', 'high-s'].includes(quoteEdit)
  );
}

test('a key is released exactly where it is deserved, once, in time, to whoever presented it', async () => {
  const seldom = <Value>(usual: Value, others: readonly Value[]): fc.Arbitrary<Value> =>
    fc.oneof(
      { weight: 8, arbitrary: fc.constant(usual) },
      { weight: 2, arbitrary: fc.constantFrom(...others) },
    );
  const move = fc.oneof(
    { weight: 3, arbitrary: fc.constant({ op: 'challenge' } as const) },
    {
      weight: 2,
      arbitrary: fc
        .constantFrom(1, 29, 30, 31, 60, 61)
        .map((seconds) => ({ op: 'pass-time', seconds }) as const),
    },
    {
      weight: 8,
      arbitrary: fc
        .record({
          session: fc.nat(2),
          nonceOf: seldom<number | undefined>(undefined, [-1, 0, 1]),
          td: seldom<keyServer.TdKind>('wanted', keyServer.TD_KINDS),
          holders: fc.constantFrom('td td', 'td td', 'attacker attacker', 'td attacker'),
          reportEdit: seldom<keyServer.ReportEdit>('none', keyServer.REPORT_EDITS),
          quoteEdit: seldom<keyServer.QuoteEdit>('none', keyServer.QUOTE_EDITS),
        })
        .map(({ session, nonceOf = session, holders, ...rest }) => {
          const [boundKey, presentedKey] = holders.split(' ') as keyServer.KeyHolder[];
          const evidence = { ...HONEST, ...rest, nonceOf, boundKey, presentedKey };
          return { op: 'submit', session, evidence } as const;
        }),
    },
  ) as fc.Arbitrary<keyServer.KeyServerOperation>;
  let releases = 0;
  await checkProperty(
    'key release',
    fc.property(
      fc.constantFrom(...keyServer.POLICY_NAMES),
      fc.array(move, { minLength: 6, maxLength: 14 }),
      (policy, moves) => {
        let state = model.initial({ ...STRICT, policy });
        let clock = 0;
        const sessions: { sent: number; open: boolean }[] = [];
        for (const operation of moves) {
          const step = model.apply(state, operation, REVISION);
          ({ state } = step);
          if (operation.op === 'pass-time') clock += operation.seconds;
          if (operation.op === 'challenge') sessions.push({ sent: clock, open: true });
          if (operation.op !== 'submit') continue;
          const { evidence, session } = operation;
          const one = sessions[session];
          const expected =
            one !== undefined &&
            one.open &&
            clock - one.sent <= STRICT.nonceLifetime &&
            deserves(evidence, session, policy);
          expect(step.outcome.kind, step.rule).toBe(expected ? 'released' : 'refused');
          if (!expected) continue;
          one.open = false;
          releases += 1;
          const { sealed } = state.released.at(-1) ?? { sealed: undefined };
          if (sealed === undefined) throw new Error('no key was released');
          const { presentedKey } = evidence;
          const other = presentedKey === 'td' ? 'attacker' : 'td';
          expect(keyServer.unseal(sealed, keyServer.KEY_SEED[presentedKey])).toEqual(
            keyServer.DISK_KEY,
          );
          expect(keyServer.unseal(sealed, keyServer.KEY_SEED[other])).toBeUndefined();
        }
        const serverKeys = state.released.map(({ sealed }) => sealed.serverKey.join());
        expect(new Set(serverKeys).size).toBe(serverKeys.length);
      },
    ),
    { runs: 80 },
  );
  expect(releases).toBeGreaterThan(20);
});

describe('the protocol', () => {
  const honest = { ...HONEST, nonceOf: 0 };
  const run = (...operations: readonly keyServer.KeyServerOperation[]): readonly string[] => {
    let state = model.initial(STRICT);
    return operations.map((operation) => {
      const step = model.apply(state, operation, REVISION);
      state = step.state;
      return verdict(step.outcome);
    });
  };

  test('a TD that begins itself is not heard', () => {
    expect(run({ op: 'submit', session: 0, evidence: { ...honest, nonceOf: -1 } })).toEqual([
      'protocol: no-session',
    ]);
  });

  test('a quote is good once, and only in time', () => {
    const submitted = { op: 'submit', session: 0, evidence: honest } as const;
    expect(run({ op: 'challenge' }, submitted, submitted)).toEqual([
      'nonce',
      'released',
      'protocol: session-closed',
    ]);
    expect(run({ op: 'challenge' }, { op: 'pass-time', seconds: 61 }, submitted)).toEqual([
      'nonce',
      'done',
      'protocol: nonce-expired',
    ]);
  });

  test('two sessions do not mix their nonces', () => {
    const crossed = { op: 'submit', session: 1, evidence: honest } as const;
    expect(run({ op: 'challenge' }, { op: 'challenge' }, crossed)).toEqual([
      'nonce',
      'nonce',
      'policy: policy-report-data',
    ]);
  });

  test('the key is sealed to the TD: it opens it, and nobody else does', () => {
    let state = model.apply(model.initial(STRICT), { op: 'challenge' }, REVISION).state;
    state = model.apply(state, { op: 'submit', session: 0, evidence: honest }, REVISION).state;
    const [release] = state.released;
    if (release === undefined) throw new Error('no key was released');
    expect(keyServer.unseal(release.sealed, keyServer.KEY_SEED.td)).toEqual(keyServer.DISK_KEY);
    expect(keyServer.unseal(release.sealed, keyServer.KEY_SEED.attacker)).toBeUndefined();
    expect(keyServer.seal(keyServer.DISK_KEY, new Uint8Array(64), 'seed')).toBeUndefined();
    const broken = { ...release.sealed, serverKey: new Uint8Array(64) };
    expect(keyServer.unseal(broken, keyServer.KEY_SEED.td)).toBeUndefined();
  });
});
