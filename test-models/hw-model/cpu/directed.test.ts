// SPDX-License-Identifier: MIT
import { expect, test } from 'vitest';
import { cpuModel } from '@kernel-models/hw-model/cpu';
import { covered } from '../../support/rule-coverage.ts';
import { DIRECTED } from './directed.ts';

const model = covered(cpuModel);

test.each(DIRECTED)('$rule decides', ({ rule, start, operations }) => {
  let state = start;
  let last = '';
  for (const operation of operations) {
    const step = model.apply(state, operation, 'architecture');
    state = step.state;
    last = step.rule;
  }
  expect(last).toBe(rule);
});
