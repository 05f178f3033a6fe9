// SPDX-License-Identifier: MIT
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { deepEqual, runModel } from '@kernel-models/model-core';
import {
  CR0_STATE,
  crPinningModel,
  KVM_HC_KEXEC_UNPIN,
  MSR_KVM_CR0_PINNED_HIGH,
  MSR_KVM_CR0_PINNED_LOW,
  MSR_KVM_CR4_PINNED_HIGH,
  MSR_KVM_CR4_PINNED_LOW,
  smallSetup,
  type Operation,
  type Outcome,
  type Setup,
} from '@kernel-models/cr-pinning';
import {
  CR0_WP,
  CR4_SMAP,
  CR4_SMEP,
  CR4_UMIP,
  cpuModel,
  initialState,
  type CpuOperation,
} from '@kernel-models/hw-model/cpu';
import { checkProperty } from '../support/check-property.ts';
import { covered } from '../support/rule-coverage.ts';
import { choice as cpuChoice, operationOf as cpuOperationOf } from '../hw-model/cpu/operations.ts';
import * as reference from './reference.ts';
import type { Answer, BitName, On, Polarity, Reference, RegisterName } from './reference.ts';

const model = covered(crPinningModel);
const BITS: Readonly<Record<BitName, bigint>> = {
  WP: CR0_WP,
  SMEP: CR4_SMEP,
  SMAP: CR4_SMAP,
  UMIP: CR4_UMIP,
};
/** PAE and VMXE, which nothing here changes. */
const CR4_REST = 0x2020n;
const CR4_PAE = 0x20n;
const cr0Of = (on: On): bigint => (CR0_STATE & ~CR0_WP) | maskOf(on);
const cr4Of = (on: On): bigint => CR4_REST | maskOf(on);
const maskOf = (on: readonly BitName[]): bigint => on.reduce((mask, bit) => mask | BITS[bit], 0n);

const MSRS: Readonly<Record<RegisterName, Readonly<Record<Polarity, number>>>> = {
  cr0: { low: MSR_KVM_CR0_PINNED_LOW, high: MSR_KVM_CR0_PINNED_HIGH },
  cr4: { low: MSR_KVM_CR4_PINNED_LOW, high: MSR_KVM_CR4_PINNED_HIGH },
};

/** One step of both: the operation, and what the reference says to it. */
interface Paired {
  readonly operation: Operation;
  readonly says: (state: Reference) => readonly [Reference, Answer];
}

const wp: fc.Arbitrary<On> = fc.subarray<BitName>(['WP']);
const guards: fc.Arbitrary<On> = fc.subarray<BitName>(['SMEP', 'SMAP', 'UMIP']);
const anything: fc.Arbitrary<On> = fc.subarray<BitName>(['WP', 'SMEP', 'SMAP', 'UMIP']);
const vcpu = 0;

const paired: fc.Arbitrary<(state: Reference) => Paired | undefined> = fc.oneof(
  fc.tuple(wp).map(
    ([on]) =>
      (state: Reference) =>
        mov(state, 'cr0', on),
  ),
  fc.tuple(guards).map(
    ([on]) =>
      (state: Reference) =>
        mov(state, 'cr4', on),
  ),
  fc
    .tuple(
      fc.constantFrom<RegisterName>('cr0', 'cr4'),
      fc.constantFrom<Polarity>('low', 'high'),
      fc.oneof({ weight: 3, arbitrary: guards }, wp, anything),
      fc.boolean(),
    )
    .map(
      ([register, polarity, on, byHost]) =>
        () =>
          pinning(register, polarity, on, byHost),
    ),
  fc.constant((state: Reference): Paired | undefined =>
    state.saved === null
      ? { operation: { op: 'smi', vcpu }, says: reference.smi }
      : { operation: { op: 'rsm', vcpu }, says: reference.rsm },
  ),
  fc.constant((state: Reference): Paired | undefined =>
    state.saved === null && state.host !== null
      ? { operation: { op: 'nestedExit', vcpu }, says: reference.leaveL2 }
      : undefined,
  ),
  fc.tuple(wp, guards, wp, guards).map(
    ([guest0, guest4, host0, host4]) =>
      (state: Reference) =>
        state.saved === null && state.host === null
          ? entry(guest0, guest4, host0, host4)
          : undefined,
  ),
);

function mov({ saved }: Reference, register: RegisterName, on: On): Paired {
  // VMXE, which an SMI clears, cannot be set in SMM.
  const cr4 = saved === null ? cr4Of(on) : CR4_PAE | maskOf(on);
  const [cr, value] = register === 'cr0' ? ([0, cr0Of(on)] as const) : ([4, cr4] as const);
  return {
    operation: { op: 'movToCr', vcpu, cr, value, emulated: true },
    says: (state) => reference.writeCr(state, register, on),
  };
}

