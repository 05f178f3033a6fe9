// SPDX-License-Identifier: MIT
import { expect, test } from 'vitest';
import { nobleBackend, signingKeyOf } from '@kernel-models/tdx-attest';
import { nodeSignatureBackend } from '../../src/tdx-attest/node-signature-backend.ts';

const BACKENDS = [nobleBackend, nodeSignatureBackend] as const;
const key = signingKeyOf('backend');
const message = new TextEncoder().encode('message');
const signature = key.sign(message);

test.each(BACKENDS)('$name verifies, and nothing else does', (backend) => {
  const imported = backend.importKey(key.point);
  expect(imported?.verify(message, signature)).toBe(true);
  expect(imported?.verify(message.with(0, 0), signature)).toBe(false);
  expect(imported?.verify(message, signature.with(5, (signature[5] ?? 0) ^ 1))).toBe(false);
  expect(imported?.verify(message, signature.slice(1))).toBe(false);
  expect(imported?.verify(message, new Uint8Array(64))).toBe(false);
  expect(imported?.verify(message, new Uint8Array(64).fill(0xff))).toBe(false);
});

test.each(BACKENDS)('$name refuses what is no point of the curve', (backend) => {
  expect(backend.importKey(new Uint8Array(64))).toBeUndefined();
  expect(backend.importKey(key.point.slice(1))).toBeUndefined();
  expect(backend.importKey(key.point.with(63, (key.point[63] ?? 0) ^ 1))).toBeUndefined();
  expect(backend.importKey(new Uint8Array(64).fill(0xff))).toBeUndefined();
});
