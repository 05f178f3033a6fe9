// SPDX-License-Identifier: MIT
import { describe, expect, test } from 'vitest';
import { explore } from '@kernel-models/model-core';
import {
  maySetSecurebits,
  restrictionsAllowTracing,
  securebitsClosedForm,
  securebitsModel,
  type SecurebitsOperation,
  type SecurebitsState,
} from '@kernel-models/exec-check';

/** The closed form in 32-bit arithmetic, for the loop over all pairs. */
function closedForm(old: number, next: number, privileged: boolean): boolean {
  const locks = old & 0xaaa;
  const changed = old ^ next;
  const frozen = locks | (locks >> 1);
  return (changed & frozen) === 0 && (privileged || (changed !== 0 && (changed & ~0xf00) === 0));
}

describe('PR_SET_SECUREBITS', () => {
  for (const privileged of [false, true]) {
    test(`all 4096 x 4096 words, ${privileged ? 'with' : 'without'} CAP_SETPCAP`, () => {
      const maySet = maySetSecurebits('linux-6.18');
      let wrong = 0;
      for (let old = 0; old < 4096; old += 1) {
        for (let next = 0; next < 4096; next += 1) {
          const may = maySet(old, next, privileged);
          if (may !== closedForm(old, next, privileged)) wrong += 1;
        }
      }
      expect(wrong).toBe(0);
    });
  }

  test('before 6.14 only eight bits exist, and nothing goes without CAP_SETPCAP', () => {
    const maySet = maySetSecurebits('linux-6.12');
    let wrong = 0;
    for (let old = 0; old < 256; old += 1) {
      for (let next = 0; next < 1024; next += 1) {
        const expected = securebitsClosedForm(BigInt(old), BigInt(next), true, false);
        if (maySet(old, next, true) !== expected || maySet(old, next, false)) wrong += 1;
      }
    }
    expect(wrong).toBe(0);
  });
});

/** Every change of one bit, and everything else that touches the word. */
function operations({ securebits }: SecurebitsState): readonly SecurebitsOperation[] {
  const flips = Array.from({ length: 13 }, (_, bit) => ({
    op: 'set' as const,
    value: securebits ^ (1 << bit),
  }));
  return [
    ...flips,
    { op: 'set', value: securebits },
    { op: 'get' },
    { op: 'fork' },
    { op: 'exec' },
    { op: 'unshareUser' },
    { op: 'dropSetpcap' },
  ];
}

const LEAVE: readonly SecurebitsOperation[] = [{ op: 'set', value: 0xf00 }, { op: 'unshareUser' }];

describe('every history of one word', () => {
  test('no lock is ever undone, and 8192 states are all there are', () => {
    const result = explore(securebitsModel, {
      revision: 'linux-6.18',
      setups: [{ securebits: 0, setpcap: true }],
      operations,
      depth: 20,
    });
    expect(result.counterexample).toBeUndefined();
    expect([result.exhausted, result.states]).toEqual([true, 8192]);
  });

  test('a user namespace undoes locks, unless it keeps them', () => {
    const invariants = securebitsModel.invariants.filter(
      ({ id }) => id === 'securebits.locks-survive-userns',
    );
    const run = (revision: string) =>
      explore(securebitsModel, {
        revision,
        setups: [{ securebits: 0, setpcap: false }],
        operations: () => LEAVE,
        depth: 2,
        invariants,
      });
    expect(run('linux-6.18').counterexample?.operations.map(({ op }) => op)).toEqual([
      'set',
      'unshareUser',
    ]);
    expect(run('linux-6.18-fixed').counterexample).toBeUndefined();
  });
});

test('a tracer of the posting needs a tracee with its restrictions and their locks', () => {
  expect(restrictionsAllowTracing(0x300, 0x300)).toBe(true);
  expect(restrictionsAllowTracing(0x300, 0x100)).toBe(false);
  expect(restrictionsAllowTracing(0x200, 0)).toBe(true);
  expect(restrictionsAllowTracing(0x100, 0x500)).toBe(true);
  expect(restrictionsAllowTracing(0x500, 0x100)).toBe(false);
});