function pinning(register: RegisterName, polarity: Polarity, on: On, byHost: boolean): Paired {
  const msr = MSRS[register][polarity];
  const value = maskOf(on);
  return {
    operation: byHost ? { op: 'hostSetMsr', vcpu, msr, value } : { op: 'wrmsr', vcpu, msr, value },
    says: (state) => reference.pin(state, register, polarity, on, byHost),
  };
}

function entry(guest0: On, guest4: On, host0: On, host4: On): Paired {
  return {
    operation: {
      op: 'nestedEntry',
      vcpu,
      guestCr0: cr0Of(guest0),
      guestCr4: cr4Of(guest4),
      hostCr0: cr0Of(host0),
      hostCr4: cr4Of(host4),
      cr0Mask: 0n,
      cr4Mask: 0n,
    },
    says: (state) =>
      reference.enterL2(state, { cr0: guest0, cr4: guest4 }, { cr0: host0, cr4: host4 }),
  };
}

function answerOf(outcome: Outcome): Answer {
  if (outcome.kind === 'fault') return 'gp';
  if (outcome.kind === 'processed') return outcome.count === 1 ? 'ok' : 'gp';
  if (outcome.kind === 'internalError') return 'dead';
  return outcome.kind === 'exit' ? 'exit' : 'ok';
}

describe('the model and the reference agree', () => {
  test('on every history of writes, pins, SMIs and nested guests', async () => {
    const property = fc.property(fc.array(paired, { maxLength: 40, size: 'max' }), (steps) => {
      let state = model.initial(smallSetup(1));
      let mirror = reference.START;
      for (const make of steps) {
        const one = mirror.dead ? undefined : make(mirror);
        if (one === undefined) continue;
        const { state: next, outcome } = model.apply(state, one.operation, 'posted-2020-06-fixed');
        const [after, answer] = one.says(mirror);
        const cpu = next.vcpus[0]?.cpu;
        const isEqual =
          answerOf(outcome) === answer &&
          (after.dead ||
            (((cpu?.cr0 ?? 0n) & CR0_WP) === maskOf(after.cr0) &&
              ((cpu?.cr4 ?? 0n) & maskOf(['SMEP', 'SMAP', 'UMIP'])) === maskOf(after.cr4)));
        if (!isEqual) throw new Error(`${one.operation.op}: ${outcome.kind}, expected ${answer}`);
        state = next;
        mirror = after;
      }
    });
    await checkProperty('pinning reference', property, { runs: 1500 });
  });
});

describe('with no pins the machine is bare hardware', () => {
  const EXCLUDED: ReadonlySet<CpuOperation['op']> = new Set([
    'raise',
    'nmi',
    'reset',
    'guestExit',
    'hostSaveWrite',
    'memoryWrite',
    'setSregs',
    'hostRdmsr',
    'hostWrmsr',
    'init',
    'rsm',
  ]);

  test.each(['posted-2020-06', 'reviewed-2020-07', 'posted-2023-05', 'design-floor'])(
    '%s',
    async (revision) => {
      const running = { cr0: 0x8001_0033n, cr4: 0x30_0020n, efer: 0xd01n };
      const setup: Setup = { ...smallSetup(1), running };
      const property = fc.property(
        fc.array(cpuChoice, { maxLength: 50, size: 'max' }),
        (choices) => {
          let state = model.initial(setup);
          let cpu = state.vcpus[0]?.cpu ?? initialState({ cpu: 'bochs-icelake' });
          for (const one of choices) {
            const operation = cpuOperationOf(cpu, one);
            if (EXCLUDED.has(operation.op)) continue;
            const bare = cpuModel.apply(cpu, operation, 'architecture');
            // Only what both have in common is asked, so that the operation has a vCPU.
            const step = model.apply(state, { ...operation, vcpu: 0 } as Operation, revision);
            if (
              !deepEqual(step.outcome, bare.outcome) ||
              !deepEqual(step.state.vcpus[0]?.cpu, bare.state)
            ) {
              throw new Error(`${operation.op}: ${step.rule} and ${bare.rule}`);
            }
            state = step.state;
            cpu = bare.state;
          }
        },
      );
      await checkProperty(`no pins, ${revision}`, property, { runs: 150 });
    },
  );
});

test('adding pins turns accepted writes into refusals, never the other way round', async () => {
  const value = fc.bigInt(0n, (1n << 33n) - 1n);
  const property = fc.property(
    guards,
    guards,
    fc.constantFrom(0 as const, 4 as const),
    value,
    (few, more, cr, bits) => {
      const all = [...new Set([...few, ...more])];
      const refused = (on: On): boolean => {
        const pins: Operation = {
          op: 'hostSetMsr',
          vcpu,
          msr: MSR_KVM_CR4_PINNED_HIGH,
          value: maskOf(on),
        };
        const write: Operation = { op: 'movToCr', vcpu, cr, value: bits, emulated: true };
        const [, last] = runModel(model, smallSetup(1), [pins, write], 'posted-2020-06');
        return last?.outcome.kind === 'fault';
      };
      return !refused(few) || refused(all);
    },
  );
  await checkProperty('more pins refuse more', property, { runs: 500 });
});

