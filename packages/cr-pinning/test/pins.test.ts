// SPDX-License-Identifier: MIT
import { describe, expect, test } from 'vitest';
import { CR4_BIT_NAMES, type Cr4BitName } from '@kernel-models/hw-model/cpu';
import { crPinningModel, force, violatedBits, violates } from '../src/index.ts';

const BITS = [0x1_0000n, 0x800n, 0x10_0000n, 0x20_0000n];

/** Every subset of the four allowed bits. */
const SUBSETS = Array.from({ length: 16 }, (_, subset) =>
  BITS.reduce((sum, bit, index) => ((subset >> index) & 1 ? sum | bit : sum), 0n),
);

test('the predicate is the one that the posting writes as two exclusive-ors', () => {
  for (const value of SUBSETS) {
    for (const high of SUBSETS) {
      for (const low of SUBSETS) {
        const posted = ((value ^ high) & high) !== 0n || ((~value ^ low) & low) !== 0n;
        expect(violatedBits(value, { low, high }) !== 0n).toBe(posted);
      }
    }
  }
});

test('forcing leaves nothing violated where no bit is pinned both ways', () => {
  for (const value of SUBSETS) {
    for (const high of SUBSETS) {
      for (const low of SUBSETS.filter((subset) => (subset & high) === 0n)) {
        expect(violatedBits(force(value, { low, high }), { low, high })).toBe(0n);
      }
    }
  }
});

test('the predicate of February 2020 refuses a bit that nobody pinned', () => {
  const pins = { low: 0n, high: 0x10_0000n };
  const write = { value: 0x30_0000n, old: 0x10_0000n, pins, allowed: 0x30_0800n };
  expect(violates('xor-allowed', write)).toBe(true);
  expect(violates('whole-value', write)).toBe(false);
});

describe('every bit of CR4 is declared pinnable or not', () => {
  // The compiler refuses a bit that is missing here, and one that does not exist.
  const PINNABLE: Readonly<Record<Cr4BitName, boolean>> = {
    VME: false,
    PVI: false,
    TSD: false,
    DE: false,
    PSE: false,
    PAE: false,
    MCE: false,
    PGE: false,
    PCE: false,
    OSFXSR: false,
    OSXMMEXCPT: false,
    UMIP: true,
    LA57: false,
    VMXE: false,
    SMXE: false,
    FSGSBASE: false,
    PCIDE: false,
    OSXSAVE: false,
    KL: false,
    SMEP: true,
    SMAP: true,
    PKE: false,
    CET: false,
    PKS: false,
    UINTR: false,
    LAM_SUP: false,
    FRED: false,
  };

  test('and the table of names has no other', () => {
    expect(Object.keys(PINNABLE)).toEqual([...CR4_BIT_NAMES]);
  });
});

describe('bad input is an error that names the field', () => {
  const { codec } = crPinningModel;

  test.each([
    [{ op: 'movToCr', vcpu: 0, cr: 16, value: '0x0' }, 'operation.cr: expected a whole number'],
    [{ op: 'movToCr', vcpu: 9, cr: 0, value: '0x0' }, 'operation.vcpu: expected a whole number'],
    [
      { op: 'movToCr', vcpu: 0, cr: 0, value: '0x10000000000000000' },
      'operation.value: expected a 0x… string',
    ],
    [{ op: 'wrmsr', vcpu: 0, msr: '0x100000000', value: '0x0' }, 'operation.msr: expected'],
    [{ op: 'smramWrite', vcpu: 0, offset: '0x0', size: 3, value: '0x0' }, 'operation.offset'],
    [{ op: 'movFromCr', vcpu: 0, cr: -1 }, 'operation.cr: expected a whole number'],
    [{ op: 'lmsw', vcpu: 0, value: '0x10000' }, 'operation.value: expected a 0x… string'],
    [{ op: 'hostSetMsr', vcpu: 0, msr: '0x10', value: 16 }, 'operation.value: expected'],
    [{ op: 'turnOff', vcpu: 0 }, 'operation.op: expected one of'],
    [7, 'operation: expected an object, got 7'],
  ])('%j', (json, message) => {
    expect(() => codec.decodeOperation(json)).toThrow(message);
  });

  test('an unknown revision and a vCPU that is not there', () => {
    const state = crPinningModel.initial({
      vcpus: 1,
      cpu: 'bochs-icelake',
      intercepts: 'vmx',
      host: 'patched',
      vmm: 'good',
      kernel: { kexec: false, pvCrPin: false, crashkernel: false },
    });
    const clts = { op: 'clts', vcpu: 1 } as const;
    expect(() => crPinningModel.apply(state, clts, 'posted-2020-06')).toThrow(
      'vcpu: expected 0 to 0, got 1',
    );
    expect(() => crPinningModel.apply(state, { ...clts, vcpu: 0 }, 'posted-2031')).toThrow(
      'cr-pinning: revision: expected one of linux-5.2',
    );
  });
});
