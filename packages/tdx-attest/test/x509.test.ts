// SPDX-License-Identifier: MIT
import { X509Certificate } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { decodePem, encodePem, testPki, verify } from '@kernel-models/tdx-attest';

const PKI = testPki.createTestPki();
const chain = decodePem(PKI.pckChain) ?? [];

describe('TEST certificates', () => {
  test('are certificates to OpenSSL, too', () => {
    const [pck, ca, root] = chain.map((der) => new X509Certificate(der));
    if (pck === undefined || ca === undefined || root === undefined)
      throw new Error('a chain of three');
    expect(pck.subject).toBe('CN=TEST SGX PCK Certificate');
    expect(pck.checkIssued(ca)).toBe(true);
    expect(pck.verify(ca.publicKey)).toBe(true);
    expect(ca.verify(root.publicKey)).toBe(true);
    expect(root.verify(root.publicKey)).toBe(true);
    expect([pck.ca, ca.ca, root.ca]).toEqual([false, true, true]);
    expect(new Date(pck.validTo).toISOString()).toBe('2049-12-31T23:59:59.000Z');
  });

  test('are the same for the same seed, and others for another', () => {
    expect(testPki.createTestPki().root).toEqual(PKI.root);
    expect(testPki.createTestPki({ seed: 'x' }).root).not.toEqual(PKI.root);
  });
});

describe('PEM', () => {
  test('out and back', () => {
    expect(decodePem(encodePem(chain))).toEqual(chain);
    expect(decodePem(`text\r\n${encodePem(chain).replaceAll('\n', '\r\n')}\0`)).toEqual(chain);
  });

  test.each([
    ['no end', '-----BEGIN CERTIFICATE-----\nAAAA\n'],
    ['nothing inside', '-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n'],
    ['no base64', '-----BEGIN CERTIFICATE-----\nA?AA\n-----END CERTIFICATE-----\n'],
    ['a broken group', '-----BEGIN CERTIFICATE-----\nAAA\n-----END CERTIFICATE-----\n'],
  ])('%s is none', (_, text) => {
    expect(decodePem(text)).toBeUndefined();
  });
});

describe('the text of a member', () => {
  const { memberText } = verify;
  test.each([
    ['{"tcbInfo":{"a":[1,{"b":"}"}]},"signature":"x"}', '{"a":[1,{"b":"}"}]}'],
    ['{ "signature" : "x" , "tcbInfo" : { "a" : "\\"}" } }', '{ "a" : "\\"}" }'],
    ['{"x":{"tcbInfo":1},"tcbInfo":2}', '2'],
  ])('%s', (json, text) => {
    expect(memberText(json, 'tcbInfo')).toBe(text);
  });

  test.each([
    '',
    '[]',
    '{',
    '{"a"',
    '{"a":',
    '{"a":1',
    '{"a":1 "tcbInfo":2}',
    '{"tcbInfo":{',
    '{"a":"',
  ])('%s has none', (json) => {
    expect(memberText(json, 'tcbInfo')).toBeUndefined();
  });
});
