// SPDX-License-Identifier: MIT
import fc from 'fast-check';
import { afterAll, describe, expect, test } from 'vitest';
import { promisedInvariants, type RevisionId } from '@kernel-models/model-core';
import { cpuModel, isLongMode, type CpuSetup } from '@kernel-models/hw-model/cpu';
import { checkProperty } from '../../support/check-property.ts';
import { LabelCoverage } from '../../support/label-coverage.ts';
import { covered } from '../../support/rule-coverage.ts';
import { choice, operationOf, SETUPS, startOf, type Choice } from './operations.ts';

const model = covered(cpuModel);
const histories = fc.tuple(
  fc.constantFrom(...SETUPS),
  fc.array(choice, { minLength: 1, maxLength: 60, size: 'max' }),
);

/** Takes a history and says which invariant breaks first, if one does. */
function firstBroken(
  setup: CpuSetup,
  choices: readonly Choice[],
  revision: RevisionId,
  onStep: (rule: string) => void = () => undefined,
): string | undefined {
  const invariants = promisedInvariants(model, revision);
  let state = startOf(model, setup, revision);
  for (const one of choices) {
    const before = state;
    const operation = operationOf(before, one);
    const step = model.apply(before, operation, revision);
    const broken = invariants.find((each) => !each.holds({ before, operation, step, revision }));
    if (broken !== undefined) return `${broken.id} at ${operation.op}`;
    onStep(step.rule);
    state = step.state;
  }
  return undefined;
}

describe('any history from reset keeps the invariants', () => {
  const labels = new LabelCoverage();

  test.each([
    'architecture',
    'architecture-strict-lma',
    'architecture-intel-smram',
    'linux-5.8',
    'linux-6.18-pvm',
    'bochs-2.7',
  ])('%s', async (revision) => {
    const property = fc.property(histories, ([setup, choices]) => {
      const rules = new Set<string>();
      const broken = firstBroken(setup, choices, revision, (rule) => rules.add(rule));
      labels.count(rules);
      expect(broken).toBeUndefined();
    });
    await checkProperty(`CPU invariants, ${revision}`, property, { runs: 400 });
  });

  afterAll(() => {
    labels.require({
      'cr0.written': 30,
      'cr4.written': 30,
      'smi.delivered': 20,
      'rsm.resumed': 5,
      'init.done': 20,
      'vm-entry.done': 1,
      'vmrun.done': 0.2,
      'cr0.pg-needs-pe': 5,
    });
  });
});

test('long mode is reached by legal writes', async () => {
  let reached = 0;
  const property = fc.property(histories, ([setup, choices]) => {
    let state = model.initial(setup);
    for (const one of choices) {
      state = model.apply(state, operationOf(state, one), 'architecture').state;
    }
    if (isLongMode(state)) reached += 1;
  });
  await checkProperty('long mode is reached', property, { runs: 200 });
  expect(reached).toBeGreaterThan(0);
});
