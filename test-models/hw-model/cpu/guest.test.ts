// SPDX-License-Identifier: MIT
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  cpuModel,
  initialState,
  type ControlState,
  type CpuOperation,
  type CrExiting,
  type Vmcs,
} from '@kernel-models/hw-model/cpu';
import { checkProperty } from '../../support/check-property.ts';
import { LabelCoverage } from '../../support/label-coverage.ts';
import { covered } from '../../support/rule-coverage.ts';
import { vmcsOf } from './vmcs-of.ts';

/*
 * Accesses of a guest of VMX to its control registers, against a naive reference that goes through
 * them bit by bit: who owns the bit, what the guest reads for it, whether it ends the guest.
 */

const model = covered(cpuModel);
const running = initialState({
  cpu: 'everything',
  cr0: 0x8001_0033n,
  cr4: 0x2020n,
  efer: 0x500n,
  csL: true,
});
const root: ControlState = { ...running, virtualization: { kind: 'vmx', vmcs: null } };

const own = vmcsOf(running);

const bit = (value: bigint, index: number): bigint => (value / 2n ** BigInt(index)) % 2n;
const bits = (of: (index: number) => bigint): bigint => {
  let value = 0n;
  for (let index = 0; index < 64; index += 1) value += of(index) * 2n ** BigInt(index);
  return value;
};

/** What the guest is told, or that it ended with this exit qualification. */
type Naive = { readonly reads: bigint } | { readonly exits: bigint } | { readonly writes: bigint };

/** Mask and shadow of CR0 or CR4. */
interface Owned {
  readonly mask: bigint;
  readonly shadow: bigint;
}

function naiveRead({ mask, shadow }: Owned, register: bigint): Naive {
  return { reads: bits((n) => (bit(mask, n) === 1n ? bit(shadow, n) : bit(register, n))) };
}

function naiveWrite(cr: 0 | 4, { mask, shadow }: Owned, register: bigint, value: bigint): Naive {
  for (let n = 0; n < 64; n += 1) {
    if (bit(mask, n) === 1n && bit(value, n) !== bit(shadow, n)) return { exits: BigInt(cr) };
  }
  return { writes: bits((n) => (bit(mask, n) === 1n ? bit(register, n) : bit(value, n))) };
}

/** PE (bit 0) ends the guest where it would be set; MP, EM and TS where they differ. */
function naiveLmsw({ mask, shadow }: Owned, register: bigint, source: bigint): Naive {
  for (const n of [0, 1, 2, 3]) {
    const isLooked = n > 0 || bit(source, 0) === 1n;
    if (isLooked && bit(mask, n) === 1n && bit(source, n) !== bit(shadow, n)) {
      return { exits: 0x30n + source * 0x1_0000n };
    }
  }
  const isWritten = (n: number): boolean =>
    n < 4 && bit(mask, n) === 0n && (n > 0 || bit(source, 0) === 1n);
  return { writes: bits((n) => (isWritten(n) ? bit(source, n) : bit(register, n))) };
}

function naiveClts({ mask, shadow }: Owned, register: bigint): Naive {
  if (bit(mask, 3) === 1n) return bit(shadow, 3) === 1n ? { exits: 0x20n } : { writes: register };
  return { writes: bits((n) => (n === 3 ? 0n : bit(register, n))) };
}

function naiveCr3(exiting: CrExiting, value: bigint | undefined): Naive {
  if (value === undefined) return exiting.storeCr3 ? { exits: 0x13n } : { reads: 0n };
  const isTarget = exiting.cr3Targets.some((target) => target === value);
  return exiting.loadCr3 && !isTarget ? { exits: 3n } : { writes: value };
}

function naiveCr8(exiting: CrExiting, value: bigint | undefined): Naive {
  if (value === undefined) return exiting.storeCr8 ? { exits: 0x18n } : { reads: 0n };
  return exiting.loadCr8 ? { exits: 8n } : { writes: value };
}

const few = fc.bigInt(0n, 15n);
const low = fc.bigInt(0n, (1n << 34n) - 1n);
const owned: fc.Arbitrary<Owned> = fc
  .tuple(fc.oneof(fc.constant(0n), low, few), fc.oneof(low, few, fc.constant(running.cr0)))
  .map(([mask, shadow]) => ({ mask, shadow }));
const cr3 = fc.constantFrom(0n, 0x1000n, 0x2000n, 0x3000n);
const exiting: fc.Arbitrary<CrExiting> = fc.record({
  loadCr3: fc.boolean(),
  storeCr3: fc.boolean(),
  loadCr8: fc.boolean(),
  storeCr8: fc.boolean(),
  cr3Targets: fc.array(cr3, { maxLength: 4 }),
});

