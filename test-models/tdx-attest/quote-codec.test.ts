// SPDX-License-Identifier: MIT
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { qgs, quote, verify } from '@kernel-models/tdx-attest';
import { checkProperty, IS_DEEP } from '../support/check-property.ts';
import { COLLATERAL, issue, issueSgx, NOW, PKI } from './issued.ts';
import { nodeSignatureBackend } from './node-backend.ts';

const { authDataOf, parseQuote, serialiseQuote } = quote;
const QUOTES: readonly Uint8Array[] = [
  issue(),
  issue(undefined, 'v5-1.0'),
  issue(undefined, 'v5-1.5'),
  issueSgx(),
];

/** The deep run makes 20 times as many: 100,000. */
const RUNS = IS_DEEP ? 5_000 : 1_000;
/** Milliseconds; the deep run has 10 times as many. */
const TIME = 100_000;
const DEEP_TIMEOUT = 1_200_000;

function parsed(bytes: Uint8Array): quote.Quote {
  const result = parseQuote(bytes);
  if (!result.ok) throw new Error(`${result.reason}: ${result.detail}`);
  return result.quote;
}

describe('the codec of quotes', () => {
  test.each(QUOTES)('a parsed quote is laid out as it was', (bytes) => {
    const one = parsed(bytes);
    expect(serialiseQuote(one.signedRange, one.version, authDataOf(one))).toEqual(bytes);
  });

  test('any auth data survives the way out and back', async () => {
    const bytesOf = (size: number): fc.Arbitrary<Uint8Array> =>
      fc.uint8Array({ minLength: size, maxLength: size });
    await checkProperty(
      'quote round trip',
      fc.property(
        fc.record({
          signature: bytesOf(64),
          attestationKey: bytesOf(64),
          qeReport: bytesOf(384),
          qeReportSignature: bytesOf(64),
          qeAuthData: fc.uint8Array({ maxLength: 100 }),
          certificationType: fc.integer({ min: 1, max: 5 }),
          certificationData: fc.uint8Array({ maxLength: 300 }),
        }),
        fc.constantFrom(...QUOTES),
        fc.nat(80),
        (auth, of, padding) => {
          const { signedRange, version } = parsed(of);
          const bytes = serialiseQuote(signedRange, version, auth);
          const again = parsed(Uint8Array.from([...bytes, ...new Uint8Array(padding)]));
          expect(authDataOf(again)).toEqual(auth);
          expect(again.signedRange).toEqual(signedRange);
          expect(again.trailingSize).toBe(padding);
        },
      ),
      { runs: 100 },
    );
  });

  test.each(QUOTES)('every strict prefix is malformed', (bytes) => {
    for (let size = 0; size < bytes.length; size += 1) {
      const result = parseQuote(bytes.subarray(0, size));
      if (result.ok || result.reason !== 'malformed') throw new Error(`prefix of ${size} bytes`);
    }
  });

  test('the caller’s bytes are copied', () => {
    const bytes = issue();
    const one = parsed(bytes);
    bytes.fill(0);
    expect(one.version).toBe(4);
    expect(one.body.reportData).toEqual(new Uint8Array(64).fill(0x5a));
  });

  /** Length fields of a quote by their offsets: 2 bytes for the auth data of the enclave, else 4. */
  const lengthsOf = (bytes: Uint8Array): readonly (readonly [offset: number, size: 2 | 4])[] => {
    const { shape } = parsed(bytes);
    return [
      ...(shape.version === 5 ? [[50, 4] as const] : []),
      [shape.signedSize, 4],
      ...(shape.version === 3 ? [] : [[shape.qeReportOffset - 4, 4] as const]),
      [shape.qeAuthOffset - 2, 2],
      [shape.certificationOffset - 4, 4],
    ];
  };
  const read = (bytes: Uint8Array, [offset, size]: readonly [number, 2 | 4]): number => {
    const view = new DataView(bytes.buffer);
    return size === 2 ? view.getUint16(offset, true) : view.getUint32(offset, true);
  };
  const withLength = (
    bytes: Uint8Array,
    [offset, size]: readonly [number, 2 | 4],
    value: number,
  ): Uint8Array => {
    const changed = bytes.slice();
    const view = new DataView(changed.buffer);
    if (size === 2) view.setUint16(offset, value, true);
    else view.setUint32(offset, value, true);
    return changed;
  };

  test.each(QUOTES)('lengths that lie', (bytes) => {
    for (const field of lengthsOf(bytes)) {
      const right = read(bytes, field);
      const near = Array.from({ length: 17 }, (_, index) => right - 8 + index);
      for (const value of [...near, 0, 1, 0x7fff_ffff, 0x8000_0000, 0xffff, 0xffff_ffff]) {
        const said = field[1] === 2 ? value & 0xffff : value >>> 0;
        if (said === right) continue;
        expect(parseQuote(withLength(bytes, field, said)), `${field[0]}: ${said}`).toMatchObject({
          reason: 'malformed',
        });
      }
    }
  });

  test('bytes put in at the end count where all lengths around them say so', async () => {
    await checkProperty(
      'quote lengths agree',
      fc.property(
        fc.constantFrom(...QUOTES),
        fc.integer({ min: 1, max: 40 }),
        fc.array(fc.boolean(), { minLength: 3, maxLength: 3 }),
        (bytes, count, grown) => {
          const { shape } = parsed(bytes);
          // From the outside to the inside: each lies in the one before it.
          const around = lengthsOf(bytes).filter(([, size]) => size === 4);
          const nested = shape.version === 5 ? around.slice(1) : around;
          let longer: Uint8Array = Uint8Array.from([...bytes, ...new Uint8Array(count)]);
          nested.forEach((field, index) => {
            if (grown[index] === true) {
              longer = withLength(longer, field, read(bytes, field) + count);
            }
          });
          const result = parseQuote(longer);
          const said = nested.map((_, index) => grown[index] === true);
          if (said.every((one) => one)) {
            expect(result.ok && result.quote.certificationData.length).toBe(
              shape.certificationSize + count,
            );
          } else if (said.every((one) => !one)) {
            expect(result.ok && result.quote.trailingSize).toBe(count);
          } else {
            expect(result).toMatchObject({ reason: 'malformed' });
          }
        },
      ),
      { runs: 200 },
    );
  });

  test.each(QUOTES)('auth data that ends early is malformed, whatever its lengths say', (bytes) => {
    const { shape } = parsed(bytes);
    for (let size = shape.authOffset; size < bytes.length; size += 1) {
      let cut = withLength(bytes.slice(0, size), [shape.signedSize, 4], size - shape.authOffset);
      if (shape.version !== 3 && size >= shape.qeReportOffset) {
        cut = withLength(cut, [shape.qeReportOffset - 4, 4], size - shape.qeReportOffset);
      }
      const result = parseQuote(cut);
      if (result.ok || result.reason !== 'malformed') throw new Error(`${size} bytes`);
    }
  });

  test.each(QUOTES)('header and body are read where they are whole', (bytes) => {
    const { signedSize } = parsed(bytes).shape;
    for (let size = 0; size <= signedSize + 2; size += 1) {
      const { ok } = quote.parseFixedPart(bytes.subarray(0, size));
      if (ok !== size >= signedSize) throw new Error(`${size} of ${signedSize} bytes`);
    }
  });

  test.each([
    ['version', 0, 6, 'unsupported-version'],
    ['TEE type', 4, 0x80, 'unsupported-tee-type'],
    ['version 3 of a TD', 0, 3, 'version-tee-mismatch'],
    ['outer certification data', 764, 5, 'unsupported-certification-data'],
  ])('%s', (_, offset, value, reason) => {
    expect(parseQuote(issue().with(offset, value))).toMatchObject({ ok: false, reason });
  });

  test('a body of version 5 says what it is', () => {
    const v5 = issue(undefined, 'v5-1.5');
    expect(parseQuote(v5.with(48, 4))).toMatchObject({ reason: 'malformed' });
    expect(parseQuote(v5.with(50, 0))).toMatchObject({ reason: 'malformed' });
    const asSgx = v5.with(4, 0);
    expect(parseQuote(asSgx)).toMatchObject({ reason: 'version-tee-mismatch' });
    expect(() =>
      quote.signedRange({ version: 4, teeType: 'tdx', body: new Uint8Array(648) }),
    ).toThrow(/body: expected one of a tdx quote v4, got 648 bytes/);
  });
});

