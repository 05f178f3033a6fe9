// SPDX-License-Identifier: MIT
import fc, { type Arbitrary } from 'fast-check';
import { describe, expect, test } from 'vitest';
import { isBugRevision, type AnyOperation, type Model } from '@kernel-models/model-core';
import {
  driver,
  getquote,
  keyServer,
  quote,
  testPki,
  tsm,
  verify,
} from '@kernel-models/tdx-attest';
import { GALLERY_SEEDS, SUITE_SEED } from '../support/check-property.ts';
import { covered } from '../support/rule-coverage.ts';
import type { Run } from '../tdx-attest/broken-invariants.ts';
import { runsOf } from '../tdx-attest/broken-invariants.ts';
import { driverOperation, driverSetup, tsmOperation } from '../tdx-attest/generators.ts';
import { COLLATERAL, ENCLAVE, issue, NOW, PKI } from '../tdx-attest/issued.ts';
import { nodeSignatureBackend } from '../tdx-attest/node-backend.ts';
import { Trials } from '../tdx-attest/verify-agreement.ts';

/** Runs that may pass before a bug is found. */
const BUDGET = 400;

/** How many runs it takes to break one of the named invariants; undefined beyond the budget. */
function runsToKill<State, Operation extends AnyOperation, Outcome, Setup>(
  model: Model<State, Operation, Outcome, Setup>,
  revision: string,
  named: readonly string[],
  runs: Arbitrary<Run<Setup, Operation>>,
  seed: number,
): number | undefined {
  const invariants = model.invariants.filter(({ id }) => named.includes(id));
  if (invariants.length === 0) throw new Error(`${revision} names no invariant of ${model.name}`);
  for (const [index, { setup, operations }] of fc
    .sample(runs, { seed, numRuns: BUDGET })
    .entries()) {
    let before = model.initial(setup);
    for (const operation of operations) {
      const step = model.apply(before, operation, revision);
      if (invariants.some(({ holds }) => !holds({ before, operation, step, revision }))) {
        return index + 1;
      }
      before = step.state;
    }
  }
  return undefined;
}

function gallery<State, Operation extends AnyOperation, Outcome, Setup>(
  model: Model<State, Operation, Outcome, Setup>,
  runs: Arbitrary<Run<Setup, Operation>>,
): void {
  const prefix = model.name.replace('tdx-attest.', '');
  const bugs = model.revisions.flatMap((one) =>
    isBugRevision(one) && one.caughtBy.some((id) => id.startsWith(`${prefix}.`)) ? [one] : [],
  );
  describe(`bugs of ${model.name}`, () => {
    test.each(bugs.map((bug) => [bug.id, bug] as const))(
      '%s is caught',
      (id, { caughtBy, base }) => {
        const mine = caughtBy.filter((name) => name.startsWith(`${prefix}.`));
        for (const seed of GALLERY_SEEDS) {
          expect(runsToKill(model, id, mine, runs, seed), `seed ${seed}`).toBeDefined();
        }
        // The same runs leave what it stands on alone, so it is the bug that is caught.
        const promised = model.invariants.filter(
          ({ id: name, revisions }) =>
            mine.includes(name) && (revisions === undefined || revisions.includes(base)),
        );
        if (promised.length > 0) {
          expect(
            runsToKill(
              model,
              base,
              promised.map((one) => one.id),
              runs,
              SUITE_SEED,
            ),
          ).toBeUndefined();
        }
      },
    );
  });
}

const FIRST: readonly tsm.TsmOperation[] = [
  { op: 'load', getquoteTimeout: 2 },
  { op: 'mkdir', name: 'q0', parent: 'report' },
];

gallery(covered(driver.model), runsOf(driverSetup, driverOperation, 40));
gallery(
  covered(tsm.model),
  runsOf(fc.constant<tsm.Setup>(driver.DEFAULT_SETUP), tsmOperation, 60).map(
    ({ setup, operations }) => ({ setup, operations: [...FIRST, ...operations] }),
  ),
);

const handshakeMove: Arbitrary<getquote.GetQuoteOperation> = fc.oneof(
  fc.constant({ op: 'guest-begin' } as const),
  { weight: 8, arbitrary: fc.constant({ op: 'guest-step' } as const) },
  { weight: 3, arbitrary: fc.constant({ op: 'guest-second' } as const) },
  fc
    .tuple(fc.constantFrom(1, 2), fc.constantFrom('success' as const, 'error' as const))
    .map(([request, status]) => ({ op: 'host-answer', request, status }) as const),
  fc
    .constantFrom('success' as const, 'error' as const, 'in-flight' as const)
    .map((status) => ({ op: 'host-status', status }) as const),
  // What is read twice is caught by a host that writes between two looks: it writes often.
  {
    weight: 4,
    arbitrary: fc
      .constantFrom('fits' as const, 'too-long' as const)
      .map((outLen) => ({ op: 'host-length', outLen }) as const),
  },
);
gallery(
  covered(getquote.model),
  runsOf(fc.constant({ timeout: 1, honest: false }), handshakeMove, 40),
);

const evidence: Arbitrary<keyServer.Evidence> = fc.record({
  td: fc.oneof(
    { weight: 4, arbitrary: fc.constant('wanted' as const) },
    fc.constantFrom(...keyServer.TD_KINDS),
  ),
  nonceOf: fc.constantFrom(0, 0, 0, 1, -1),
  boundKey: fc.constant('td' as const),
  presentedKey: fc.constantFrom('td' as const, 'td' as const, 'attacker' as const),
  reportEdit: fc.constantFrom('none' as const, 'none' as const, ...keyServer.REPORT_EDITS),
  quoteEdit: fc.constantFrom('none' as const, ...keyServer.QUOTE_EDITS),
});
const keyServerMove: Arbitrary<keyServer.KeyServerOperation> = fc.oneof(
  fc.constant({ op: 'challenge' } as const),
  {
    weight: 5,
    arbitrary: evidence.map((one) => ({ op: 'submit', session: 0, evidence: one }) as const),
  },
);
gallery(
  covered(keyServer.keyServerModel(nodeSignatureBackend)),
  runsOf(
    fc.constant<keyServer.Setup>({
      name: 'world',
      policy: 'strict',
      collateral: 'current',
      nonceLifetime: 60,
    }),
    keyServerMove,
    6,
  ),
);

