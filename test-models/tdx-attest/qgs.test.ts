// SPDX-License-Identifier: MIT
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { report } from '@kernel-models/hw-model/tdx';
import { driver, qgs, quote } from '@kernel-models/tdx-attest';
import { checkProperty } from '../support/check-property.ts';
import { covered } from '../support/rule-coverage.ts';

const model = covered(qgs.model);
const REVISION = 'qgs-1.1';
const nonce = new Uint8Array(64).fill(3);
const made = report(driver.tdNamed('platform'), nonce).report;

function request(of: Uint8Array, ids: number = 0): Uint8Array {
  return qgs.encodeMessage({
    kind: 'get-quote-request',
    minorVersion: 1,
    report: of,
    idList: Array.from({ length: ids }, () => new Uint8Array(16)),
  });
}

/** Sends bytes in a frame and reads the answer. */
function send(
  bytes: Uint8Array,
  state = model.initial({ platform: 'platform', pkiSeed: 'TEST' }),
): qgs.GetQuoteResponse {
  const operation = { op: 'send', bytes } as const;
  const step = model.apply(state, operation, REVISION);
  for (const { id, holds } of model.invariants) {
    if (!holds({ before: state, operation, step, revision: REVISION })) throw new Error(id);
  }
  if (step.outcome.kind !== 'response') throw new Error('no response');
  const framed = qgs.unframe(step.outcome.bytes);
  const decoded = framed.ok ? qgs.decodeMessage(framed.bytes) : framed;
  if (!decoded.ok || decoded.message.kind !== 'get-quote-response') throw new Error('no response');
  expect(decoded.message.errorCode).toBe(step.outcome.errorCode);
  return decoded.message;
}

describe('the quote generation service', () => {
  test('answers a request with a quote over the report', () => {
    const { errorCode, quote: bytes } = send(qgs.frame(request(made, 2)));
    expect(errorCode).toBe(0);
    const parsed = quote.parseQuote(bytes);
    expect(parsed.ok && parsed.quote.body.reportData).toEqual(nonce);
  });

  test('takes a bare TDREPORT for a request', () => {
    expect(send(qgs.frame(made)).errorCode).toBe(0);
  });

  test.each([
    ['an edited report', request(made.with(600, 1)), 'invalid-parameter'],
    [
      'another platform’s',
      request(report(driver.tdNamed('other'), nonce).report),
      'invalid-parameter',
    ],
    ['an unknown version', request(made).with(0, 2), 'invalid-version'],
    ['a minor version to come', request(made).with(2, 2), 'invalid-version'],
    ['an unknown type', request(made).with(4, 9), 'invalid-type'],
    ['a size that lies', request(made).with(8, 1), 'invalid-size'],
    ['a request with an error', request(made).with(12, 1), 'invalid-code'],
    ['a report of another size', request(made.slice(16), 1), 'invalid-size'],
    ['parts that overflow 32 bits', overflowing(), 'invalid-size'],
    ['a header alone', request(made).slice(0, 16).with(8, 16).with(9, 0), 'invalid-size'],
    ['less than a header', new Uint8Array(7), 'invalid-size'],
  ] as const)('refuses %s', (_, bytes, error) => {
    expect(send(qgs.frame(bytes)).errorCode).toBe(qgs.QGS_ERROR[error]);
  });

  function overflowing(): Uint8Array {
    const bytes = request(made);
    const view = new DataView(bytes.buffer);
    view.setUint32(16, 0xffff_ffff, true);
    view.setUint32(20, bytes.length - 23, true);
    return bytes;
  }

  test('answers requests alone, in whole frames', () => {
    const response = qgs.encodeMessage({
      kind: 'get-quote-response',
      minorVersion: 0,
      errorCode: 0,
      selectedId: new Uint8Array(16),
      quote: Uint8Array.of(1),
    });
    expect(send(qgs.frame(response)).errorCode).toBe(qgs.QGS_ERROR['invalid-type']);
    expect(send(qgs.frame(request(made)).slice(0, -1)).errorCode).toBe(
      qgs.QGS_ERROR['invalid-size'],
    );
    expect(send(Uint8Array.of(0)).errorCode).toBe(qgs.QGS_ERROR['invalid-size']);
  });

  test('has no quotes without its enclave', () => {
    const first = model.initial({ platform: 'platform', pkiSeed: 'TEST' });
    const lost = model.apply(first, { op: 'set-enclave', loaded: false }, REVISION).state;
    expect(send(qgs.frame(request(made)), lost).errorCode).toBe(qgs.QGS_ERROR.unexpected);
    const back = model.apply(lost, { op: 'set-enclave', loaded: true }, REVISION).state;
    expect(send(qgs.frame(request(made)), back).errorCode).toBe(0);
    expect(model.apply(back, { op: 'set-enclave', loaded: true }, REVISION).state).toBe(back);
  });
});

