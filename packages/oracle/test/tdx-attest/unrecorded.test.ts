// SPDX-License-Identifier: MIT
import { expect, test } from 'vitest';
import { check, type CheckReport } from '../../src/check.ts';
import { tdxQgsSubsystem } from '../../src/tdx-attest/unrecorded.ts';

const checkQgs = (requested: readonly string[]): Promise<CheckReport> =>
  check({
    subsystems: [tdxQgsSubsystem],
    requested,
    targets: [],
    live: false,
    revision: undefined,
    runs: 1,
    seed: 1,
    targetOptions: {},
  });

test('a model that nothing real is held against is named among the skipped', async () => {
  const { skips, uncompared } = await checkQgs([]);
  expect(skips).toEqual([
    {
      model: 'tdx-attest.qgs',
      target: 'anything',
      reason: tdxQgsSubsystem.nothingReal,
      required: false,
    },
  ]);
  expect(uncompared).toEqual([]);
});

test('asked for by its own name it is inconclusive: nothing agreed', async () => {
  const { uncompared, verdict } = await checkQgs(['tdx-attest.qgs']);
  expect(uncompared).toEqual(['tdx-attest.qgs']);
  expect(verdict).toBe('inconclusive');
});