test('two pins of opposite polarity are the same in any order where both succeed', async () => {
  const property = fc.property(guards, guards, (high, low) => {
    const write = (msr: number, on: On): Operation => ({
      op: 'wrmsr',
      vcpu,
      msr,
      value: maskOf(on),
    });
    const operations = [write(MSR_KVM_CR4_PINNED_HIGH, high), write(MSR_KVM_CR4_PINNED_LOW, low)];
    const forward = runModel(model, smallSetup(1), operations, 'posted-2020-06');
    const backward = runModel(model, smallSetup(1), operations.toReversed(), 'posted-2020-06');
    const succeeds = (steps: typeof forward): boolean =>
      steps.every(({ outcome }) => outcome.kind === 'done');
    if (!succeeds(forward) || !succeeds(backward)) return true;
    return deepEqual(forward.at(-1)?.state, backward.at(-1)?.state);
  });
  await checkProperty('pins commute', property, { runs: 200 });
});

describe('the routines of the guest', () => {
  const usual: Setup = {
    vcpus: 2,
    cpu: 'bochs-icelake',
    intercepts: 'vmx',
    host: 'patched',
    vmm: 'good',
    kernel: { kexec: true, pvCrPin: true, crashkernel: false },
  };
  const outcomes = (operations: readonly Operation[], revision: string, setup = usual) =>
    runModel(model, setup, operations, revision).map(({ outcome }) => outcome);
  const boot: Operation = { op: 'routine', vcpu: 0, routine: 'boot' };
  const bringUp: Operation = { op: 'routine', vcpu: 1, routine: 'bring-up' };

  test('boot, bring-up, hibernation and a reboot go through under a good VMM', () => {
    const restore: Operation = { op: 'routine', vcpu: 0, routine: 'hibernate-restore' };
    const history = [
      boot,
      bringUp,
      restore,
      bringUp,
      { op: 'machineReset' },
      boot,
      bringUp,
    ] as const;
    for (const { kind } of outcomes(history, 'posted-2020-06')) expect(kind).toBe('done');
  });

  test('pinning gives up kexec, and a VMM with a token gives it back once', () => {
    expect(outcomes([boot, { op: 'kexecLoad' }], 'posted-2020-06').at(-1)).toEqual({
      kind: 'syscall',
      errno: 'EPERM',
    });
    const kexec: Operation = { op: 'routine', vcpu: 0, routine: 'kexec' };
    const token: Operation = { op: 'hypercall', vcpu: 0, nr: KVM_HC_KEXEC_UNPIN, arguments: [] };
    const [, , , first, second] = outcomes(
      [boot, { op: 'kexecLoad' }, { op: 'armKexec' }, kexec, token],
      'design-kexec-token',
    );
    expect(first).toEqual({ kind: 'done' });
    expect(second).toEqual({ kind: 'value', value: (1n << 64n) - 22n });
    expect(outcomes([kexec], 'posted-2020-06')).toEqual([{ kind: 'syscall', errno: 'ENOSYS' }]);
    const without = { ...usual, kernel: { ...usual.kernel, kexec: false } };
    expect(outcomes([{ op: 'kexecLoad' }], 'posted-2020-06', without)).toEqual([
      { kind: 'syscall', errno: 'ENOSYS' },
    ]);
    expect(outcomes([{ op: 'armKexec' }], 'posted-2020-06')).toEqual([{ kind: 'ignored' }]);
  });

  test('on a newer KVM the feature bit means something else, and the MSR is another one', () => {
    const mainline: Setup = { ...usual, host: 'mainline' };
    const [feature, allowed, low, on, bad] = outcomes(
      [
        { op: 'cpuid', vcpu: 0 },
        { op: 'rdmsr', vcpu: 0, msr: 0x4b56_4d08 },
        { op: 'rdmsr', vcpu: 0, msr: 0x4b56_4d0a },
        { op: 'wrmsr', vcpu: 0, msr: 0x4b56_4d08, value: 1n },
        { op: 'wrmsr', vcpu: 0, msr: 0x4b56_4d08, value: 2n },
      ],
      'posted-2020-06',
      mainline,
    );
    expect(feature).toEqual({ kind: 'value', value: (1n << 15n) | (1n << 17n) });
    expect(allowed).toEqual({ kind: 'value', value: 0n });
    expect(low?.kind).toBe('fault');
    expect(on).toEqual({ kind: 'done' });
    expect(bad?.kind).toBe('fault');
  });
});
