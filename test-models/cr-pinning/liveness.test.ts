// SPDX-License-Identifier: MIT
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  CR4_PIN_ALLOWED,
  crPinningModel,
  force,
  MSR_KVM_CR0_PINNED_HIGH,
  MSR_KVM_CR0_PINNED_LOW,
  MSR_KVM_CR4_PINNED_HIGH,
  MSR_KVM_CR4_PINNED_LOW,
  smallSetup,
  violatedBits,
  type Operation,
  type Setup,
} from '@kernel-models/cr-pinning';
import { CR0_WP } from '@kernel-models/hw-model/cpu';
import { checkProperty } from '../support/check-property.ts';
import { covered } from '../support/rule-coverage.ts';
import { choice, operationOf } from './operations.ts';

const model = covered(crPinningModel);
const subset = (mask: bigint): fc.Arbitrary<bigint> =>
  fc.bigInt(0n, (1n << 32n) - 1n).map((value) => value & mask);

/*
 * Something good happens: a guest that is in a state that violates its pins can leave it, and one that is
 * rebooted comes up again.
 */

test('from pins that the registers violate, one write of each register leads out', async () => {
  let violated = 0;
  const property = fc.property(
    subset(CR0_WP),
    subset(CR0_WP),
    subset(CR4_PIN_ALLOWED),
    subset(CR4_PIN_ALLOWED),
    (cr0High, cr0Low, cr4High, cr4Low) => {
      let state = model.initial(smallSetup(1));
      const set = (msr: number, value: bigint): void => {
        const operation: Operation = { op: 'hostSetMsr', vcpu: 0, msr, value };
        state = model.apply(state, operation, 'posted-2020-06').state;
      };
      set(MSR_KVM_CR0_PINNED_HIGH, cr0High);
      set(MSR_KVM_CR0_PINNED_LOW, cr0Low);
      set(MSR_KVM_CR4_PINNED_HIGH, cr4High);
      set(MSR_KVM_CR4_PINNED_LOW, cr4Low);
      for (const [cr, register] of [
        [0, 'cr0'],
        [4, 'cr4'],
      ] as const) {
        const vcpu = state.vcpus[0];
        if (vcpu === undefined) throw new Error('vcpu: expected one');
        if (violatedBits(vcpu.cpu[register], vcpu.pins[register]) !== 0n) violated += 1;
        const value = force(vcpu.cpu[register], vcpu.pins[register]);
        const write: Operation = { op: 'movToCr', vcpu: 0, cr, value, emulated: true };
        const step = model.apply(state, write, 'posted-2020-06');
        if (step.outcome.kind !== 'done') return false;
        state = step.state;
        const after = state.vcpus[0];
        if (after === undefined || violatedBits(after.cpu[register], after.pins[register]) !== 0n) {
          return false;
        }
      }
      return true;
    },
  );
  await checkProperty('one write leads out', property, { runs: 500 });
  expect(violated).toBeGreaterThan(100);
});

describe('after any history, a reset by a good VMM lets the kernel boot and bring up its CPUs', () => {
  const setup: Setup = {
    ...smallSetup(2),
    kernel: { kexec: false, pvCrPin: true, crashkernel: false },
  };

  test.each([
    'posted-2019-12',
    'posted-2020-02',
    'posted-2020-06',
    'posted-2020-06-fixed',
    'reviewed-2020-06',
    'reviewed-2020-07',
    'design-mask-value',
    'design-efer',
  ])('%s', async (revision) => {
    const property = fc.property(fc.array(choice, { maxLength: 30, size: 'max' }), (choices) => {
      let state = model.initial(setup);
      for (const one of choices) {
        state = model.apply(state, operationOf(state, one), revision).state;
      }
      const routines: readonly Operation[] = [
        { op: 'machineReset' },
        { op: 'routine', vcpu: 0, routine: 'boot' },
        { op: 'routine', vcpu: 1, routine: 'bring-up' },
      ];
      for (const operation of routines) {
        const step = model.apply(state, operation, revision);
        if (step.outcome.kind !== 'done') throw new Error(`${operation.op}: ${step.trail.join()}`);
        state = step.state;
      }
    });
    await checkProperty(`reboot, ${revision}`, property, { runs: 150 });
  });
});
