// SPDX-License-Identifier: MIT
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  crPinningModel,
  runsL2,
  type Operation,
  type PinSet,
  type State,
} from '@kernel-models/cr-pinning';
import { CR0_WP, CR4_FSGSBASE, CR4_SMAP, CR4_SMEP, CR4_UMIP } from '@kernel-models/hw-model/cpu';
import { checkProperty } from '../support/check-property.ts';
import { covered } from '../support/rule-coverage.ts';
import { choice, operationOf, SETUPS } from './operations.ts';

/*
 * One access to an MSR of the interface, after any history, beside a naive reference: the answer,
 * the reason, and what is pinned then.
 */

const model = covered(crPinningModel);

/** What an interface is, in words of the postings and of the designs. */
interface Interface {
  /** What stands at each number: which register, and which of its MSRs. */
  readonly numbers: Readonly<Record<number, readonly ['cr0' | 'cr4' | 'efer', Role]>>;
  readonly cr4: bigint;
  /** A guest's write repeats what is pinned, or adds to it. */
  readonly guestWrite: 'repeats' | 'adds';
  readonly isWriteOnly: boolean;
  readonly allowed: 'takes-its-value' | 'takes-anything' | 'host-sets';
  /** What any vCPU has pinned counts for each. */
  readonly isFloor: boolean;
}
type Role = 'allowed' | 'low' | 'high';

const GUARDS = CR4_SMEP | CR4_SMAP | CR4_UMIP;
const EFER_NXE = 0x800n;

const POSTED: Interface = {
  numbers: {
    0x4b564d08: ['cr0', 'allowed'],
    0x4b564d09: ['cr4', 'allowed'],
    0x4b564d0a: ['cr0', 'low'],
    0x4b564d0b: ['cr0', 'high'],
    0x4b564d0c: ['cr4', 'low'],
    0x4b564d0d: ['cr4', 'high'],
  },
  cr4: GUARDS,
  guestWrite: 'repeats',
  isWriteOnly: false,
  allowed: 'takes-its-value',
  isFloor: false,
};
const RFC: Interface = {
  ...POSTED,
  numbers: {
    0x4b564d06: ['cr0', 'allowed'],
    0x4b564d07: ['cr4', 'allowed'],
    0x4b564d08: ['cr0', 'high'],
    0x4b564d09: ['cr4', 'high'],
  },
};
const INTERFACES: Readonly<Record<string, Interface>> = {
  'posted-2019-12': { ...RFC, isWriteOnly: true },
  'posted-2020-02': { ...RFC, guestWrite: 'adds', allowed: 'takes-anything' },
  'posted-2020-06': POSTED,
  'reviewed-2020-06': { ...POSTED, isWriteOnly: true },
  'reviewed-2020-07': { ...POSTED, cr4: GUARDS | CR4_FSGSBASE, allowed: 'host-sets' },
  'design-efer': { ...POSTED, numbers: { ...POSTED.numbers, 0x4b564d0e: ['efer', 'high'] } },
  'design-floor': { ...POSTED, isFloor: true },
};

/** An access, and where it is made. */
interface Access {
  readonly state: State;
  readonly msr: number;
  readonly byHost: boolean;
  /** Absent: a read. */
  readonly value: bigint | undefined;
}

type Answer =
  | { readonly reads: bigint }
  | { readonly refused: string }
  /** What is pinned on the vCPU afterwards, and what may be pinned. */
  | { readonly pins: PinSet; readonly allowed: { readonly cr0: bigint; readonly cr4: bigint } };

/** Whether every bit of the one is in the other. */
const isWithin = (some: bigint, all: bigint): boolean => (some | all) === all;

