// SPDX-License-Identifier: MIT
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { deepEqual, isBugRevision, type RevisionId } from '@kernel-models/model-core';
import {
  crPinningModel,
  featuresOf,
  REVISIONS,
  type Operation,
  type Setup,
  type State,
} from '@kernel-models/cr-pinning';
import { checkProperty } from '../support/check-property.ts';
import { covered } from '../support/rule-coverage.ts';
import { choice, operationOf, SETUPS, type Choice } from './operations.ts';

const model = covered(crPinningModel);

const vcpu = 0;
/** Beside the operations of every history: what a kernel does at its start, and a migration. */
const REBOOT: readonly Operation[] = [
  { op: 'machineReset' },
  { op: 'routine', vcpu, routine: 'boot' },
  { op: 'machineReset' },
];
const bringUp: Operation = { op: 'routine', vcpu, routine: 'bring-up' };
const migrate: Operation = { op: 'migrate', order: 'msrs-first', strict: false };

function make(state: State, one: Choice): Operation {
  const [kind] = one;
  if (kind % 11 === 0) return REBOOT[Math.floor(kind / 11) % REBOOT.length] ?? migrate;
  return kind % 11 === 1 ? bringUp : operationOf(state, one);
}

/** What the guest sees of a state. */
const visible = ({ vcpus, dead }: State): unknown => [dead, vcpus.map(({ cpu }) => cpu)];

/**
 * Goes on from a state by two revisions at once.
 *
 * @throws Error where a guest can tell one from the other
 */
function compare(
  start: State,
  choices: readonly Choice[],
  revision: RevisionId,
  other: RevisionId,
): void {
  let [left, right] = [start, start];
  for (const one of choices) {
    const operation = make(left, one);
    const step = model.apply(left, operation, revision);
    const expected = model.apply(right, operation, other);
    const isSame =
      deepEqual(step.outcome, expected.outcome) &&
      deepEqual(visible(step.state), visible(expected.state));
    if (!isSame) throw new Error(`${operation.op}: ${step.rule}, expected ${expected.rule}`);
    left = step.state;
    right = expected.state;
  }
}

const choices = fc.array(choice, { maxLength: 40, size: 'max' });
/** Natively all of them pin as Linux 5.8 does; what they add needs the host. */
const DEFENCES = REVISIONS.filter(
  (revision) =>
    !isBugRevision(revision) &&
    featuresOf(revision.id).request !== 'none' &&
    featuresOf(revision.id).nativeCr4Mask === featuresOf('linux-5.8').nativeCr4Mask,
).map(({ id }) => id);

describe('on a host without the feature every guest is one of Linux 5.8', () => {
  test('which revisions these are', () => {
    expect(DEFENCES).toHaveLength(12);
  });

  test.each(DEFENCES)('%s, started there', async (revision) => {
    const setups = fc.constantFrom(
      ...SETUPS.map((setup): Setup => ({ ...setup, host: 'unpatched' })),
    );
    const property = fc.property(setups, choices, (setup, history) => {
      compare(model.initial(setup), history, revision, 'linux-5.8');
    });
    await checkProperty(`unpatched host, ${revision}`, property, { runs: 60 });
  });

  test.each(DEFENCES.filter((id) => !featuresOf(id).policyInVmm))(
    '%s, moved there by a lenient VMM',
    async (revision) => {
      const setups = fc.constantFrom(
        ...SETUPS.map((setup): Setup => ({ ...setup, vmm: 'old-host' })),
      );
      const property = fc.property(setups, choices, choices, (setup, before, after) => {
        let state = model.initial(setup);
        for (const one of before) state = model.apply(state, make(state, one), revision).state;
        const moved = model.apply(state, migrate, revision).state;
        // A machine that has stopped is not moved.
        if (moved.host === 'unpatched') compare(moved, after, revision, 'linux-5.8');
      });
      await checkProperty(`moved to an old host, ${revision}`, property, { runs: 60 });
    },
  );
});

test('on a host of today the posting meets what bug:mainline-collision says', async () => {
  const property = fc.property(fc.constantFrom(...SETUPS), choices, (setup, history) => {
    let today = model.initial({ ...setup, host: 'mainline' });
    let taken = model.initial(setup);
    for (const one of history) {
      const operation = make(today, one);
      const step = model.apply(today, operation, 'posted-2020-06-fixed');
      const expected = model.apply(taken, operation, 'bug:mainline-collision');
      expect([step.rule, step.outcome]).toEqual([expected.rule, expected.outcome]);
      today = step.state;
      taken = expected.state;
    }
  });
  await checkProperty('mainline host', property, { runs: 60 });
});
