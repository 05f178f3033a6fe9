// SPDX-License-Identifier: MIT
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { INTEL_STATUS_NAMES, readmeOf } from './readme.ts';
import { keyServer } from '@kernel-models/tdx-attest';
import { nonceToKey } from './nonce-to-key.ts';

test('the example of the README runs, and is the one that stands there', () => {
  expect(nonceToKey()).toEqual(keyServer.DISK_KEY);
  const source = readFileSync(new URL('./nonce-to-key.ts', import.meta.url), 'utf8');
  const body = source.replace('// SPDX-License-Identifier: MIT\n', '').trim();
  expect(readmeOf()).toContain(body);
});

test('every reason stands in the README beside Intel’s name', () => {
  for (const [reason, intel] of INTEL_STATUS_NAMES) {
    expect(readmeOf()).toContain(`| \`${reason}\` | ${intel} |`);
  }
});
