// SPDX-License-Identifier: MIT
import { describe, expect, test } from 'vitest';
import { CR0_WP, CR4_SMAP, CR4_SMEP, CR4_UMIP } from '@kernel-models/hw-model/cpu';
import {
  CR0_STATE,
  Machine,
  MSR_KVM_CR0_PIN_ALLOWED,
  MSR_KVM_CR0_PINNED_HIGH,
  MSR_KVM_CR0_PINNED_LOW,
  MSR_KVM_CR4_PIN_ALLOWED,
  MSR_KVM_CR4_PINNED_HIGH,
  MSR_KVM_CR4_PINNED_LOW,
  smallSetup,
} from '../src/index.ts';

/*
 * What the only public tests of the interface assert, by their names: "x86: Add control register
 * pinning tests" for kvm-unit-tests, and the selftest smm_cr_pin_test of the posting.
 */

const REVISION = 'posted-2020-06';
const vcpu = 0;
const GP = { kind: 'fault', vector: 13, errorCode: 0 };

function machine(): Machine {
  return new Machine({ ...smallSetup(1), intercepts: 'always' }, REVISION);
}

const pin = (one: Machine, msr: number, value: bigint) => one.do({ op: 'wrmsr', vcpu, msr, value });
const mov = (one: Machine, cr: 0 | 4, value: bigint) => one.do({ op: 'movToCr', vcpu, cr, value });

describe('kvm-unit-tests: cr_pin', () => {
  test('the ALLOWED MSRs tell WP, and SMEP, SMAP, UMIP', () => {
    const one = machine();
    const read = (msr: number) => one.do({ op: 'rdmsr', vcpu, msr });
    expect(read(MSR_KVM_CR0_PIN_ALLOWED)).toEqual({ kind: 'value', value: CR0_WP });
    const guards = CR4_SMEP | CR4_SMAP | CR4_UMIP;
    expect(read(MSR_KVM_CR4_PIN_ALLOWED)).toEqual({ kind: 'value', value: guards });
  });

  test('CR0: WP pinned high cannot be cleared, and the same value can be written', () => {
    const one = machine();
    expect(pin(one, MSR_KVM_CR0_PINNED_HIGH, CR0_WP)).toEqual({ kind: 'done' });
    expect(mov(one, 0, CR0_STATE & ~CR0_WP)).toMatchObject(GP);
    expect(one.cpu(0).cr0).toBe(CR0_STATE);
    expect(mov(one, 0, CR0_STATE)).toEqual({ kind: 'done' });
  });

  test('CR0: WP pinned low cannot be set; a guest cannot switch the polarity', () => {
    const one = machine();
    mov(one, 0, CR0_STATE & ~CR0_WP);
    expect(pin(one, MSR_KVM_CR0_PINNED_LOW, CR0_WP)).toEqual({ kind: 'done' });
    expect(mov(one, 0, CR0_STATE)).toMatchObject(GP);
    expect(pin(one, MSR_KVM_CR0_PINNED_HIGH, CR0_WP)).toMatchObject(GP);
  });

  test('CR4: UMIP and SMEP high, SMAP low: each, several and both are refused', () => {
    const one = machine();
    const base = one.cpu(0).cr4 & ~CR4_SMAP;
    mov(one, 4, base | CR4_UMIP);
    pin(one, MSR_KVM_CR4_PINNED_HIGH, CR4_UMIP | CR4_SMEP);
    pin(one, MSR_KVM_CR4_PINNED_LOW, CR4_SMAP);
    const good = one.cpu(0).cr4;
    for (const value of [
      good & ~CR4_UMIP,
      good & ~CR4_SMEP,
      good & ~(CR4_UMIP | CR4_SMEP),
      good | CR4_SMAP,
      (good & ~CR4_SMEP) | CR4_SMAP,
    ]) {
      expect(mov(one, 4, value)).toMatchObject(GP);
      expect(one.cpu(0).cr4).toBe(good);
    }
    expect(mov(one, 4, good)).toEqual({ kind: 'done' });
  });

  test('VMX: what L1 clears in the host fields is back after the exit', () => {
    const one = machine();
    const { cr0, cr4 } = one.cpu(0);
    pin(one, MSR_KVM_CR0_PINNED_HIGH, CR0_WP);
    pin(one, MSR_KVM_CR4_PINNED_HIGH, CR4_SMEP);
    one.do({
      op: 'nestedEntry',
      vcpu,
      guestCr0: cr0,
      guestCr4: cr4,
      hostCr0: cr0 & ~CR0_WP,
      hostCr4: cr4 & ~CR4_SMEP,
      cr0Mask: 0n,
      cr4Mask: 0n,
    });
    expect(one.do({ op: 'nestedExit', vcpu })).toMatchObject({ kind: 'exit' });
    expect(one.cpu(0)).toMatchObject({ cr0, cr4 });
  });
});

describe('selftest: smm_cr_pin_test', () => {
  function pinned(): Machine {
    const one = machine();
    mov(one, 4, one.cpu(0).cr4 | CR4_UMIP);
    pin(one, MSR_KVM_CR0_PINNED_HIGH, CR0_WP);
    pin(one, MSR_KVM_CR4_PINNED_HIGH, CR4_SMAP | CR4_UMIP);
    return one;
  }

  test('success: an SMI and RSM leave the registers, also over a save and a restore', () => {
    const one = pinned();
    const { cr0, cr4 } = one.cpu(0);
    one.do({ op: 'smi', vcpu });
    one.do({ op: 'migrate', order: 'msrs-first', strict: true });
    expect(one.do({ op: 'rsm', vcpu })).toEqual({ kind: 'done' });
    expect(one.cpu(0)).toMatchObject({ cr0, cr4 });
  });

  test('failure: an edited save area stops the VM with an emulation error', () => {
    const one = pinned();
    const { cr0, cr4 } = one.cpu(0);
    one.do({ op: 'smi', vcpu });
    const write = { op: 'smramWrite', vcpu, size: 8 } as const;
    one.do({ ...write, offset: 0x8000 + 0x7f58, value: cr0 & ~CR0_WP });
    one.do({ ...write, offset: 0x8000 + 0x7f48, value: cr4 & ~(CR4_SMAP | CR4_UMIP) });
    expect(one.do({ op: 'rsm', vcpu })).toEqual({ kind: 'internalError' });
    expect(one.do({ op: 'clts', vcpu })).toEqual({ kind: 'stopped' });
  });
});
