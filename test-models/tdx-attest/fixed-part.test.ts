// SPDX-License-Identifier: MIT
import { expect, test } from 'vitest';
import { quote } from '@kernel-models/tdx-attest';
import { issue } from './issued.ts';

test('bodies that were read share no byte with each other or with their quotes', () => {
  const bytes = issue();
  const bodies = Array.from({ length: 60 }, (_, index) => {
    const input = bytes.slice();
    input.fill(index, 568, 632);
    const parsed = quote.parseFixedPart(input);
    input.fill(0xff);
    if (!parsed.ok) throw new Error(parsed.detail);
    return parsed.fixed.body;
  });
  bodies.forEach(({ reportData }, index) => {
    expect([...reportData]).toEqual(Array.from({ length: 64 }, () => index));
  });
});
