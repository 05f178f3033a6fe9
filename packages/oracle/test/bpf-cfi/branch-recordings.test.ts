// SPDX-License-Identifier: MIT
import { expect, test } from 'vitest';
import { branchModel } from '@kernel-models/hw-model/instructions';
import { replay } from '@kernel-models/model-core';
import { readTraceFile, shippedRecordings } from '../../src/recordings.ts';

const recordings = shippedRecordings(branchModel.name);

test.each(recordings)('$name agrees with the model in every branch', ({ path }) => {
  const rules = new Map<string, number>();
  const differences: unknown[] = [];
  for (const trace of readTraceFile(path, () => branchModel.codec)) {
    const { revision = 'bochs-2.7' } = trace;
    const result = replay(branchModel, trace, {
      revision,
      onStep: (_, { rule }) => rules.set(rule, (rules.get(rule) ?? 0) + 1),
    });
    if (result.verdict !== 'agree') differences.push(result.divergence);
  }
  expect(differences.slice(0, 5)).toEqual([]);
  expect([...rules.keys()].sort()).toEqual([
    ...['execute.breakpoint', 'execute.debug', 'execute.double-fault'],
    ...['execute.gate-not-present', 'execute.invalid-opcode', 'execute.missing-endbranch'],
    ...['execute.page', 'execute.protection', 'execute.stack', 'wrmsr.base', 'wrmsr.reserved'],
    ...['wrmsr.suppress-and-tracker', 'wrmsr.written'],
  ]);
});

test('there is a recording', () => expect(recordings).toHaveLength(1));
