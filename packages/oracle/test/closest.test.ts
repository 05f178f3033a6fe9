// SPDX-License-Identifier: MIT
import { expect, test } from 'vitest';
import { closestNames, suggestion } from '../src/closest.ts';

const NAMES = ['exec-check', 'exec-check.securebits', 'mm', 'maple-tree', 'bug:no-etxtbsy'];

test.each([
  ['exec-chekc', ['exec-check']],
  ['Exec-Check', ['exec-check', 'exec-check.securebits']],
  ['mapletree', ['maple-tree']],
  ['securebits', ['exec-check.securebits']],
  ['etxtbsy', ['bug:no-etxtbsy']],
  ['nosuch', []],
  ['', []],
])('%s is near to %j', (typed, expected) => {
  expect(closestNames(typed, NAMES)).toEqual(expected);
});

test('the nearest comes first, and three are enough', () => {
  const names = ['linux-6.1', 'linux-6.12', 'linux-6.14', 'linux-6.18', 'linux-6.0'];
  expect(closestNames('linux-6.12', names)).toHaveLength(3);
  expect(closestNames('linux-6.1x', names)[0]).toBe('linux-6.1');
  expect(suggestion('linux-6.13', ['linux-6.12'])).toBe('; did you mean linux-6.12?');
  expect(suggestion('windows', names)).toBe('');
});
