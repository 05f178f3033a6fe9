// SPDX-License-Identifier: MIT
import fc from 'fast-check';
import {
  CR0_PIN_ALLOWED,
  CR4_PIN_ALLOWED,
  crPinningModel,
  MSR_KVM_CR0_PIN_ALLOWED,
  MSR_KVM_CR0_PINNED_HIGH,
  MSR_KVM_CR4_PIN_ALLOWED,
  MSR_KVM_CR4_PINNED_HIGH,
  SMALL_SOMETIMES,
  smallOperations,
  smallSetup,
  type Operation,
  type Outcome,
  type Setup,
  type State,
} from '@kernel-models/cr-pinning';
import type { Subsystem } from '../subsystem.ts';
import { pinningKvmTarget, pinningUnsupported, type PinningCase } from './kvm-targets.ts';

/** Values: subsets of what may be pinned in one register or the other, and now and then any. */
const values: fc.Arbitrary<bigint> = fc
  .tuple(
    fc.constantFrom(CR0_PIN_ALLOWED, CR4_PIN_ALLOWED, CR4_PIN_ALLOWED, (1n << 32n) - 1n),
    fc.bigInt(0n, (1n << 32n) - 1n),
  )
  .map(([mask, bits]) => bits & mask);

const access: fc.Arbitrary<Operation> = fc
  .tuple(
    fc.integer({ min: MSR_KVM_CR0_PIN_ALLOWED, max: MSR_KVM_CR4_PINNED_HIGH + 1 }),
    fc.boolean(),
  )
  .chain(([msr, reads]) =>
    reads
      ? fc.constant<Operation>({ op: 'rdmsr', vcpu: 0, msr })
      : values.map((value): Operation => ({ op: 'wrmsr', vcpu: 0, msr, value })),
  );

/** Histories of MSR accesses on one vCPU: what KVM can be asked. */
const cases: fc.Arbitrary<PinningCase> = fc
  .array(access, { minLength: 1, maxLength: 12 })
  .map((operations) => ({ setup: smallSetup(1), operations }));

/** Control-register pinning: the model, and the half of it that a KVM without it can be asked. */
export const crPinningSubsystem: Subsystem<State, Operation, Outcome, Setup> = {
  model: crPinningModel,
  title: 'KVM paravirtual CR0/CR4 pinning, native pinning, and the attacks on both',
  defaultRevision: 'posted-2020-06',
  cases: () => cases,
  isExecutable: (candidate) => pinningUnsupported(candidate) === undefined,
  targets: () => [pinningKvmTarget()],
  explorations: [1, 2].map((vcpus) => ({
    name: vcpus === 1 ? 'one-vcpu' : 'two-vcpus',
    sentence: `${vcpus === 1 ? 'one vCPU' : 'two vCPUs'} with pins, SMM, a nested guest and a VMM`,
    setups: [smallSetup(vcpus)],
    operations: smallOperations,
    defaultDepth: vcpus === 1 ? 5 : 3,
    ...(vcpus === 1 && { sometimes: SMALL_SOMETIMES }),
  })),
  rowOf: (operation) =>
    operation.op === 'rdmsr' || operation.op === 'wrmsr'
      ? `${operation.op} ${MSR_NAMES[operation.msr] ?? 'another MSR'}`
      : operation.op,
};

const MSR_NAMES: Readonly<Record<number, string>> = {
  [MSR_KVM_CR0_PIN_ALLOWED]: 'CR0_PIN_ALLOWED',
  [MSR_KVM_CR4_PIN_ALLOWED]: 'CR4_PIN_ALLOWED',
  [MSR_KVM_CR0_PINNED_HIGH - 1]: 'CR0_PINNED_LOW',
  [MSR_KVM_CR0_PINNED_HIGH]: 'CR0_PINNED_HIGH',
  [MSR_KVM_CR4_PINNED_HIGH - 1]: 'CR4_PINNED_LOW',
  [MSR_KVM_CR4_PINNED_HIGH]: 'CR4_PINNED_HIGH',
};
