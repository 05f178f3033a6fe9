// SPDX-License-Identifier: MIT
import { describe, expect, test } from 'vitest';
import { cpuModel, CPU_PRESETS, initialState, type CpuFeatures } from '@kernel-models/hw-model/cpu';
import { covered } from '../../support/rule-coverage.ts';

/*
 * Every MSR beside a table: what it holds after reset, and values that it takes and does not take,
 * next to each other. Intel SDM volume 4; AMD APM volume 2, appendix on MSRs.
 */

const model = covered(cpuModel);

/** An MSR; without `takes` it is read-only, without a bit in `needs` the CPU does not have it. */
interface Row {
  readonly name: string;
  readonly msr: number;
  readonly reset: bigint;
  readonly takes?: readonly bigint[];
  readonly refuses?: readonly bigint[];
  readonly needs?: 'vmx' | 'svm' | 'cet';
}

const top = (bit: number): bigint => (1n << 64n) - (1n << BigInt(bit));
/** Linear addresses of 48 bits, and what is next to them. */
const ADDRESS = {
  takes: [0n, (1n << 47n) - 1n, top(47)],
  refuses: [1n << 47n, top(48), 1n << 63n],
};
const WORD = { takes: [0n, 0xffff_ffffn], refuses: [1n << 32n] };
const ANY = { takes: [0n, (1n << 64n) - 1n] };
const CET = {
  takes: [0n, 0x3fn, 0x400n, 0x800n, 0x1000n, (1n << 47n) - 0x1000n],
  refuses: [0x40n, 0x80n, 0x100n, 0x200n, 0xc00n, 1n << 47n],
};

const ROWS: readonly Row[] = [
  { name: 'TSC', msr: 0x10, reset: 0n, ...ANY },
  {
    name: 'APIC_BASE',
    msr: 0x1b,
    reset: 0xfee0_0900n,
    takes: [0xfee0_0900n, 0xfee0_0c00n, 0n, 1n << 39n],
    refuses: [1n, 0x200n, 0x80n, 1n << 40n],
  },
  {
    name: 'FEATURE_CONTROL',
    msr: 0x3a,
    reset: 0n,
    takes: [0n, 1n, 4n, 5n, 7n],
    refuses: [8n],
    needs: 'vmx',
  },
  { name: 'SYSENTER_CS', msr: 0x174, reset: 0n, ...WORD },
  { name: 'SYSENTER_ESP', msr: 0x175, reset: 0n, ...ADDRESS },
  { name: 'SYSENTER_EIP', msr: 0x176, reset: 0n, ...ADDRESS },
  {
    name: 'PAT',
    msr: 0x277,
    reset: 0x0007_0406_0007_0406n,
    takes: [0n, 0x0706_0504_0100_0000n, 1n],
    refuses: [2n, 0x0300n, 8n, 0x0800_0000_0000_0000n],
  },
  {
    name: 'VMX_CR0_FIXED0',
    msr: 0x486,
    reset: 0x8000_0021n,
    refuses: [0x8000_0021n],
    needs: 'vmx',
  },
  { name: 'VMX_CR0_FIXED1', msr: 0x487, reset: 0xffff_ffffn, refuses: [0n], needs: 'vmx' },
  { name: 'VMX_CR4_FIXED0', msr: 0x488, reset: 0x2000n, refuses: [0x2000n], needs: 'vmx' },
  { name: 'U_CET', msr: 0x6a0, reset: 0n, ...CET, needs: 'cet' },
  { name: 'S_CET', msr: 0x6a2, reset: 0n, ...CET, needs: 'cet' },
  { name: 'STAR', msr: 0xc000_0081, reset: 0n, ...ANY },
  { name: 'LSTAR', msr: 0xc000_0082, reset: 0n, ...ADDRESS },
  { name: 'CSTAR', msr: 0xc000_0083, reset: 0n, ...ADDRESS },
  { name: 'SYSCALL_MASK', msr: 0xc000_0084, reset: 0n, ...WORD },
  { name: 'FS_BASE', msr: 0xc000_0100, reset: 0n, ...ADDRESS },
  { name: 'GS_BASE', msr: 0xc000_0101, reset: 0n, ...ADDRESS },
  { name: 'KERNEL_GS_BASE', msr: 0xc000_0102, reset: 0n, ...ADDRESS },
  { name: 'TSC_AUX', msr: 0xc000_0103, reset: 0n, ...WORD },
  {
    name: 'VM_CR',
    msr: 0xc001_0114,
    reset: 0n,
    takes: [0n, 0x1fn],
    refuses: [0x20n],
    needs: 'svm',
  },
  {
    name: 'VM_HSAVE_PA',
    msr: 0xc001_0117,
    reset: 0n,
    takes: [0n, 0x1000n, 1n << 39n],
    refuses: [0x800n, 1n << 40n],
    needs: 'svm',
  },
];