/** The answer; undefined where the MSR is none of the interface's, or L2's access ends L2. */
function answer(access: Access, by: Interface): Answer | undefined {
  const { state, msr, byHost, value } = access;
  const [vcpu] = state.vcpus;
  const found = by.numbers[msr];
  if (found === undefined || vcpu === undefined) return undefined;
  if (!byHost && (vcpu.cpu.cpl > 0 || runsL2(vcpu))) return undefined;
  const [register, role] = found;
  const allowed = state.allowed ?? { cr0: CR0_WP, cr4: by.cr4 };
  const may = { ...allowed, efer: EFER_NXE }[register];
  const { pins } = vcpu;
  if (role === 'allowed') {
    if (value === undefined) return { reads: may };
    if (by.allowed === 'takes-anything' || value === may) return { pins, allowed };
    const isSet = by.allowed === 'host-sets' && byHost;
    if (!isSet || register === 'efer') return { refused: 'pin-msr.allowed-differs' };
    const isPinned = state.vcpus.some(
      (one) => !isWithin(one.pins[register].low | one.pins[register].high, value),
    );
    if (isPinned) return { refused: 'pin-msr.allowed-below-pins' };
    return { pins, allowed: { ...allowed, [register]: value } };
  }
  const own = register === 'efer' ? pins.eferHigh : pins[register][role];
  if (value === undefined) {
    return by.isWriteOnly && !byHost ? { refused: 'pin-msr.write-only' } : { reads: own };
  }
  if (!isWithin(value, may)) return { refused: 'pin-msr.not-allowed' };
  if (register !== 'efer') {
    const other = role === 'low' ? 'high' : 'low';
    const counts = pins[register][other] | (by.isFloor ? state.vmPins[register][other] : 0n);
    if ((value & counts) > 0n) return { refused: 'pin-msr.opposite' };
  }
  const repeats = isWithin(own, value);
  if (!byHost && !repeats && by.guestWrite === 'repeats') return { refused: 'pin-msr.unpins' };
  const stored = byHost || repeats ? value : own | value;
  const next =
    register === 'efer'
      ? { ...pins, eferHigh: stored }
      : { ...pins, [register]: { ...pins[register], [role]: stored } };
  return { pins: next, allowed };
}

const bits = fc
  .subarray([CR0_WP, CR4_SMEP, CR4_SMAP, CR4_UMIP, CR4_FSGSBASE, EFER_NXE], { maxLength: 4 })
  .map((some) => some.reduce((all, bit) => all | bit, 0n));
const value = fc.oneof(
  bits,
  fc.constantFrom(0n, EFER_NXE, CR0_WP),
  fc.constantFrom(0n, CR0_WP, GUARDS, CR4_SMEP, CR4_SMAP | CR4_SMEP, EFER_NXE, 1n << 40n),
);
const access = fc.record({
  msr: fc.integer({ min: 0x4b56_4d06, max: 0x4b56_4d0e }),
  byHost: fc.boolean(),
  value: fc.option(value, { nil: undefined }),
  isUser: fc.nat(60).map((one) => one === 0),
});

function operationFor({ msr, byHost, value: written }: Omit<Access, 'state'>): Operation {
  const vcpu = 0;
  if (written === undefined) return { op: byHost ? 'hostGetMsr' : 'rdmsr', vcpu, msr };
  return { op: byHost ? 'hostSetMsr' : 'wrmsr', vcpu, msr, value: written };
}

describe('an access to the MSRs is answered as the reference says', () => {
  test.each(Object.entries(INTERFACES))('%s', async (revision, by) => {
    const histories = fc.array(fc.tuple(choice, fc.array(access, { maxLength: 3 })), {
      maxLength: 25,
      size: 'max',
    });
    const property = fc.property(fc.constantFrom(...SETUPS), histories, (setup, history) => {
      let state = model.initial(setup);
      for (const [one, accesses] of history) {
        state = model.apply(state, operationOf(state, one), revision).state;
        for (const { isUser, ...each } of accesses) {
          if (isUser) {
            const leave: Operation = { op: 'iret', vcpu: 0, l: true, d: false, cpl: 3 };
            state = model.apply(state, leave, revision).state;
          }
          if (state.dead !== null || state.vcpus[0]?.cpu.activity !== 'active') return;
          const step = model.apply(state, operationFor(each), revision);
          const expected = answer({ state, ...each }, by);
          if (expected === undefined) {
            expect(step.rule).not.toMatch(/^pin-msr\./);
          } else if ('refused' in expected) {
            expect(step.rule).toBe(expected.refused);
            expect(step.state).toBe(state);
          } else if ('reads' in expected) {
            expect(step.outcome).toMatchObject({ value: expected.reads });
          } else {
            expect(step.rule).toBe(each.byHost ? 'pin-msr.written-by-host' : 'pin-msr.written');
            expect(step.state.vcpus[0]?.pins).toEqual(expected.pins);
            expect(step.state.allowed ?? { cr0: CR0_WP, cr4: by.cr4 }).toEqual(expected.allowed);
          }
          state = step.state;
        }
      }
    });
    await checkProperty(`MSRs, ${revision}`, property, { runs: 250 });
  });
});
