// SPDX-License-Identifier: MIT
import { expect, test } from 'vitest';
import { isBugRevision, resolveRevisions, type Revision } from '@kernel-models/model-core';

const base: Revision<{ a: boolean; b: number }> = {
  id: 'linux-1.0',
  source: 'toy',
  date: '1994',
  features: { a: false, b: 1 },
};
const bug: Revision<{ a: boolean; b: number }> = {
  id: 'bug:a',
  base: 'linux-1.0',
  features: { a: true },
  story: 'a',
  caughtBy: [],
};

test('a bug variant has the features of its base but for its own', () => {
  const features = resolveRevisions('toy', [base, bug]);
  expect(features('linux-1.0')).toEqual({ a: false, b: 1 });
  expect(features('bug:a')).toEqual({ a: true, b: 1 });
  expect([base, bug].map(isBugRevision)).toEqual([false, true]);
});

test('mistakes in the table and unknown revisions are named', () => {
  expect(() => resolveRevisions('toy', [base, base])).toThrow('linux-1.0 stands twice');
  expect(() => resolveRevisions('toy', [bug])).toThrow('expected a base that stands before it');
  expect(() => resolveRevisions('toy', [base])('linux-2')).toThrow(
    'toy: revision: expected one of linux-1.0, got linux-2',
  );
});
