// SPDX-License-Identifier: MIT
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { driver, nobleBackend, verify } from '@kernel-models/tdx-attest';
import { checkProperty } from '../support/check-property.ts';
import { COLLATERAL, ENCLAVE, issue, issueSgx, NOW, PKI } from './issued.ts';
import { nodeSignatureBackend } from './node-backend.ts';
import { flip, model, outcomeOf, PARSED, QUOTE, REVISION } from './verify-case.ts';

/* What a caller asks for, and what it asks with. */

const { shape } = PARSED;

test('verify.debug-rejected, unless it is asked for', () => {
  const bytes = issue(undefined, 'v4', driver.tdNamed('platform', 'kernel', (1n << 28n) | 1n));
  expect(outcomeOf({ bytes })).toBe('policy: policy-debug');
  expect(outcomeOf({ bytes, policy: { allowDebug: true } })).toBe('UpToDate');
});

test('verify.signature-over-exact-text: another way to write the same is another text', () => {
  const spaced = COLLATERAL.tcbInfo.replace('{"id"', '{ "id"');
  expect(outcomeOf({ collateral: { ...COLLATERAL, tcbInfo: spaced } })).toBe(
    'tcb-info: tcb-info-signature',
  );
  const wrapped = `{"tcbInfo":${COLLATERAL.tcbInfo},"signature":"00"}`;
  expect(outcomeOf({ collateral: { ...COLLATERAL, tcbInfo: wrapped } })).toBe('UpToDate');
});

describe('SGX quotes of version 3', () => {
  const collateral = PKI.collateral({ tee: 'sgx' });
  test('verify with collateral of SGX', () => {
    expect(outcomeOf({ bytes: issueSgx(), collateral })).toBe('UpToDate');
    expect(outcomeOf({ bytes: issueSgx() })).toBe('tcb-info: tcb-info-mismatch');
  });
  test('of a debugged enclave are refused', () => {
    const debugged = new Uint8Array(384);
    debugged[48] = 7;
    const bytes = ENCLAVE.quoteEnclave(debugged);
    expect(outcomeOf({ bytes, collateral })).toBe('policy: policy-debug');
    expect(outcomeOf({ bytes, collateral, policy: { allowDebug: true } })).toBe('UpToDate');
  });
});

test('a stricter policy never accepts more', async () => {
  const demands = fc.record(
    {
      statuses: fc.subarray([...verify.TCB_STATUSES]),
      allowDebug: fc.boolean(),
      requireSeptVeDisable: fc.boolean(),
      reportData: fc.constantFrom(new Uint8Array(64), new Uint8Array(64).fill(0x5a)),
    },
    { requiredKeys: [] },
  );
  await checkProperty(
    'policy is monotonic',
    fc.property(
      demands,
      fc.constantFrom<keyof verify.Policy>('reportData', 'requireSeptVeDisable'),
      (policy, dropped) => {
        const looser = Object.fromEntries(
          Object.entries(policy).filter(([name]) => name !== dropped),
        );
        const strict = outcomeOf({ policy });
        if (!strict.includes(':')) expect(outcomeOf({ policy: looser })).toBe(strict);
      },
    ),
    { runs: 25 },
  );
});

test('both signature backends give the same verdicts', () => {
  const verifiers = [nobleBackend, nodeSignatureBackend].map((backend) =>
    verify.createVerifier({ root: PKI.root, backend }),
  );
  for (const bytes of [
    QUOTE,
    flip(100),
    flip(shape.authOffset),
    flip(shape.authOffset + 64),
    flip(shape.qeReportOffset),
  ]) {
    const [noble, node] = verifiers.map((verifier) => verifier.verify(bytes, COLLATERAL, NOW));
    expect(noble?.ok).toBe(node?.ok);
    if (noble?.ok === false && node?.ok === false) expect(noble.reason).toBe(node.reason);
  }
});

test('setups, operations and outcomes survive JSON', () => {
  const { codec } = model;
  const setup = { root: PKI.root, collateral: COLLATERAL, time: NOW, policy: {} };
  expect(codec.decodeSetup(JSON.parse(JSON.stringify(codec.encodeSetup(setup))))).toEqual(setup);
  const operation = { op: 'set-time', time: 5 } as const;
  expect(codec.decodeOperation(codec.encodeOperation(operation))).toEqual(operation);
  const step = model.apply(setup, operation, REVISION);
  expect(step.state.time).toBe(5);
  expect(codec.decodeOutcome(codec.encodeOutcome(step.outcome))).toEqual({ kind: 'done' });
  expect(model.matches?.({ kind: 'accepted' }, { kind: 'accepted', status: 'UpToDate' })).toBe(
    true,
  );
  expect(model.matches?.({ kind: 'refused' }, { kind: 'done' })).toBe(false);
});