/** Evidence on which every bug of the verifier must show. */
const TRIALS: readonly Trials[] = GALLERY_SEEDS.map((seed) => new Trials(seed, BUDGET));

describe('bugs of the verifier: each differs from the correct one in its own property', () => {
  const correct = 'dcap-1.23';
  const outcome = (revision: string, setup: verify.Setup, bytes: Uint8Array): string => {
    const model = verify.verifierModel(nodeSignatureBackend);
    const step = model.apply(setup, { op: 'verify', quote: bytes }, revision);
    return step.outcome.kind === 'accepted' ? String(step.outcome.status) : step.outcome.kind;
  };
  const setup: verify.Setup = { root: PKI.root, collateral: COLLATERAL, time: NOW, policy: {} };
  const bytes = issue();
  const [newest, older] = testPki.TEST_TCB_LEVELS;
  if (newest === undefined || older === undefined) throw new Error('two TEST levels');

  /** A quote that another key signed, under the auth data of a genuine one. */
  function withOtherKey(): Uint8Array {
    const parsed = quote.parseQuote(bytes);
    if (!parsed.ok) throw new Error(parsed.detail);
    const auth = quote.authDataOf(parsed.quote);
    return quote.serialiseQuote(parsed.quote.signedRange, 4, {
      ...auth,
      attestationKey: PKI.pckKey.point,
      signature: PKI.pckKey.sign(parsed.quote.signedRange),
    });
  }
  /** A quote whose signature has a high s: half of all have. */
  function withHighS(): Uint8Array {
    for (let nonce = 0; nonce < 64; nonce += 1) {
      const one = issue(new Uint8Array(64).fill(nonce));
      if ((one[636 + 32] ?? 0) >= 0x80) return one;
    }
    throw new Error('no signature with a high s among 64');
  }
  const foreign = testPki.createTestPki({ seed: 'foreign' });
  const lowerModule = bytes.slice(48, 632).with(0, 4);

  const cases: readonly (readonly [string, verify.Setup, Uint8Array, string, string])[] = [
    ['verify-skips-qe-report-data', setup, withOtherKey(), 'refused', 'UpToDate'],
    ['verify-skips-chain-root', { ...setup, root: foreign.root }, bytes, 'refused', 'UpToDate'],
    [
      'verify-skips-crl',
      { ...setup, collateral: PKI.collateral({ revoked: ['pck'] }) },
      bytes,
      'refused',
      'UpToDate',
    ],
    ['verify-skips-dates', { ...setup, time: NOW + 365 * 86_400 }, bytes, 'refused', 'UpToDate'],
    [
      'verify-skips-debug',
      setup,
      issue(undefined, 'v4', driver.tdNamed('platform', 'kernel', (1n << 28n) | 1n)),
      'refused',
      'UpToDate',
    ],
    [
      'tcb-compare-any-instead-of-all',
      { ...setup, collateral: PKI.collateral({ levels: [{ ...newest, sgx: [5, 9] }] }) },
      bytes,
      'refused',
      'UpToDate',
    ],
    [
      'level-order-trusted-from-json',
      {
        ...setup,
        collateral: PKI.collateral({ levels: [older, newest] }),
        policy: { statuses: verify.TCB_STATUSES },
      },
      bytes,
      'UpToDate',
      'OutOfDate',
    ],
    [
      'module-svn-compared-from-0',
      {
        ...setup,
        collateral: PKI.collateral({ moduleLevels: [{ isvSvn: 4, status: 'UpToDate' }] }),
      },
      ENCLAVE.certify({ version: 4, teeType: 'tdx', body: lowerModule }),
      'UpToDate',
      'refused',
    ],
    [
      'json-reserialised',
      {
        ...setup,
        collateral: { ...COLLATERAL, tcbInfo: COLLATERAL.tcbInfo.replace('{"id"', '{ "id"') },
      },
      bytes,
      'refused',
      'UpToDate',
    ],
    ['low-s-required', setup, withHighS(), 'UpToDate', 'refused'],
    ['trailing-bytes-rejected', setup, Uint8Array.from([...bytes, 0]), 'UpToDate', 'refused'],
  ];

  test.each(cases)('%s', (name, given, one, right, wrong) => {
    expect(outcome(correct, given, one)).toBe(right);
    expect(outcome(`bug:${name}`, given, one)).toBe(wrong);
  });

  test.each(cases.map(([name]) => name))('%s is caught by verify.agreement', (name) => {
    const variant = verify.variantOf(`bug:${name}`);
    for (const [index, trials] of TRIALS.entries()) {
      expect(trials.untilDisagreement(variant), `seed ${GALLERY_SEEDS[index]}`).toBeDefined();
    }
  });

  test('verify.agreement has nothing to say of the correct verifier', () => {
    expect(TRIALS[0]?.untilDisagreement(verify.variantOf(correct))).toBeUndefined();
  });

  test('every bug of the verifier stands here', () => {
    const bugs = verify.VERIFIER_REVISIONS.filter(isBugRevision).map(({ id }) => id);
    expect(cases.map(([name]) => `bug:${name}`).sort()).toEqual([...bugs].sort());
  });
});