describe('bytes of any kind', () => {
  const verifier = verify.createVerifier({ root: PKI.root, backend: nodeSignatureBackend });
  const mutated = fc
    .tuple(
      fc.constantFrom(...QUOTES),
      fc.array(fc.tuple(fc.nat(4000), fc.nat(255)), { minLength: 1, maxLength: 4 }),
      fc.option(fc.nat(4000), { nil: undefined }),
    )
    .map(([bytes, changes, cut]) => {
      const changed = bytes.slice(0, cut ?? bytes.length);
      for (const [at, value] of changes) if (at < changed.length) changed[at] = value;
      return changed;
    });
  const anything = fc.oneof(
    { weight: 1, arbitrary: fc.uint8Array({ maxLength: 200 }) },
    { weight: 4, arbitrary: mutated },
  );
  /** Bytes behind the signature that mean nothing: PEM text around base64, the final NUL. */
  const isMeaningless = (bytes: Uint8Array): boolean => {
    const result = parseQuote(bytes);
    if (!result.ok) return false;
    return QUOTES.some((of) => {
      const one = parsed(of);
      return (
        Buffer.from(one.signedRange).equals(result.quote.signedRange) &&
        Buffer.from(one.qeReport.bytes).equals(result.quote.qeReport.bytes) &&
        Buffer.from(one.signature).equals(result.quote.signature)
      );
    });
  };

  test('never throw, and are never accepted', { timeout: DEEP_TIMEOUT }, async () => {
    await checkProperty(
      'no throw and no accept',
      fc.property(anything, (bytes) => {
        const verdict = verifier.verify(bytes, COLLATERAL, NOW);
        return !verdict.ok || isMeaningless(bytes);
      }),
      { runs: RUNS, timeMs: TIME },
    );
  });

  test(
    'are no messages of the quote generation service by accident',
    { timeout: DEEP_TIMEOUT },
    async () => {
      const request = qgs.encodeMessage({
        kind: 'get-quote-request',
        minorVersion: 1,
        report: new Uint8Array(1024),
        idList: [new Uint8Array(16)],
      });
      const messages = fc.oneof(
        fc.uint8Array({ maxLength: 1200 }),
        fc
          .tuple(fc.nat(request.length - 1), fc.nat(255))
          .map(([at, value]) => request.with(at, value)),
        fc.nat(request.length).map((size) => request.slice(0, size)),
      );
      await checkProperty(
        'QGS codec is total',
        fc.property(messages, (bytes) => {
          const decoded = qgs.decodeMessage(bytes);
          const framed = qgs.unframe(bytes);
          if (decoded.ok && !Buffer.from(qgs.encodeMessage(decoded.message)).equals(bytes))
            return false;
          return framed.ok
            ? framed.bytes.length === bytes.length - 4
            : framed.error === 'invalid-size';
        }),
        { runs: RUNS, timeMs: TIME },
      );
    },
  );
});