const CPUS: Readonly<
  Record<string, { readonly cpu: CpuFeatures; readonly has: readonly string[] }>
> = {
  'an Intel CPU without CET': { cpu: CPU_PRESETS['bochs-icelake'], has: ['vmx'] },
  'an Intel CPU': { cpu: CPU_PRESETS['bochs-tigerlake'], has: ['vmx', 'cet'] },
  'an AMD CPU': { cpu: CPU_PRESETS['bochs-ryzen'], has: ['svm'] },
};
const ABSENT = { kind: 'fault', vector: 13, errorCode: 0 };

describe.each(Object.entries(CPUS))('MSRs of %s', (_, { cpu, has }) => {
  const state = initialState({ cpu, cr0: 0x8001_0033n, cr4: 0x20n, efer: 0x500n, csL: true });
  const at = (operation: Parameters<typeof model.apply>[1], from = state) =>
    model.apply(from, operation, 'architecture');

  test.each(ROWS)('$name', ({ msr, reset, takes = [], refuses = [], needs }) => {
    if (needs !== undefined && !has.includes(needs)) {
      expect(at({ op: 'rdmsr', msr }).outcome).toMatchObject(ABSENT);
      expect(at({ op: 'wrmsr', msr, value: 0n }).outcome).toMatchObject(ABSENT);
      expect(at({ op: 'hostRdmsr', msr }).outcome).toEqual({ kind: 'processed', count: 0 });
      return;
    }
    expect(at({ op: 'rdmsr', msr }).outcome).toEqual({ kind: 'value', value: reset });
    for (const value of takes) {
      const written = at({ op: 'wrmsr', msr, value });
      expect([value, written.outcome.kind]).toEqual([value, 'done']);
      const read = at({ op: 'rdmsr', msr }, written.state);
      expect(read.outcome).toEqual({ kind: 'value', value });
      const byHost = at({ op: 'hostWrmsr', msr, value });
      expect(byHost.outcome).toEqual({ kind: 'processed', count: 1 });
      expect(byHost.state).toEqual(written.state);
    }
    for (const value of refuses) {
      const refused = at({ op: 'wrmsr', msr, value });
      expect([value, refused.outcome]).toMatchObject([value, ABSENT]);
      expect(refused.state).toBe(state);
      const byHost = at({ op: 'hostWrmsr', msr, value });
      expect(byHost.outcome).toEqual({ kind: 'processed', count: 0 });
    }
  });

  test('SMBASE is for the host alone', () => {
    expect(at({ op: 'rdmsr', msr: 0x9e }).outcome).toMatchObject(ABSENT);
    const outcome = { kind: 'processed', count: 1, value: 0x3_0000n };
    expect(at({ op: 'hostRdmsr', msr: 0x9e }).outcome).toEqual(outcome);
  });

  test('a locked FEATURE_CONTROL stays, and one that is not locked does not', () => {
    if (!has.includes('vmx')) return;
    const write = { op: 'wrmsr', msr: 0x3a, value: 5n } as const;
    const open = at({ ...write, value: 4n }).state;
    const locked = at(write, open);
    expect(locked.outcome.kind).toBe('done');
    expect(at(write, locked.state).outcome).toMatchObject(ABSENT);
  });

  test('addresses of five-level paging have 57 bits', () => {
    const wide = initialState({ cpu: { ...cpu, cr4Valid: cpu.cr4Valid | 0x1000n } });
    const write = { op: 'wrmsr', msr: 0xc000_0082, value: (1n << 56n) - 1n } as const;
    expect(at(write, wide).outcome.kind).toBe('done');
    expect(at({ ...write, value: 1n << 56n }, wide).outcome.kind).toBe('fault');
    expect(at(write).outcome.kind).toBe('fault');
  });
});