type Asked = { readonly operation: CpuOperation; readonly naive: Naive };

function accesses(zero: Owned, four: Owned, controls: CrExiting, value: bigint): readonly Asked[] {
  const { cr0, cr4 } = running;
  const [base, priority, source] = [(value % 4n) * 0x1000n, value % 16n, value % 0x1_0000n];
  return [
    { operation: { op: 'movFromCr', cr: 0 }, naive: naiveRead(zero, cr0) },
    { operation: { op: 'smsw' }, naive: naiveRead(zero, cr0) },
    { operation: { op: 'movFromCr', cr: 4 }, naive: naiveRead(four, cr4) },
    { operation: { op: 'movToCr', cr: 0, value }, naive: naiveWrite(0, zero, cr0, value) },
    { operation: { op: 'movToCr', cr: 4, value }, naive: naiveWrite(4, four, cr4, value) },
    { operation: { op: 'lmsw', value: source }, naive: naiveLmsw(zero, cr0, source) },
    { operation: { op: 'clts' }, naive: naiveClts(zero, cr0) },
    { operation: { op: 'movFromCr', cr: 3 }, naive: naiveCr3(controls, undefined) },
    { operation: { op: 'movToCr', cr: 3, value: base }, naive: naiveCr3(controls, base) },
    { operation: { op: 'movFromCr', cr: 8 }, naive: naiveCr8(controls, undefined) },
    { operation: { op: 'movToCr', cr: 8, value: priority }, naive: naiveCr8(controls, priority) },
  ];
}

/**
 * Undefined where they agree. A write that reaches the register may still fault there for its
 * value.
 */
function difference(guest: ControlState, { operation, naive }: Asked): string | undefined {
  const { outcome, state } = model.apply(guest, operation, 'architecture');
  if ('exits' in naive) {
    const isEqual = outcome.kind === 'exit' && outcome.qualification === naive.exits;
    return isEqual && outcome.reason === 28n ? undefined : 'should exit';
  }
  if ('reads' in naive) {
    return outcome.kind === 'value' && outcome.value === naive.reads ? undefined : 'reads another';
  }
  if (outcome.kind === 'fault') return state === guest ? undefined : 'faults and changes';
  if (outcome.kind !== 'done') return `is ${outcome.kind}`;
  const cr = operation.op === 'movToCr' ? operation.cr : 0;
  const stored = { 0: state.cr0, 3: state.cr3, 4: state.cr4, 8: state.cr8 }[cr];
  const expected = cr === 0 ? (naive.writes & 0xe005_003fn) | 0x10n : naive.writes;
  return stored === expected ? undefined : 'stores another';
}

describe('accesses of a guest to its control registers', () => {
  test('are what the masks, shadows and controls say', async () => {
    const labels = new LabelCoverage();
    const value = fc.oneof(low, fc.constantFrom(running.cr0, running.cr4, 0x8001_0031n, 0x2000n));
    const property = fc.property(owned, owned, exiting, value, (zero, four, crExiting, one) => {
      const vmcs: Vmcs = {
        ...own,
        cr0GuestHostMask: zero.mask,
        cr0ReadShadow: zero.shadow,
        cr4GuestHostMask: four.mask,
        cr4ReadShadow: four.shadow,
        crExiting,
      };
      const { state: guest, rule } = model.apply(root, { op: 'vmEntry', vmcs }, 'architecture');
      if (rule !== 'vm-entry.done') throw new Error(rule);
      const asked = accesses(zero, four, crExiting, one);
      labels.count(
        new Set(
          asked.map(({ operation, naive }) => `${operation.op} ${Object.keys(naive).join('')}`),
        ),
      );
      for (const each of asked) {
        const problem = difference(guest, each);
        if (problem !== undefined)
          throw new Error(`${JSON.stringify(each.operation.op)} ${problem}`);
      }
    });
    await checkProperty('accesses of a guest', property, { runs: 600 });
    labels.require({
      'movToCr exits': 20,
      'movToCr writes': 20,
      'lmsw exits': 10,
      'clts exits': 2,
    });
  });

  test('a count of CR3 targets above 4 is refused before anything else', () => {
    const crExiting: CrExiting = {
      loadCr3: false,
      storeCr3: false,
      loadCr8: false,
      storeCr8: false,
      cr3Targets: [0n, 0n, 0n, 0n, 0n],
    };
    const vmcs: Vmcs = { ...own, hostCr0: 0n, guestCr0: 0n, crExiting };
    const { outcome, state } = model.apply(root, { op: 'vmEntry', vmcs }, 'architecture');
    expect(outcome).toEqual({ kind: 'vmFail', error: 7 });
    expect(state).toBe(root);
  });
});
