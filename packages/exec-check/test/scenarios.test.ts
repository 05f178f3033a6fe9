// SPDX-License-Identifier: MIT
import { describe, expect, test } from 'vitest';
import { chainMatrix, enumerateChains, POLICIES, type Policy } from '@kernel-models/exec-check';

/** `x` blocked, `.` not: without and with noexec, each for no bit, R, D, R and D. */
const MATRIX: Readonly<Record<string, string>> = {
  C1: 'xxxx xxxx',
  C2: '.... xxxx',
  C3: '.x.x .x.x',
  C4: '..xx ..xx',
  C5: '..xx ..xx',
  C6: '..xx ..xx',
  C7: '..xx ..xx',
  C8a: '..xx ..xx',
  C8b: '.x.x .x.x',
  C9: '.... ....',
  C10a: '.... xxxx',
  C10b: '.x.x xxxx',
  C11a: '.... xxxx',
  C11b: '.x.x xxxx',
  C12: '.... xxxx',
  C13: '.... ....',
  C14: '.... .x.x',
  C15: '.... .x.x',
  C16: '.... ....',
  C18: '.... ....',
  C19: '.... ....',
  C20: '.... ....',
  C22: '.... ....',
  C23: '.... ....',
  C24: '.... ....',
  C25: '.... ....',
};

function matrix(revision: string): Record<string, string> {
  const rows: Record<string, string> = {};
  for (const { chain, policy, blocked } of chainMatrix(revision)) {
    const gap = policy.noexec && rows[chain]?.length === 4 ? ' ' : '';
    rows[chain] = `${rows[chain] ?? ''}${gap}${blocked ? 'x' : '.'}`;
  }
  return rows;
}

test('which chain is blocked by what', () => {
  expect(matrix('linux-6.18')).toEqual(MATRIX);
});

test('the posting blocks tracing of less restricted tasks', () => {
  expect(matrix('posted-v19')['C22']).toBe('.xxx .xxx');
});

test('a namespace that keeps locked bits blocks the escape', () => {
  expect(matrix('linux-6.18-fixed')['C19']).toBe('.x.x .x.x');
});

describe('searching for chains', () => {
  const sinks = (policy: Policy): string[] =>
    enumerateChains(policy, 'linux-6.18-fixed', 3).map((chain) =>
      chain.map(({ op }) => op).join(' '),
    );

  test('with every defence nothing is left', () => {
    expect(sinks({ restrictFile: true, denyInteractive: true, noexec: true })).toEqual([]);
  });

  test('on 6.18 what is left goes through a user namespace', () => {
    const strongest = POLICIES.at(-1);
    expect(strongest).toBeDefined();
    if (strongest === undefined) return;
    const chains = enumerateChains(strongest, 'linux-6.18', 3);
    expect(chains.length).toBeGreaterThan(0);
    expect(chains.every((chain) => chain.some(({ op }) => op === 'unshareUser'))).toBe(true);
  });
});
