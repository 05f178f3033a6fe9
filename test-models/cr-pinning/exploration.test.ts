// SPDX-License-Identifier: MIT
import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { explore } from '@kernel-models/model-core';
import {
  crPinningModel,
  DEFENCES,
  formatMatrix,
  INVARIANTS,
  SCENARIOS,
  SMALL_SOMETIMES,
  smallOperations,
  smallSetup,
  threatMatrix,
} from '@kernel-models/cr-pinning';
import { IS_DEEP } from '../support/check-property.ts';
import { covered } from '../support/rule-coverage.ts';

const model = covered(crPinningModel);

/** What the README says was explored: the counts are exact, so that no part of it gets lost. */
const EXPLORED = [
  { vcpus: 1, depth: 5, states: 12_073, transitions: 93_986, isDeep: false },
  { vcpus: 2, depth: 3, states: 6_536, transitions: 29_275, isDeep: false },
  { vcpus: 1, depth: 16, states: 299_350, transitions: 7_483_021, isDeep: true },
  { vcpus: 2, depth: 5, states: 314_413, transitions: 2_375_161, isDeep: true },
];

describe('every history of a small machine keeps the invariants', () => {
  test.each(EXPLORED.filter(({ isDeep }) => isDeep === IS_DEEP))(
    '$vcpus vCPUs to depth $depth: $states states',
    ({ vcpus, depth, states, transitions }) => {
      const result = explore(model, {
        revision: 'posted-2020-06-fixed',
        setups: [smallSetup(vcpus)],
        operations: smallOperations,
        depth,
        sometimes: SMALL_SOMETIMES,
      });
      process.stdout.write(
        `${vcpus} vCPUs, depth ${depth}: ${result.states} states, ${result.transitions} transitions\n`,
      );
      expect(result.counterexample).toBeUndefined();
      expect(result).toMatchObject({ complete: true, states, transitions });
      // From depth 16 on one vCPU has no further state: what holds there holds after any history.
      expect(result.exhausted).toBe(depth === 16);
      if (vcpus === 1) {
        expect([...result.reached].sort()).toEqual(Object.keys(SMALL_SOMETIMES).sort());
      }
    },
    600_000,
  );

  test('the README says how far', () => {
    const file = new URL('../../packages/cr-pinning/README.md', import.meta.url);
    const cells = readFileSync(file, 'utf8')
      .split('\n')
      .filter((line) => /^\| \d/.test(line))
      .map((line) =>
        line
          .split('|')
          .slice(1, 5)
          .map((cell) => Number(cell.replaceAll(',', ''))),
      );
    expect(cells).toEqual(
      EXPLORED.map(({ vcpus, depth, states, transitions }) => [vcpus, depth, states, transitions]),
    );
  });

  test.each([
    { revision: 'posted-2020-06', id: 'pins.l2-is-free', length: 4 },
    { revision: 'posted-2020-02', id: 'pins.l2-is-free', length: 3 },
  ])('$revision breaks $id after $length operations', ({ revision, id, length }) => {
    const { counterexample } = explore(model, {
      revision,
      setups: [smallSetup(1)],
      operations: function* (state) {
        yield* smallOperations(state);
        yield { op: 'wrmsr', vcpu: 0, msr: 0x4b56_4d09, value: 0x10_0000n };
      },
      depth: 5,
      invariants: INVARIANTS.filter((one) => one.id === id),
    });
    expect(counterexample?.operations).toHaveLength(length);
  });
});

describe('the matrix', () => {
  const matrix = threatMatrix();
  const cell = (id: string, revision: string): string | undefined =>
    matrix.rows.find(({ scenario }) => scenario.id === id)?.verdicts[
      matrix.revisions.indexOf(revision)
    ];

  test('has every attack against every defence', () => {
    expect(matrix.revisions).toEqual(DEFENCES);
    expect(matrix.rows.map(({ scenario: { id } }) => id)).toEqual(
      Array.from({ length: 19 }, (_, index) => `T${index + 1}`),
    );
    expect(SCENARIOS).toHaveLength(19);
    expect(formatMatrix(matrix).trim().split('\n')).toHaveLength(20);
  });

  test.each([
    ['linux-5.2', 'bypass bypass bypass bypass bypass bypass bypass bypass bypass'],
    ['linux-5.8', 'repaired repaired bypass bypass bypass bypass bypass bypass bypass'],
    ['posted-2020-06', 'blocked blocked blocked blocked killed bypass repaired bypass effect-lost'],
  ])('%s against T1 to T9', (revision, verdicts) => {
    const row = Array.from({ length: 9 }, (_, index) => cell(`T${index + 1}`, revision));
    expect(row.join(' ')).toBe(verdicts);
  });

  test('the posting against T10 to T19', () => {
    const row = Array.from({ length: 10 }, (_, index) => cell(`T${index + 10}`, 'posted-2020-06'));
    expect(row).toEqual([
      'blocked',
      'availability-lost',
      'bypass',
      'bypass',
      'bypass',
      'bypass',
      'blocked',
      'harmless',
      'availability-lost',
      'availability-lost',
    ]);
  });

  test('each better design changes the row that it is for', () => {
    expect(cell('T13', 'design-efer')).toBe('blocked');
    expect(cell('T8', 'design-init-suspends')).toBe('effect-lost');
    expect(cell('T19', 'design-kexec-token')).toBe('harmless');
    expect(cell('T15', 'design-floor')).toBe('blocked');
    expect(cell('T12', 'reviewed-2024-05')).toBe('blocked');
    expect(cell('T18', 'reviewed-2024-05')).toBe('harmless');
  });
});
