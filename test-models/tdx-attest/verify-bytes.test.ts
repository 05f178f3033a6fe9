// SPDX-License-Identifier: MIT
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { checkProperty } from '../support/check-property.ts';
import { flip, outcomeOf, PARSED, QUOTE } from './verify-case.ts';

/* Which bytes of a quote count, and where one that is wrong is found. */

const { shape } = PARSED;

describe('which part a flipped bit is found in', () => {
  const parts = [
    ['the body', 48, 632, 'quote-signature'],
    ['the signature', shape.authOffset, shape.authOffset + 64, 'quote-signature'],
    ['the attestation key', shape.authOffset + 64, shape.authOffset + 128, 'qe-report-data'],
    ['the QE report', shape.qeReportOffset, shape.qeReportOffset + 384, 'qe-report-signature'],
    [
      'its signature',
      shape.qeReportOffset + 384,
      shape.qeReportOffset + 448,
      'qe-report-signature',
    ],
    ['the auth data', shape.qeAuthOffset, shape.qeAuthOffset + shape.qeAuthSize, 'qe-report-data'],
  ] as const;

  test.each(parts)('%s', async (name, start, end, reason) => {
    await checkProperty(
      `verify.bit-flip-rejected in ${name}`,
      fc.property(fc.integer({ min: start, max: end - 1 }), fc.nat(7), (at, bit) => {
        expect(outcomeOf({ bytes: flip(at, bit) })).toBe(`${reason}: ${reason}`);
      }),
      { runs: 25 },
    );
  });
});

describe('verify.malleable-accepted: what says the same is taken', () => {
  test('padding of any kind', async () => {
    await checkProperty(
      'padding is ignored',
      fc.property(fc.uint8Array({ maxLength: 100 }), (padding) => {
        expect(outcomeOf({ bytes: Uint8Array.from([...QUOTE, ...padding]) })).toBe('UpToDate');
      }),
      { runs: 20 },
    );
  });

  test('signatures with either s', () => {
    const order = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n;
    for (const at of [shape.authOffset + 32, shape.qeReportOffset + 384 + 32]) {
      const s = BigInt(`0x${Buffer.from(QUOTE.subarray(at, at + 32)).toString('hex')}`);
      const other = Buffer.from((order - s).toString(16).padStart(64, '0'), 'hex');
      const bytes = QUOTE.slice();
      bytes.set(other, at);
      expect(outcomeOf({ bytes })).toBe('UpToDate');
    }
  });
});