describe('responses that contradict themselves', () => {
  const response = (errorCode: number, id: number, size: number): qgs.QgsResult =>
    qgs.decodeMessage(
      qgs.encodeMessage({
        kind: 'get-quote-response',
        minorVersion: 1,
        errorCode,
        selectedId: new Uint8Array(id),
        quote: new Uint8Array(size),
      }),
    );

  test.each([
    ['an error with a quote', 0x12001, 0, 5],
    ['success without one', 0, 0, 0],
    ['an id of another size', 0, 8, 5],
  ])('%s', (_, code, id, size) => {
    expect(response(code, id, size)).toMatchObject({ ok: false, error: 'invalid-size' });
  });
});

/** A message as its header has it, and how many bytes of body follow. */
interface Said {
  readonly type: 0 | 1;
  readonly code: number;
  readonly first: number;
  readonly second: number;
  readonly body: number;
  /** What the size field says more than there is. */
  readonly lie: number;
}

/** What sizes and code of a message say by themselves. */
function judgeMessage({ type, code, first, second, body, lie }: Said): qgs.QgsError | 'ok' {
  if (lie !== 0 || first + second !== body) return 'invalid-size';
  if (type === 0) {
    if (code !== 0) return 'invalid-code';
    return first === 1024 && second % 16 === 0 ? 'ok' : 'invalid-size';
  }
  const isWhole = code === 0 ? (first === 0 || first === 16) && second > 0 : body === 0;
  return isWhole ? 'ok' : 'invalid-size';
}

test('a message is one where all of its sizes agree, and not else', async () => {
  const seen = new Set<string>();
  const said: fc.Arbitrary<Said> = fc
    .record({
      type: fc.constantFrom(0 as const, 1 as const),
      code: fc.constantFrom(0, 0, 0, 1, 0x12001),
      first: fc.constantFrom(0, 8, 16, 1008, 1024, 1024, 1024, 1040),
      second: fc.constantFrom(0, 8, 16, 32, 1000),
      extra: fc.constantFrom(0, 0, 0, 0, -1, 1, 16),
      lie: fc.constantFrom(0, 0, 0, 0, -1, 1, 16),
    })
    .map(({ extra, ...rest }) => ({
      ...rest,
      body: Math.max(0, rest.first + rest.second + extra),
    }));
  await checkProperty(
    'QGS sizes agree',
    fc.property(said, (one) => {
      const bytes = new Uint8Array(24 + one.body);
      const view = new DataView(bytes.buffer);
      view.setUint16(0, 1, true);
      view.setUint32(4, one.type, true);
      view.setUint32(8, bytes.length + one.lie, true);
      view.setUint32(12, one.code, true);
      view.setUint32(16, one.first, true);
      view.setUint32(20, one.second, true);
      const decoded = qgs.decodeMessage(bytes);
      expect(decoded.ok ? 'ok' : decoded.error).toBe(judgeMessage(one));
      if (decoded.ok) expect(qgs.encodeMessage(decoded.message).length).toBe(bytes.length);
      const longer = Uint8Array.from([...qgs.frame(bytes), 0]);
      expect([qgs.unframe(longer), qgs.unframe(qgs.frame(bytes))]).toMatchObject([
        { error: 'invalid-size' },
        { ok: true },
      ]);
      seen.add(`${one.type} ${judgeMessage(one)}`);
    }),
    { runs: 500 },
  );
  expect([...seen].sort()).toEqual([
    '0 invalid-code',
    '0 invalid-size',
    '0 ok',
    '1 invalid-size',
    '1 ok',
  ]);
});

test('operations and outcomes survive JSON', () => {
  const operation = { op: 'send', bytes: Uint8Array.of(1, 2) } as const;
  const { codec } = model;
  expect(codec.decodeOperation(codec.encodeOperation(operation))).toEqual(operation);
  const { outcome } = model.apply(
    model.initial(codec.decodeSetup({ platform: 'p', pkiSeed: 's' })),
    operation,
    REVISION,
  );
  expect(codec.decodeOutcome(codec.encodeOutcome(outcome))).toEqual(outcome);
});
