// SPDX-License-Identifier: MIT
import { expect, test } from 'vitest';
import type { Json } from '@kernel-models/model-core';
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

test('every operation is the same after a way through JSON', () => {
  const { codec } = cpuModel;
  for (const operation of DIRECTED.flatMap(({ operations }) => operations)) {
    const json: unknown = JSON.parse(JSON.stringify(codec.encodeOperation(operation)));
    expect(codec.decodeOperation(json as Json)).toEqual(operation);
  }
});
